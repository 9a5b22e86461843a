//! The reader alone: a case is refused with its words, and what was written until then is listed, in place and no more.

use std::collections::BTreeSet;
use std::path::Path;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{FileEntry, FileMode};
use surefoot::durable::TreeWriter;
use surefoot::unpack::{UnpackError, unpack};
use surefoot_tests::notes::{Packed, SmallDisk};

use super::cases::Case;
use super::everything_below;
use super::ustar::{Archive, Member, gz};

const CONTENTS: [(&str, &[u8]); 3] = [("a.txt", b"hello"), ("bin/run", b"#!/bin/sh\n"), ("z/z.txt", &[b'z'; 3000])];

fn good() -> Archive {
    let member = |(name, content): &(&str, &[u8])| Member::file(name, content);
    Archive(CONTENTS.iter().map(member).collect())
}

fn listed() -> Vec<FileEntry> {
    let entry = |(path, content): &(&str, &[u8])| FileEntry {
        path: path.parse().unwrap(),
        size: content.len() as u64,
        sha256: Sha256::of(content),
        mode: FileMode::Plain,
    };
    CONTENTS.iter().map(entry).collect()
}

/// Unpacks into `tree` below the directory, in which nothing else is but the archive.
fn outcome(directory: &Path, packed: &Packed) -> Result<(), UnpackError> {
    let file = directory.join("artifact");
    std::fs::write(&file, packed.bytes()).unwrap();
    let mut tree = TreeWriter::create(&directory.join("tree"), None).unwrap();
    unpack(&file, &packed.artifact("x"), &listed(), &mut tree, &mut |_| {})
}

pub(crate) fn refuses(case: &Case) {
    let directory = tempfile::tempdir().unwrap();
    let error = outcome(directory.path(), &(case.make)(good())).expect_err(case.name);
    assert!(matches!(error, UnpackError::Refused(_) | UnpackError::Archive { .. }), "{}: {error:?}", case.name);
    let said = surefoot::exit::chain(&error);
    assert!(said.contains(case.words), "{}: {said}", case.name);
    assert!(said.len() < 500 && !said.contains(char::is_control), "{}: {said:?}", case.name);
    let allowed: BTreeSet<_> = ["artifact", "tree", "tree/bin", "tree/z"]
        .into_iter()
        .map(str::to_owned)
        .chain(CONTENTS.iter().map(|(path, _)| format!("tree/{path}")))
        .collect();
    let found: BTreeSet<_> = everything_below(directory.path()).into_keys().collect();
    assert!(found.is_subset(&allowed), "{}: {found:?}", case.name);
}

#[test]
fn the_good_archives_are_taken() {
    for packed in [good().packed(), gz(&good().bytes())] {
        let directory = tempfile::tempdir().unwrap();
        outcome(directory.path(), &packed).unwrap();
        for (path, content) in CONTENTS {
            assert_eq!(std::fs::read(directory.path().join("tree").join(path)).unwrap(), content);
        }
    }
}

#[test]
fn a_disk_that_is_full_in_the_middle_is_not_the_archives_fault() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("disk");
    let _disk = SmallDisk::mount(&place, 1).unwrap();
    let file = directory.path().join("artifact");
    let large = vec![7; 2 << 20];
    let packed = Archive(vec![Member::file("large", &large)]).packed();
    std::fs::write(&file, packed.bytes()).unwrap();
    // Root's alone, as every directory in which a tree is begun.
    std::os::unix::fs::chown(&place, Some(0), Some(0)).unwrap();
    let mut tree = TreeWriter::create(&place.join("tree"), None).unwrap();
    let entry = FileEntry {
        path: "large".parse().unwrap(),
        size: large.len() as u64,
        sha256: Sha256::of(&large),
        mode: FileMode::Plain,
    };
    let error = unpack(&file, &packed.artifact("x"), &[entry], &mut tree, &mut |_| {}).unwrap_err();
    assert!(matches!(&error, UnpackError::Write(error) if error.is_no_space()), "{error:?}");
}
