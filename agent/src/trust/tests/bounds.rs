//! What a cycle may cost, and that one cycle never refuses what the next one takes.

use manifest_schema::tuf::{MetaFile, SigningKey, sign};

use super::*;
use crate::source::{ReleaseSource, Sink};
use crate::update::tests::repository::Shelf;

fn roots_asked(pair: &Pair) -> usize {
    pair.vendor.shelf.asked.iter().filter(|(name, _)| name.ends_with(".root.json")).count()
}

#[test]
fn seventy_roots_in_a_row_take_two_cycles() {
    let mut pair = pair();
    (0..70).for_each(|_| pair.vendor.rotate(RoleName::Root));
    the_release(&pair.cycle().unwrap());
    assert_eq!(pair.version(RoleName::Root), Some(65));
    assert_eq!(roots_asked(&pair), 64);
    the_release(&pair.cycle().unwrap());
    assert_eq!(pair.version(RoleName::Root), Some(71));
}

#[test]
fn a_cycle_that_starts_again_follows_no_more_roots_for_it() {
    let mut pair = pair();
    (0..70).for_each(|_| pair.vendor.rotate(RoleName::Root));
    pair.vendor.shelf.missing.insert("timestamp.json".to_owned(), u32::MAX);
    assert_eq!(pair.cycle().err().unwrap().exit(), Exit::Unreachable);
    assert_eq!(roots_asked(&pair), 64);
    assert_eq!(pair.version(RoleName::Root), Some(65), "what was followed is kept");
}

/// A source that becomes another one when a file is asked for, which it does not have then.
struct Switches {
    now: Shelf,
    then: Option<(&'static str, Shelf)>,
}

impl ReleaseSource for Switches {
    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, crate::source::SourceError> {
        if let Some((_, then)) = self.then.take_if(|(when, _)| *when == name) {
            self.now = then;
            return Ok(None);
        }
        self.now.metadata(name, cap)
    }

    fn target(
        &mut self,
        path: &str,
        from: u64,
        length: u64,
        sink: &mut Sink<'_>,
    ) -> Result<(), crate::source::SourceError> {
        self.now.target(path, from, length, sink)
    }
}

#[test]
fn a_rotation_in_the_middle_of_a_cycle_is_followed_when_it_starts_again() {
    for role in RoleName::ALL {
        let mut pair = pair();
        let now = pair.vendor.shelf.clone();
        pair.vendor.rotate(role);
        let mut source = Switches { now, then: Some(("2.snapshot.json", pair.vendor.shelf.clone())) };
        let mut trust = pair.load().unwrap();
        trust
            .refresh(&mut source, super::now())
            .unwrap_or_else(|error| panic!("{role}: {}", crate::exit::chain(&error)));
        the_release(&trust);
        assert_eq!(pair.version(RoleName::Root), Some(2), "{role}");
    }
}

#[test]
fn what_one_thief_signed_counts_for_nothing_once_two_must_sign() {
    let mut pair = pair();
    let version = pair.vendor.version;
    pair.vendor.version = 1_000_000;
    pair.vendor.publish();
    pair.cycle().unwrap();
    // No key is taken away: one comes, and both must sign.
    let second = SigningKey::from_seed([77; 32]);
    pair.vendor.root.version = 2;
    pair.vendor.root.grant(RoleName::Timestamp, second.public());
    pair.vendor.root.grant(RoleName::Snapshot, second.public());
    pair.vendor.root.grant(RoleName::Targets, second.public());
    for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
        pair.vendor.root.role_mut(role).threshold = 2;
    }
    pair.vendor.version = version;
    pair.vendor.publish_with(&second);
    let root = sign(&pair.vendor.root, &[&pair.vendor.keys[&RoleName::Root]]).unwrap();
    pair.vendor.shelf.metadata.insert("2.root.json".to_owned(), root);
    the_release(&pair.cycle().unwrap());
    assert_eq!(pair.version(RoleName::Timestamp), Some(version + 1));
}

/// A file of a tebibyte, all of it a hole.
fn endless(path: &Path) {
    durable::write_over(path, b"", 0o644).unwrap();
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
}

#[test]
fn a_stored_file_of_any_length_is_read_up_to_the_cap() {
    let mut pair = pair();
    pair.cycle().unwrap();
    for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
        endless(&pair.place().join(format!("{role}.json")));
    }
    assert_eq!(pair.load().unwrap().left_out().len(), 3);
    the_release(&pair.cycle().unwrap());
    endless(&pair.place().join("root.json"));
    assert_eq!(pair.load().err().unwrap().exit(), Exit::NotTrusted);
}

#[test]
fn a_snapshot_of_another_version_is_fetched_whatever_digest_is_signed_of_it() {
    let mut pair = pair();
    pair.cycle().unwrap();
    let snapshot = pair.vendor.shelf.metadata["2.snapshot.json"].clone();
    let mut timestamp = tuf::Timestamp {
        version: 3,
        expires: pair.vendor.expires,
        signed_at: None,
        snapshot: MetaFile::of(2, &snapshot),
    };
    timestamp.snapshot.version = 3;
    let signed = sign(&timestamp, &[&pair.vendor.keys[&RoleName::Timestamp]]).unwrap();
    pair.vendor.shelf.metadata.insert("timestamp.json".to_owned(), signed);
    let error = pair.cycle().err().unwrap();
    assert!(matches!(&error, TrustError::Missing(name) if name == "3.snapshot.json"), "{error:?}");
}
