//! The manifest's JSON Schema: what is published is what the types say, and a manifest that `publish` made is valid by it in
//! the eyes of validators that know nothing of our types.
//!
//! To renew the published file after a change of the types: `UPDATE_GOLDEN=1 cargo nextest run --test schema`.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use surefoot_tests::notes::{Change, Vendor};

type Outcome = anyhow::Result<()>;

/// The schema as it is published.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifest-schema/manifest.schema.json");

/// The independent validator. Pinned: a new version is a change to look at.
const REQUIREMENT: &str = "check-jsonschema==0.39.0";

/// A manifest that the real `publish` made, with all that a release can bring.
fn manifest() -> anyhow::Result<Value> {
    let directory = tempfile::tempdir()?;
    let mut vendor = Vendor::new(directory.path())?;
    vendor.release("1.0.0", "Notes can be kept", Change::default())?;
    let change = Change {
        migration: Some("alter table notes add column author text;"),
        migration_keys: "transaction = false\ncompatible_with_previous = true",
        script: Some("true"),
        arguments: &["--severity", "major", "--minimum-version", "1.0.0", "--breaking"],
        ..Change::default()
    };
    vendor.release("1.1.0", "Notes have an author", change)?;
    Ok(serde_json::from_slice(&fs::read(vendor.releases().join("targets/v1.1.0/manifest.json"))?)?)
}

/// The manifest in ways that it must not be.
fn broken(manifest: &Value) -> Vec<(&'static str, Value)> {
    let with = |change: fn(&mut Value)| {
        let mut broken = manifest.clone();
        change(&mut broken);
        broken
    };
    vec![
        ("an unknown type of migration", with(|manifest| manifest["migration_steps"][1]["type"] = "alembic".into())),
        ("an unknown severity", with(|manifest| manifest["severity"] = "urgent".into())),
        ("no version", with(|manifest| drop(manifest.as_object_mut().unwrap().remove("version")))),
        ("a size that is text", with(|manifest| manifest["unpacked_size"] = "large".into())),
        (
            "an unknown health check",
            with(|manifest| manifest["application"]["health"]["checks"][0]["type"] = "smell".into()),
        ),
    ]
}

#[test]
fn the_published_schema_is_what_the_types_say() {
    let schema = manifest_schema::schema::manifest_schema();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(GOLDEN, &schema).unwrap();
    }
    let golden = fs::read_to_string(GOLDEN).expect("the published schema is there");
    assert!(
        golden == schema,
        "manifest.schema.json is not what the types say: if the change is meant, renew it with UPDATE_GOLDEN=1"
    );
}

#[test]
fn a_validator_in_rust_accepts_what_publish_made_and_refuses_what_is_broken() -> Outcome {
    let schema: Value = serde_json::from_str(&fs::read_to_string(GOLDEN)?)?;
    let validator = jsonschema::validator_for(&schema).unwrap();
    let manifest = manifest()?;
    if let Err(error) = validator.validate(&manifest) {
        panic!("{error} at {}", error.instance_path());
    }
    for (what, broken) in broken(&manifest) {
        assert!(!validator.is_valid(&broken), "{what} is accepted");
    }
    Ok(())
}

#[test]
fn an_independent_validator_agrees() -> Outcome {
    let directory = tempfile::tempdir()?;
    assert_eq!(check(&["--check-metaschema", GOLDEN]), Ok(()), "the schema itself");
    let manifest = manifest()?;
    let accepts = |document: &Value| {
        let path = directory.path().join("manifest.json");
        fs::write(&path, document.to_string()).unwrap();
        check(&["--schemafile", GOLDEN, &path.display().to_string()])
    };
    assert_eq!(accepts(&manifest), Ok(()));
    for (what, broken) in broken(&manifest) {
        assert!(accepts(&broken).is_err(), "{what} is accepted");
    }
    Ok(())
}

/// Runs the independent validator; what it said when it did not agree.
fn check(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(validator()).args(arguments).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(said),
        code => panic!("the validator broke with {code:?}: {said}"),
    }
}

/// The validator's program. The first call installs it where the build puts its files.
fn validator() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let venv = target.join("schema-venv");
    // Written last, so that an interrupted installation is begun again.
    let complete = venv.join("complete");
    if fs::read_to_string(&complete).is_ok_and(|found| found == REQUIREMENT) {
        return venv.join("bin/check-jsonschema");
    }
    run(
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv),
        "a Python with its venv module (Debian: python3-venv)",
    );
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT];
    run(Command::new(venv.join("bin/python")).args(pip), "a way to the Python package index");
    fs::write(complete, REQUIREMENT).unwrap();
    venv.join("bin/check-jsonschema")
}

fn run(command: &mut Command, needs: &str) {
    assert!(command.status().is_ok_and(|status| status.success()), "the independent validator needs {needs}");
}
