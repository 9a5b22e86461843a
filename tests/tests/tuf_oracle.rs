//! python-tuf, the reference implementation of The Update Framework, and tough agree with ours: each accepts what the other wrote,
//! and all refuse it with a byte changed.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{Timestamp as Time, ToSpan};
use manifest_schema::strict;
use manifest_schema::tuf::{
    Error, Expiry, MetaFile, RoleName, Root, SigningKey, Snapshot, TargetDescription, TargetPath, Targets, Timestamp,
    TrustedRepository, sign,
};
use serde_json::{Value, json};
use surefoot_tests::oracle;

const TARGET: &str = "v1.1.0/manifest.json";
const CUSTOM: &str = r#"{"é\"\\":[1,-2,null,true,{"z":"","a":{}}]}"#;

fn python_reads(repository: &Path) -> oracle::Verdict {
    oracle::reads(repository).unwrap()
}

fn tough_reads(repository: &Path) -> oracle::Verdict {
    oracle::tough::reads(repository).unwrap()
}

fn python_writes(repository: &Path) {
    oracle::writes(repository).unwrap();
}

/// What we trust of a repository: the walk of the specification over files in a directory.
fn we_read(repository: &Path) -> Result<Value, Error> {
    let file = |name: &str| fs::read(repository.join("metadata").join(name)).unwrap();
    let now = Expiry::Enforce(Time::now());
    let mut trusted = TrustedRepository::from_root(&file("1.root.json"), None)?;
    while repository.join("metadata").join(RoleName::Root.file_name(trusted.root().version + 1)).exists() {
        let next = file(&RoleName::Root.file_name(trusted.root().version + 1));
        let _ = trusted.update_root(&next)?;
    }
    let _ = trusted.update_timestamp(&file("timestamp.json"), now)?;
    let version = trusted.wanted_snapshot().unwrap().version;
    trusted.update_snapshot(&file(&RoleName::Snapshot.file_name(version)), now)?;
    let version = trusted.wanted_targets().unwrap().version;
    trusted.update_targets(&file(&RoleName::Targets.file_name(version)), now)?;
    let targets = trusted.targets().unwrap();
    let mut found = json!({});
    for (path, description) in &targets.targets {
        let at = repository.join("targets").join(path.hashed(&description.sha256));
        let content = trusted.verify_target(path, fs::read(at).unwrap())?;
        found[path.as_str()] = json!({
            "content": hex::encode(&**content),
            "custom": description.custom,
        });
    }
    let version = |role| trusted.known(role).unwrap().0;
    Ok(json!({
        "versions": {
            "root": version(RoleName::Root),
            "timestamp": version(RoleName::Timestamp),
            "snapshot": version(RoleName::Snapshot),
            "targets": version(RoleName::Targets),
        },
        "targets": found,
    }))
}

/// A repository of ours: two roots with a rotated root key and a threshold of two, and one target.
fn we_write(repository: &Path) {
    let key = |seed: u8| SigningKey::from_seed([seed; 32]);
    let (a, b, c) = (key(1), key(2), key(3));
    let expires = Time::now() + (7 * 24).hours();
    let store = |name: String, bytes: &[u8]| {
        fs::write(repository.join("metadata").join(name), bytes).unwrap();
    };
    fs::create_dir_all(repository.join("metadata")).unwrap();
    fs::create_dir_all(repository.join("targets/v1.1.0")).unwrap();

    let mut root = Root::new(1, expires);
    for (role, seed) in [(RoleName::Targets, 4), (RoleName::Snapshot, 5), (RoleName::Timestamp, 6)] {
        root.grant(role, key(seed).public());
    }
    root.grant(RoleName::Root, a.public());
    root.grant(RoleName::Root, b.public());
    root.root.threshold = 2;
    store(RoleName::Root.file_name(1), &sign(&root, &[&a, &b]).unwrap());
    root.version = 2;
    root.revoke(RoleName::Root, a.public().id());
    root.grant(RoleName::Root, c.public());
    store(RoleName::Root.file_name(2), &sign(&root, &[&a, &b, &c]).unwrap());

    let content = b"written by surefoot";
    let path: TargetPath = TARGET.parse().unwrap();
    let custom = strict::parse(CUSTOM.as_bytes(), 1000).unwrap();
    let description = TargetDescription { custom: Some(custom), ..TargetDescription::of(content) };
    fs::write(repository.join("targets").join(path.hashed(&description.sha256)), content).unwrap();
    let targets = Targets { version: 3, expires, targets: [(path, description)].into() };
    let bytes = sign(&targets, &[&key(4)]).unwrap();
    store(RoleName::Targets.file_name(3), &bytes);
    let bytes = sign(&Snapshot::new(4, expires, MetaFile::of(3, &bytes)), &[&key(5)]).unwrap();
    store(RoleName::Snapshot.file_name(4), &bytes);
    let timestamp =
        Timestamp { version: 5, expires, signed_at: Some(expires - (24).hours()), snapshot: MetaFile::of(4, &bytes) };
    store(RoleName::Timestamp.file_name(5), &sign(&timestamp, &[&key(6)]).unwrap());
}

fn expected(content: &str) -> Value {
    let custom: Value = serde_json::from_str(CUSTOM).unwrap();
    json!({
        "versions": {"root": 2, "timestamp": 5, "snapshot": 4, "targets": 3},
        "targets": {TARGET: {"content": hex::encode(content), "custom": custom}},
    })
}

/// Changes one digit of a signature, or of the target's content, in each file in turn, and shows
/// that all refuse it.
fn all_refuse_each_changed_file(repository: &Path) {
    let mut files: Vec<PathBuf> = ["metadata", "targets/v1.1.0"]
        .iter()
        .flat_map(|directory| fs::read_dir(repository.join(directory)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 6);
    for file in files {
        let good = fs::read(&file).unwrap();
        fs::write(&file, changed(&good)).unwrap();
        let ours = we_read(repository).expect_err("a changed byte");
        let python = python_reads(repository).expect_err("a changed byte");
        let tough = tough_reads(repository).expect_err("a changed byte");
        println!("{}: {ours} / {python} / {tough}", file.display());
        fs::write(&file, good).unwrap();
    }
}

fn changed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let sig = br#""sig":"#;
    let at = bytes.windows(sig.len()).position(|window| window == sig).map_or(0, |at| at + 10);
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    bytes
}

#[test]
fn python_tuf_and_tough_accept_what_we_sign() {
    let repository = tempfile::tempdir().unwrap();
    we_write(repository.path());
    assert_eq!(python_reads(repository.path()).unwrap(), expected("written by surefoot"));
    assert_eq!(tough_reads(repository.path()).unwrap(), expected("written by surefoot"));
    assert_eq!(we_read(repository.path()).unwrap(), expected("written by surefoot"));
}

#[test]
fn we_accept_what_python_tuf_signs() {
    let repository = tempfile::tempdir().unwrap();
    python_writes(repository.path());
    assert_eq!(we_read(repository.path()).unwrap(), expected("written by python-tuf"));
    assert_eq!(python_reads(repository.path()).unwrap(), expected("written by python-tuf"));
    assert_eq!(tough_reads(repository.path()).unwrap(), expected("written by python-tuf"));
}

#[test]
fn all_refuse_a_changed_byte_in_what_we_signed() {
    let repository = tempfile::tempdir().unwrap();
    we_write(repository.path());
    all_refuse_each_changed_file(repository.path());
}

#[test]
fn all_refuse_a_changed_byte_in_what_python_tuf_signed() {
    let repository = tempfile::tempdir().unwrap();
    python_writes(repository.path());
    all_refuse_each_changed_file(repository.path());
}
