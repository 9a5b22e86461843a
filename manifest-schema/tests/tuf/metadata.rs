//! Metadata that says what metadata must not say, correctly signed: only its content can be
//! refused.

use jiff::Span;
use manifest_schema::strict::{Fault, StrictError};
use manifest_schema::tuf::{Error, Expiry, RoleName, SignError, TrustedRepository, sign};
use serde_json::{Value, json};

use crate::world::{World, enforce, forge, next_week, now, refs, story, target_path};

/// Offers the timestamp of a good repository with `change` made and signed.
fn timestamp_with(change: impl FnOnce(&mut Value)) -> Result<(), Error> {
    let world = World::new();
    let files = world.publish();
    let timestamp = forge(&files.timestamp, &world.timestamp_keys, change);
    offer_timestamp(&timestamp)
}

fn offer_timestamp(timestamp: &[u8]) -> Result<(), Error> {
    let mut repository = TrustedRepository::from_root(&World::new().publish().root, None).unwrap();
    repository.update_timestamp(timestamp, Expiry::Enforce(now())).map(drop)
}

/// Offers a good repository in which targets has `change` made and signed, and its parents follow.
fn targets_with(change: impl FnOnce(&mut Value)) -> Result<TrustedRepository, Error> {
    let world = World::new();
    let targets = forge(&world.publish().targets, &world.targets_keys, change);
    world.publish_around(targets).accept()
}

fn root_with(change: impl FnOnce(&mut Value)) -> Result<TrustedRepository, Error> {
    let world = World::new();
    let root = forge(&world.publish().root, &world.root_keys, change);
    TrustedRepository::from_root(&root, None)
}

#[track_caller]
fn is_malformed<T>(result: Result<T, Error>, why: &str) {
    let error = result.map(drop).expect_err(why);
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    assert!(story(&error).contains(why), "{}", story(&error));
}

