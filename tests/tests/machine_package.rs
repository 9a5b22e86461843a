//! The package that the tests install, taken apart: its bill of materials, and what is really in the program.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use surefoot_tests::scenario;

const BILL: &str = "usr/share/doc/surefoot/surefoot.cdx.json";

/// Name and version.
type Crate = (String, String);

/// The package's files, and what must be kept so that they stay.
fn unpacked() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    run(Command::new("dpkg-deb").arg("--extract").arg(scenario::package().unwrap()).arg(&tree));
    (directory, tree)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn bill(tree: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(tree.join(BILL)).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing in {value}"))
}

fn components(bill: &Value) -> &Vec<Value> {
    bill["components"].as_array().unwrap()
}

/// The crates that the bill names.
fn crates(bill: &Value) -> BTreeMap<Crate, &Value> {
    let of_cargo = components(bill).iter().filter(|it| text(it, "purl").starts_with("pkg:cargo/"));
    of_cargo.map(|it| ((text(it, "name").to_owned(), text(it, "version").to_owned()), it)).collect()
}

/// `cargo tree` for the shipped program, a line a crate: the name, the version, the licence.
fn tree_of_cargo(edges: &str) -> BTreeMap<Crate, String> {
    let mut tree = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tree.args(["tree", "--locked", "--package=surefoot", "--prefix=none", "--format={p}\t{l}", "--edges", edges]);
    let said = run(&mut tree);
    let line = |line: &str| {
        let (package, licence) = line.split_once('\t').unwrap();
        let mut words = package.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap().trim_start_matches('v'));
        ((name.to_owned(), version.to_owned()), licence.trim_end_matches(" (*)").to_owned())
    };
    // Headings and empty lines between the kinds of edges have no licence.
    said.lines().filter(|line| line.contains('\t')).map(line).collect()
}

#[test]
fn the_bill_of_materials_names_every_crate_that_is_linked_and_no_other() {
    let (_kept, tree) = unpacked();
    let bill = bill(&tree);
    let linked = tree_of_cargo("normal,no-proc-macro");
    let own = ("surefoot".to_owned(), env!("CARGO_PKG_VERSION").to_owned());

    let expected: BTreeSet<&Crate> = linked.keys().filter(|it| **it != own).collect();
    assert!(expected.len() > 100, "cargo tree names {} crates", expected.len());
    assert_eq!(crates(&bill).keys().collect::<BTreeSet<_>>(), expected);
    for (it, component) in crates(&bill) {
        let licence = text(&component["licenses"][0], "expression");
        let words = |text: &str| text.replace('/', " OR ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(licence), words(&linked[&it]), "{it:?}");
    }
    let root = &bill["metadata"]["component"];
    assert_eq!((text(root, "name"), text(root, "version")), (own.0.as_str(), own.1.as_str()));
    // What only tests and builds need is in nothing that is shipped.
    let all = tree_of_cargo("all");
    let others = ["tempfile", "rcgen", "serde_derive", "cc"];
    for other in others {
        assert!(all.keys().any(|(name, _)| name == other), "{other} is no dependency at all");
        assert!(!crates(&bill).keys().any(|(name, _)| name == other), "{other} is not linked");
    }
}

#[test]
fn every_crate_of_the_bill_has_the_hash_that_cargo_checks() {
    let (_kept, tree) = unpacked();
    let bill = bill(&tree);
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).unwrap();
    for ((name, version), component) in crates(&bill) {
        let entry = lock.split("[[package]]").find(|entry| {
            entry.contains(&format!("\nname = \"{name}\"\n")) && entry.contains(&format!("\nversion = \"{version}\"\n"))
        });
        let entry = entry.unwrap_or_else(|| panic!("{name} {version} is not locked"));
        match entry.lines().find_map(|line| line.strip_prefix("checksum = ")) {
            Some(checksum) => assert_eq!(text(&component["hashes"][0], "content"), checksum.trim_matches('"')),
            None => assert_eq!(name, "manifest-schema", "only what is of this workspace has no hash"),
        }
    }
}

/// Independent of cargo: where a program can panic, it names the crate's folder, with the version.
#[test]
fn every_crate_that_the_program_names_is_in_the_bill() {
    let (_kept, tree) = unpacked();
    let bill = bill(&tree);
    let program = std::fs::read(tree.join("usr/bin/surefoot")).unwrap();
    let program = String::from_utf8_lossy(&program);
    let folders: BTreeSet<&str> =
        program.split("/cargo/registry/src/").skip(1).filter_map(|rest| rest.split('/').nth(1)).collect();
    assert!(folders.len() > 20, "{folders:?}");
    let known: BTreeSet<String> = crates(&bill).keys().map(|(name, version)| format!("{name}-{version}")).collect();
    let unknown: Vec<_> = folders.into_iter().filter(|folder| !known.contains(*folder)).collect();
    assert_eq!(unknown, [""; 0]);
}

/// The C code that crates carry is the part that a list of crates hides.
#[test]
fn what_is_not_rust_is_in_the_bill_with_its_version() {
    let (_kept, tree) = unpacked();
    let bill = bill(&tree);
    let inside = |name: &str| {
        let carrier = components(&bill).iter().find(|it| text(it, "name") == name).unwrap();
        carrier["components"][0].clone()
    };
    let program = std::fs::read(tree.join("usr/bin/surefoot")).unwrap();
    let (sqlite, zstd) = (inside("libsqlite3-sys"), inside("zstd-sys"));
    assert_eq!((text(&sqlite, "name"), text(&zstd, "name")), ("sqlite", "zstd"));
    let version = text(&sqlite, "version").as_bytes();
    assert!(program.windows(version.len()).any(|window| window == version), "SQLite knows its own version");
    let others: Vec<_> = components(&bill)
        .iter()
        .filter(|it| !text(it, "purl").starts_with("pkg:cargo/"))
        .map(|it| text(it, "name"))
        .collect();
    assert_eq!(others, ["rust"]);
}

#[test]
fn the_program_names_no_folder_of_whoever_built_it() {
    let (_kept, tree) = unpacked();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_str().unwrap();
    let home = std::env::home_dir().unwrap();
    let home = format!("{}/", home.join(".cargo").display());
    for file in ["usr/bin/surefoot", BILL] {
        let bytes = std::fs::read(tree.join(file)).unwrap();
        for folder in [workspace, &home] {
            let found = bytes.windows(folder.len()).any(|window| window == folder.as_bytes());
            assert!(!found, "{folder} is in {file}");
        }
    }
}

/// The time of a build is in nothing; that of the changelog is in everything.
#[test]
fn every_file_of_the_package_has_the_time_of_the_changelog() {
    let changelog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/deb/changelog");
    let date = run(Command::new("dpkg-parsechangelog").args(["--show-field", "Timestamp", "--file"]).arg(changelog));
    let date: u64 = date.trim().parse().unwrap();
    let (_kept, tree) = unpacked();
    let files = run(Command::new("find").arg(&tree).args(["-type", "f", "-printf", "%T@ %P\n"]));
    assert!(files.lines().count() > 10, "{files}");
    for line in files.lines() {
        let (time, name) = line.split_once(' ').unwrap();
        assert_eq!(time.split('.').next().unwrap().parse::<u64>().unwrap(), date, "{name}");
    }
}
