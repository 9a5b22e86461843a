use std::collections::BTreeMap;
use std::path::Path;

use manifest_schema::tuf::{TargetDescription, TargetPath};

use super::*;
use crate::config::{Expiry, ROOTS};
use crate::init::{self, Protection, Quorum};
use crate::keys::Keyring;
use crate::metadata::{Advance, Current, Ground, MetadataFile, Proposal, Roots};
use crate::passphrase::Passphrases;
use crate::progress::Silent;
use crate::sign::Signers;

/// A vendor with keys, and room for staged files.
struct Vendor {
    directory: tempfile::TempDir,
    roots: Roots,
}

fn vendor() -> Vendor {
    let directory = tempfile::tempdir().unwrap();
    let product = Some("kkt".parse().unwrap());
    let quorum = Quorum { keys: 1, threshold: 1 };
    init::init(directory.path(), product, Protection::None, quorum, time(0)).unwrap();
    let roots = Roots::read(&directory.path().join(ROOTS)).unwrap();
    Vendor { directory, roots }
}

fn time(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_800_000_000 + second).unwrap()
}

impl Vendor {
    fn current(&self, repository: &Directory) -> Option<Current> {
        Current::load(&self.roots, &mut repository.clone()).unwrap()
    }

    /// A release with two targets, signed at `second` on what `repository` has.
    fn publication(&self, repository: &Directory, version: &str, second: i64) -> Publication {
        let contents =
            [("manifest.json", format!("manifest of {version}")), ("a.tar.zst", format!("files of {version}"))];
        let description = |(name, content): &(&str, String)| {
            let path: TargetPath = format!("v{version}/{name}").parse().unwrap();
            (path, TargetDescription::of(content.as_bytes()))
        };
        let added: BTreeMap<_, _> = contents.iter().map(description).collect();
        let current = self.current(repository);
        let mut targets = current.as_ref().map(|current| current.targets().clone()).unwrap_or_default();
        targets.extend(added);
        let (expiry, now) = (Expiry::default(), time(second));
        let ground = Ground { roots: &self.roots, current: current.as_ref(), expiry, now };
        let mut proposal = Proposal::of_targets(&ground, targets).unwrap();
        let ring = Keyring::new(&self.directory.path().join("keys"), &[], Passphrases::new(None)).unwrap();
        let mut signers = Signers { ring, commands: Vec::new() };
        let Advance::Complete(metadata) = proposal.advance(&ground, &mut signers).unwrap() else {
            panic!("a signature is lacking");
        };
        let twice = |(name, content): &(&str, String)| {
            let asset = self.asset(name, content.as_bytes());
            [asset.clone(), Asset { name: format!("{}.{name}", asset.sha256), ..asset }]
        };
        Publication {
            version: version.parse().unwrap(),
            notes: String::new(),
            targets: contents.iter().flat_map(twice).collect(),
            metadata: metadata.iter().map(|MetadataFile { name, bytes }| self.asset(name, bytes)).collect(),
        }
    }

    fn asset(&self, name: &str, bytes: &[u8]) -> Asset {
        let sha256 = Sha256::of(bytes);
        let file = self.directory.path().join(sha256.to_string());
        disk::write_working(&file, bytes).unwrap();
        Asset { name: name.to_owned(), file, length: bytes.len() as u64, sha256 }
    }

    /// The releases that a reader sees; every one of them must be whole.
    fn seen(&self, repository: &Directory) -> Vec<String> {
        let Some(current) = self.current(repository) else {
            return Vec::new();
        };
        for (path, description) in current.targets() {
            for name in [path.to_string(), path.hashed(&description.sha256)] {
                let bytes = disk::read(&repository.target_path(&name), 1 << 20).unwrap();
                assert_eq!(Sha256::of(&bytes.expect(&name)), description.sha256, "{name}");
            }
        }
        let manifests = current.targets().keys().filter_map(|path| path.as_str().strip_suffix("/manifest.json"));
        manifests.map(str::to_owned).collect()
    }
}

/// Does the first `done` operations, and of the next one only what a crash in its middle leaves behind.
fn interrupted(repository: &Directory, publication: &Publication, done: usize) -> usize {
    let operations = repository.operations(publication, Visibility::Public);
    operations.iter().take(done).for_each(|operation| perform(operation).unwrap());
    if let Some(Operation::Place(_, path) | Operation::Link(_, path)) = operations.get(done) {
        let partial = path.with_file_name(format!(".{}.partial", path.file_name().unwrap().to_str().unwrap()));
        disk::write_working(&partial, b"half").unwrap();
    }
    operations.len()
}

fn publish(repository: &mut Directory, publication: &Publication) {
    repository.publish(publication, Visibility::Public, &mut Silent).unwrap();
}

fn no_leftovers(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        assert!(!path.to_string_lossy().ends_with(".partial"), "{}", path.display());
        if path.is_dir() {
            no_leftovers(&path);
        }
    }
}

/// Interrupts the second release at each point, before the first release and after it, and completes it with metadata
/// that was signed later.
fn interrupt_everywhere(before: Option<&str>) {
    let vendor = vendor();
    let mut done = 0;
    loop {
        let room = tempfile::tempdir().unwrap();
        let mut repository = Directory::new(room.path().to_owned());
        if let Some(before) = before {
            let publication = vendor.publication(&repository, before, 0);
            publish(&mut repository, &publication);
        }
        let old: Vec<String> = before.iter().map(|version| format!("v{version}")).collect();
        let new: Vec<String> = old.iter().cloned().chain(["v1.1.0".to_owned()]).collect();
        let first = vendor.publication(&repository, "1.1.0", 10);
        let second = vendor.publication(&repository, "1.1.0", 20);
        let all = interrupted(&repository, &first, done);
        assert_eq!(vendor.seen(&repository), if done >= all { new.clone() } else { old }, "after {done} of {all}");
        if done >= all {
            return;
        }
        publish(&mut repository, &second);
        assert_eq!(vendor.seen(&repository), new, "completed after {done} of {all}");
        no_leftovers(room.path());
        done += 1;
    }
}

#[test]
fn an_interrupted_first_release_is_invisible_and_completed_by_the_next_run() {
    interrupt_everywhere(None);
}

#[test]
fn an_interrupted_release_leaves_the_one_before_and_is_completed_by_the_next_run() {
    interrupt_everywhere(Some("1.0.0"));
}

#[test]
fn the_two_names_of_a_target_are_one_file() {
    use std::os::unix::fs::MetadataExt;
    let (vendor, room) = (vendor(), tempfile::tempdir().unwrap());
    let mut repository = Directory::new(room.path().to_owned());
    let publication = vendor.publication(&repository, "1.0.0", 0);
    publish(&mut repository, &publication);
    let inode = |asset: &Asset| std::fs::metadata(repository.target_path("v1.0.0").join(&asset.name)).unwrap().ino();
    assert_eq!(inode(&publication.targets[0]), inode(&publication.targets[1]));
}

#[test]
fn a_draft_changes_nothing_that_a_reader_sees() {
    let (vendor, room) = (vendor(), tempfile::tempdir().unwrap());
    let mut repository = Directory::new(room.path().to_owned());
    let publication = vendor.publication(&repository, "1.0.0", 0);
    repository.publish(&publication, Visibility::Draft, &mut Silent).unwrap();
    assert!(vendor.seen(&repository).is_empty());
    publish(&mut repository, &publication);
    assert_eq!(vendor.seen(&repository), ["v1.0.0"]);
}
