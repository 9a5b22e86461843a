//! Metadata that several people sign one after the other.

use manifest_schema::tuf::{Partial, RoleName, Root, SignError, Timestamp, sign};

use crate::world::{World, key, tamper};

/// A root that wants two of these three for the timestamp.
fn two_of_three() -> Root {
    let mut root = World::new().root;
    for seed in [5, 6] {
        root.grant(RoleName::Timestamp, key(seed).public());
    }
    root.timestamp.threshold = 2;
    root
}

fn unsigned() -> Partial<Timestamp> {
    Partial::new(World::new().timestamp).unwrap()
}

#[test]
fn signatures_are_added_one_by_one_until_there_are_enough() {
    let root = two_of_three();
    let mut partial = unsigned();
    assert!(!partial.is_signed(&root));
    for (seed, enough) in [(5, false), (5, false), (7, false), (4, true)] {
        partial.sign(&key(seed)).unwrap();
        partial = Partial::read(&partial.file()).unwrap();
        assert_eq!(partial.is_signed(&root), enough, "after {seed}");
    }
    partial.keep_signers(&[&root]);
    assert_eq!(partial.file(), sign(partial.metadata(), &[&key(4), &key(5)]).unwrap(), "the stranger's is dropped");
}

#[test]
fn a_signature_from_elsewhere_is_verified_before_it_is_taken() {
    let mut partial = unsigned();
    for wrong in ["", "00", &"00".repeat(64), &"zz".repeat(64)] {
        let refused = partial.add(&key(4).public(), wrong.to_owned());
        assert!(matches!(refused, Err(SignError::BadSignature { .. })), "{wrong}");
    }
    assert!(partial.signers(&World::new().root).is_empty());
}

#[test]
fn a_signature_over_something_else_counts_for_nothing() {
    let root = World::new().root;
    let mut partial = unsigned();
    partial.sign(&key(4)).unwrap();
    assert!(partial.is_signed(&root));
    let changed = tamper(&partial.file(), |file| file["signed"]["version"] = 2.into());
    let mut changed = Partial::<Timestamp>::read(&changed).unwrap();
    assert_eq!(changed.metadata().version, 2, "it is shown as it is");
    assert!(!changed.is_signed(&root));
    changed.keep_signers(&[&root]);
    assert!(!String::from_utf8(changed.file()).unwrap().contains("keyid"));
}

#[test]
fn what_is_no_signature_at_all_is_left_out_when_it_is_read() {
    let mut partial = unsigned();
    partial.sign(&key(4)).unwrap();
    let changed = tamper(&partial.file(), |file| file["signatures"][0]["sig"] = "a quote: \"".into());
    let changed = Partial::<Timestamp>::read(&changed).unwrap();
    assert!(!String::from_utf8(changed.file()).unwrap().contains("quote"));
}

#[test]
fn another_role_is_not_read_as_this_one() {
    let files = World::new().publish();
    assert!(Partial::<Timestamp>::read(&files.snapshot).is_err());
    assert!(Partial::<Root>::read(&files.timestamp).is_err());
    assert!(Partial::<Root>::read(b"{}").is_err());
}