#[track_caller]
fn is_unreadable<T>(result: Result<T, Error>) -> StrictError {
    match result.map(drop) {
        Err(Error::Unreadable { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_repository_is_accepted() {
    let repository = World::new().publish().accept().unwrap();
    assert_eq!(repository.targets().unwrap().targets.len(), 1);
}

#[test]
fn empty_truncated_and_trailed_files_are_refused() {
    let good = World::new().publish().timestamp;
    is_unreadable(offer_timestamp(b""));
    is_unreadable(offer_timestamp(&good[..good.len() - 1]));
    is_unreadable(offer_timestamp(&[&good[..], b"x"].concat()));
    is_unreadable(offer_timestamp(&[&good[..], b"\0"].concat()));
    is_unreadable(offer_timestamp(&[b"\xef\xbb\xbf", &good[..]].concat()));
}

#[test]
fn a_key_twice_is_refused() {
    let good = String::from_utf8(World::new().publish().timestamp).unwrap();
    for (once, twice) in
        [(r#""version":1}"#, r#""version":1,"version":1}"#), (r#"{"signatures""#, r#"{"signed":{},"signatures""#)]
    {
        let error = is_unreadable(offer_timestamp(good.replace(once, twice).as_bytes()));
        let StrictError::Ambiguous { fault, .. } = error else { panic!("{error:?}") };
        assert!(matches!(fault, Fault::DuplicateKey(_)), "{fault:?}");
    }
}

#[test]
fn a_version_that_is_no_version_is_refused() {
    for (version, why) in [
        (json!(0), "version 0 is not from 1"),
        (json!(-1), "invalid value"),
        (json!("1"), "invalid type"),
        (json!(null), "invalid type"),
        (json!(true), "invalid type"),
    ] {
        is_malformed(timestamp_with(|signed| signed["version"] = version), why);
    }
    for version in [json!(1.0), json!(1_u64 << 53), json!(u64::MAX), json!(1.8e19)] {
        is_unreadable(timestamp_with(|signed| signed["version"] = version));
    }
}

#[test]
fn nesting_10_000_deep_is_refused() {
    let deep = [b"{\"signed\":".as_slice(), &b"[".repeat(10_000)].concat();
    is_unreadable(offer_timestamp(&deep));
}

#[test]
fn one_byte_above_the_cap_is_refused_for_every_role() {
    let files = World::new().publish();
    let mut repository = files.accept().unwrap();
    for role in RoleName::ALL {
        let cap = role.cap();
        let bytes = vec![b' '; usize::try_from(cap).unwrap() + 1];
        let result = match role {
            RoleName::Root => TrustedRepository::from_root(&bytes, None).map(drop),
            RoleName::Targets => repository.update_targets(&bytes, Expiry::PreviousState),
            RoleName::Snapshot => repository.update_snapshot(&bytes, Expiry::PreviousState),
            RoleName::Timestamp => repository.update_timestamp(&bytes, Expiry::PreviousState).map(drop),
        };
        let error = is_unreadable(result);
        assert!(matches!(error, StrictError::TooLong { cap: at, .. } if at == cap), "{error:?}");
    }
}

#[test]
fn the_wrong_type_is_refused() {
    for kind in ["snapshot", "Timestamp", ""] {
        let result = timestamp_with(|signed| signed["_type"] = json!(kind));
        assert!(matches!(result, Err(Error::WrongType { .. })), "{result:?}");
    }
    is_malformed(timestamp_with(|signed| drop(signed.as_object_mut().unwrap().remove("_type"))), "_type");
}

#[test]
fn only_major_version_1_of_the_specification_is_known() {
    for good in ["1.0.34", "1.0", "1.9.999"] {
        assert!(timestamp_with(|signed| signed["spec_version"] = json!(good)).is_ok(), "{good}");
    }
    for bad in ["2.0.0", "1", "", "0.9", "1.0.x", "1.0.0.0", "01.0", "1..0", "v1.0.0", "10.0.0"] {
        let result = timestamp_with(|signed| signed["spec_version"] = json!(bad));
        assert!(matches!(result, Err(Error::SpecVersion { .. })), "{bad}: {result:?}");
    }
}

#[test]
fn metadata_expires_at_its_date_and_not_a_second_before() {
    let expires = |seconds: i64| {
        let mut world = World::new();
        world.timestamp.expires = now() + Span::new().seconds(seconds);
        offer_timestamp(&world.publish().timestamp)
    };
    assert!(expires(1).is_ok());
    for seconds in [0, -1] {
        let result = expires(seconds);
        let role = RoleName::Timestamp;
        assert!(matches!(result, Err(Error::Expired { role: found, .. }) if found == role));
    }
}

#[test]
fn every_role_is_refused_once_expired() {
    let expired = |change: fn(&mut World)| {
        let mut world = World::new();
        change(&mut world);
        match world.publish().accept() {
            Err(Error::Expired { role, expired_at }) => {
                assert_eq!(expired_at, now());
                role
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(expired(|world| world.root.expires = now()), RoleName::Root);
    assert_eq!(expired(|world| world.timestamp.expires = now()), RoleName::Timestamp);
    assert_eq!(expired(|world| world.snapshot.expires = now()), RoleName::Snapshot);
    assert_eq!(expired(|world| world.targets.expires = now()), RoleName::Targets);
}

#[test]
fn a_date_in_another_form_is_refused() {
    for date in ["2026-02-30T00:00:00Z", "2027-01-01T00:00:00+00:00", "2027-01-01T00:00:00.5Z", "2027-01-01", "never"] {
        is_malformed(timestamp_with(|signed| signed["expires"] = json!(date)), "is not a date like");
    }
    is_malformed(timestamp_with(|signed| signed["expires"] = json!(1_800_000_000)), "invalid type");
}

#[test]
fn unknown_fields_are_accepted_everywhere() {
    let world = World::new();
    let files = world.publish();
    let timestamp = forge(&files.timestamp, &world.timestamp_keys, |signed| {
        signed["x"] = json!({"y": [1, null, true, "z"]});
        signed["meta"]["other.json"] = json!(7);
        signed["meta"]["snapshot.json"]["hashes"]["md5"] = json!("0123");
    });
    assert!(offer_timestamp(&timestamp).is_ok());
    assert!(
        root_with(|signed| {
            signed["x"] = json!(1);
            signed["roles"]["mirrors"] = json!({});
            signed["roles"]["root"]["x"] = json!(1);
        })
        .is_ok()
    );
    let repository = targets_with(|signed| {
        signed["delegations"] = json!({"keys": {}, "roles": []});
        signed["targets"]["v1.1.0/manifest.json"]["x"] = json!(1);
    });
    assert!(repository.is_ok());
}

#[test]
fn a_target_path_that_is_no_path_is_refused() {
    let long = "a".repeat(300);
    for path in ["../x", "/abs", "a//b", "%2e%2e", &long, "a\\b", "", ".env", "a b", "ä"] {
        let result = targets_with(|signed| {
            let targets = signed["targets"].as_object_mut().unwrap();
            let good = targets.remove("v1.1.0/manifest.json").unwrap();
            targets.insert(path.to_owned(), good);
        });
        is_malformed(result, "target's path");
    }
}

#[test]
fn a_target_without_a_proper_sha_256_is_refused() {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for (hashes, why) in [
        (json!(null), "invalid type"),
        (json!({}), "sha256"),
        (json!({"md5": "900150983cd24fb0d6963f7d28e17f72"}), "sha256"),
        (json!({"sha256": digest.to_uppercase()}), "lower-case hex"),
        (json!({"sha256": &digest[2..]}), "lower-case hex"),
        (json!({"sha256": format!("{digest}00")}), "lower-case hex"),
        (json!({"sha256": 7}), "invalid type"),
    ] {
        let change = |signed: &mut Value| {
            signed["targets"]["v1.1.0/manifest.json"]["hashes"] = hashes.clone();
        };
        is_malformed(targets_with(change), why);
        let change = |signed: &mut Value| signed["meta"]["snapshot.json"]["hashes"] = hashes.clone();
        is_malformed(timestamp_with(change), why);
    }
}

#[test]
fn a_file_without_a_proper_length_is_refused() {
    for length in [json!(-1), json!("7"), json!(null)] {
        is_malformed(targets_with(|signed| signed["targets"]["v1.1.0/manifest.json"]["length"] = length), "invalid");
    }
    for length in [json!(-1), json!("7"), json!(null)] {
        is_malformed(timestamp_with(|signed| signed["meta"]["snapshot.json"]["length"] = length), "");
    }
}

/// TUF 4.4: the version is enough. A digest that is there in another algorithm only is one that nobody here can check.
#[test]
fn listed_metadata_needs_neither_length_nor_digest() {
    let world = World::new();
    let files = world.publish();
    for field in ["length", "hashes"] {
        let timestamp = forge(&files.timestamp, &world.timestamp_keys, |signed| {
            signed["meta"]["snapshot.json"].as_object_mut().unwrap().remove(field).unwrap();
        });
        let mut repository = TrustedRepository::from_root(&files.root, None).unwrap();
        let _ = repository.update_timestamp(&timestamp, enforce()).unwrap();
        repository.update_snapshot(&files.snapshot, enforce()).unwrap();
        let other = [&files.snapshot[..], b"\n"].concat();
        assert!(repository.update_snapshot(&other, enforce()).is_err(), "the other of the two is still checked");
    }
}

#[test]
fn a_snapshot_that_lists_no_targets_is_refused() {
    let world = World::new();
    let snapshot = forge(&world.publish().snapshot, &world.snapshot_keys, |signed| {
        signed["meta"] = json!({});
    });
    is_malformed(world.publish_over(snapshot).accept(), "targets.json");
}

#[test]
fn a_root_without_consistent_snapshots_is_refused() {
    let change = |signed: &mut Value| signed["consistent_snapshot"] = json!(false);
    is_malformed(root_with(change), "consistent_snapshot");
}

#[test]
fn a_root_that_lacks_a_role_is_refused() {
    for role in RoleName::ALL {
        let change = |signed: &mut Value| {
            signed["roles"].as_object_mut().unwrap().remove(role.as_str()).unwrap();
        };
        is_malformed(root_with(change), "missing field");
    }
}

#[test]
fn custom_fields_come_through_as_they_were_signed() {
    let mut world = World::new();
    let custom = manifest_schema::strict::parse(br#"{"waves":[1,2],"severity":"critical"}"#, 100);
    let description = world.targets.targets.get_mut(&target_path()).unwrap();
    description.custom = Some(custom.unwrap());
    let repository = world.publish().accept().unwrap();
    let found = repository.target(&target_path()).unwrap().custom.as_ref().unwrap();
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Custom {
        waves: Vec<u8>,
        severity: String,
    }
    let custom: Custom = found.to().unwrap();
    assert_eq!(custom, Custom { waves: vec![1, 2], severity: "critical".into() });
}

#[test]
fn what_a_client_would_refuse_is_not_signed() {
    let mut world = World::new();
    world.targets.version = 0;
    let result = sign(&world.targets, &refs(&world.targets_keys));
    assert!(matches!(result, Err(SignError::Refused { .. })), "{result:?}");
    world.targets.version = 1;
    let lines = manifest_schema::strict::parse_document(br#"{"notes":"a\nb"}"#, 100).unwrap();
    world.targets.targets.get_mut(&target_path()).unwrap().custom = Some(lines);
    let result = sign(&world.targets, &refs(&world.targets_keys));
    assert!(matches!(result, Err(SignError::Canonical { .. })), "{result:?}");
    let result = sign(&world.timestamp, &[]);
    assert!(matches!(result, Err(SignError::NoKey { role: RoleName::Timestamp })), "{result:?}");
}

#[test]
fn the_same_metadata_and_keys_give_the_same_bytes() {
    let world = World::new();
    assert_eq!(world.publish().root, world.publish().root);
    assert_eq!(world.timestamp.expires, next_week());
}
