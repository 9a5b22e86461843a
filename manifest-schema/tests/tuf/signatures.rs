//! Signatures that are missing, wrong, doubled or somebody else's; keys that are not what they say.

use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{Error, Expiry, PublicKey, RoleName, Root, SignError, SigningKey, TrustedRepository};
use serde_json::{Value, json};

use crate::world::{TARGET, World, forge, key, now, signature, story, tamper, target_path};

/// Offers a good root and a timestamp in whose file `change` was made.
fn tampered_timestamp(world: &World, change: impl FnOnce(&mut Value)) -> Result<(), Error> {
    let files = world.publish();
    let mut repository = TrustedRepository::from_root(&files.root, None).unwrap();
    let timestamp = tamper(&files.timestamp, change);
    repository.update_timestamp(&timestamp, Expiry::Enforce(now())).map(drop)
}

#[track_caller]
fn has_too_few<T>(result: Result<T, Error>, expected: (usize, u32)) {
    match result.map(drop) {
        Err(Error::TooFewSignatures { valid, threshold, .. }) => {
            assert_eq!((valid, threshold), expected);
        }
        other => panic!("{other:?}"),
    }
}

/// A world in which two of two keys must sign the timestamp.
fn two_of_two() -> World {
    let mut world = World::new();
    world.root.grant(RoleName::Timestamp, key(5).public());
    world.root.timestamp.threshold = 2;
    world.timestamp_keys.push(key(5));
    world
}

#[test]
fn no_signature_is_too_few() {
    has_too_few(tampered_timestamp(&World::new(), |file| file["signatures"] = json!([])), (0, 1));
}

#[test]
fn a_file_without_signatures_or_without_anything_signed_is_refused() {
    for (field, value) in [("signatures", json!(null)), ("signed", json!(null)), ("signed", json!([]))] {
        assert!(tampered_timestamp(&World::new(), |file| file[field] = value).is_err(), "{field}");
    }
    for field in ["signatures", "signed"] {
        let remove = |file: &mut Value| drop(file.as_object_mut().unwrap().remove(field));
        let result = tampered_timestamp(&World::new(), remove);
        assert!(matches!(result, Err(Error::Malformed { .. })), "{result:?}");
    }
}

#[test]
fn a_signature_in_another_form_does_not_count() {
    let good = tamper(&World::new().publish().timestamp, |_| ());
    let file: Value = serde_json::from_slice(&good).unwrap();
    let sig = file["signatures"][0]["sig"].as_str().unwrap();
    for wrong in [
        String::new(),
        sig[2..].to_owned(),
        format!("{sig}00"),
        sig.to_uppercase(),
        "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=".to_owned(),
        "é".repeat(64),
    ] {
        let change = |file: &mut Value| file["signatures"][0]["sig"] = json!(wrong);
        has_too_few(tampered_timestamp(&World::new(), change), (0, 1));
    }
}

#[test]
fn the_same_signature_twice_does_not_make_two() {
    let world = two_of_two();
    let result = tampered_timestamp(&world, |file| {
        file["signatures"][1] = file["signatures"][0].clone();
    });
    assert!(matches!(result, Err(Error::SignedTwice { .. })), "{result:?}");
}

#[test]
fn one_public_key_under_two_ids_counts_once() {
    let world = World::new();
    let files = world.publish();
    let id = key(4).public().id().to_string();
    let mut other = serde_json::to_value(key(4).public()).unwrap();
    other["x"] = json!("makes another id");
    let canonical = manifest_schema::canonical::to_canonical(&other).unwrap();
    let other_id = Sha256::of(&canonical).to_string();
    let root = forge(&files.root, &world.root_keys, |signed| {
        signed["keys"][&other_id] = other;
        signed["roles"]["timestamp"] = json!({"keyids": [id, other_id], "threshold": 2});
    });
    let timestamp = tamper(&files.timestamp, |file| {
        let sig = file["signatures"][0]["sig"].clone();
        let again = json!({"keyid": other_id, "sig": sig});
        file["signatures"].as_array_mut().unwrap().push(again);
    });
    let mut repository = TrustedRepository::from_root(&root, None).unwrap();
    has_too_few(repository.update_timestamp(&timestamp, Expiry::Enforce(now())), (1, 2));
}

#[test]
fn one_valid_and_one_unknown_signature_do_not_make_two() {
    let world = two_of_two();
    let files = world.publish();
    let timestamp = forge(&files.timestamp, &[key(4), key(99)], |_| ());
    let mut repository = TrustedRepository::from_root(&files.root, None).unwrap();
    has_too_few(repository.update_timestamp(&timestamp, Expiry::Enforce(now())), (1, 2));
}

#[test]
fn two_different_keys_make_two() {
    assert!(two_of_two().publish().accept().is_ok());
}

#[test]
fn a_bad_signature_beside_enough_good_ones_does_no_harm() {
    let mut world = two_of_two();
    world.root.timestamp.threshold = 1;
    for wrong in [json!(""), json!("00".repeat(64))] {
        let change = |file: &mut Value| file["signatures"][1]["sig"] = wrong;
        assert!(tampered_timestamp(&world, change).is_ok());
    }
}

#[test]
fn a_role_signed_with_another_roles_key_is_refused() {
    for role in RoleName::ALL {
        let mut world = World::new();
        let stranger = if role == RoleName::Timestamp { key(1) } else { key(4) };
        match role {
            RoleName::Root => world.root_keys = vec![stranger],
            RoleName::Targets => world.targets_keys = vec![stranger],
            RoleName::Snapshot => world.snapshot_keys = vec![stranger],
            RoleName::Timestamp => world.timestamp_keys = vec![stranger],
        }
        has_too_few(world.publish().accept(), (0, 1));
    }
}

#[test]
fn metadata_of_one_role_does_not_pass_for_another_even_under_a_shared_key() {
    let mut world = World::new();
    world.root.grant(RoleName::Timestamp, key(3).public());
    let files = world.publish();
    let mut repository = TrustedRepository::from_root(&files.root, None).unwrap();
    let result = repository.update_timestamp(&files.snapshot, Expiry::Enforce(now()));
    assert!(matches!(result, Err(Error::WrongType { .. })), "{result:?}");
}

#[test]
fn a_revoked_key_no_longer_counts() {
    let mut world = World::new();
    world.root.revoke(RoleName::Timestamp, key(4).public().id());
    world.root.grant(RoleName::Timestamp, key(5).public());
    assert!(!world.root.keys.contains_key(&key(4).public().id()));
    has_too_few(world.publish().accept(), (0, 1));
}

/// Offers a root in which `change` was made and signed.
fn root_with(change: impl FnOnce(&mut Value)) -> Result<TrustedRepository, Error> {
    let world = World::new();
    let root = forge(&world.publish().root, &world.root_keys, change);
    TrustedRepository::from_root(&root, None)
}

#[track_caller]
fn is_malformed(result: Result<TrustedRepository, Error>, why: &str) {
    let error = result.map(drop).expect_err(why);
    assert!(story(&error).contains(why), "{}", story(&error));
}

#[test]
fn a_key_id_that_is_not_the_keys_digest_is_refused() {
    is_malformed(
        root_with(|signed| {
            let keys = signed["keys"].as_object_mut().unwrap();
            let key = keys.remove(&key(4).public().id().to_string()).unwrap();
            keys.insert("ab".repeat(32), key);
        }),
        "has the id",
    );
}

#[test]
fn a_key_of_another_kind_or_a_weak_one_is_refused() {
    let id = key(4).public().id().to_string();
    let ones = format!("01{}", "00".repeat(31));
    for (change, why) in [
        (json!({"scheme": "rsa"}), "only ed25519"),
        (json!({"keytype": "rsa", "scheme": "rsassa-pss-sha256"}), "only ed25519"),
        (json!({"keyval": {"public": ones}}), "weak"),
        (json!({"keyval": {"public": "00"}}), "64 lower-case hex digits"),
        (json!({"keyval": {"public": format!("02{}", "00".repeat(31))}}), "not the encoding"),
        (json!({"keyval": {}}), "public"),
    ] {
        let result = root_with(|signed| {
            for (field, value) in change.as_object().unwrap() {
                signed["keys"][&id][field] = value.clone();
            }
        });
        is_malformed(result, why);
    }
}

#[test]
fn a_threshold_of_zero_or_less_is_refused() {
    for threshold in [json!(0), json!(-1), json!("1"), json!(1_u64 << 33)] {
        let change = |signed: &mut Value| signed["roles"]["timestamp"]["threshold"] = threshold;
        is_malformed(root_with(change), "invalid");
    }
}

#[test]
fn a_threshold_above_the_number_of_keys_is_never_reached() {
    let mut world = World::new();
    world.root.timestamp.threshold = 2;
    let result = world.root.check_thresholds();
    assert!(matches!(result, Err(SignError::Threshold { threshold: 2, keys: 1, .. })));
    has_too_few(world.publish().accept(), (1, 2));
    world.root.root.threshold = 2;
    has_too_few(world.publish().accept(), (1, 2));
}

#[test]
fn a_key_listed_twice_in_a_role_is_refused() {
    let change = |signed: &mut Value| {
        let id = signed["roles"]["timestamp"]["keyids"][0].clone();
        signed["roles"]["timestamp"]["keyids"] = json!([id, id]);
    };
    is_malformed(root_with(change), "listed twice");
}

#[test]
fn a_key_that_a_role_names_but_nobody_has_counts_for_nothing() {
    let world = World::new();
    let files = world.publish();
    let root = forge(&files.root, &world.root_keys, |signed| {
        signed["keys"].as_object_mut().unwrap().remove(&key(4).public().id().to_string());
    });
    let mut repository = TrustedRepository::from_root(&root, None).unwrap();
    has_too_few(repository.update_timestamp(&files.timestamp, Expiry::Enforce(now())), (0, 1));
}

#[test]
fn a_good_signature_over_other_bytes_does_not_count() {
    let world = World::new();
    let result = tampered_timestamp(&world, |file| {
        file["signatures"][0] = signature(&key(4), b"something else");
    });
    has_too_few(result, (0, 1));
}

#[test]
fn a_target_swapped_for_another_is_refused() {
    let repository = World::new().publish().accept().unwrap();
    assert_eq!(&**repository.verify_target(&target_path(), TARGET.to_vec()).unwrap(), TARGET);
    let same_length = b"the manifes!".to_vec();
    let result = repository.verify_target(&target_path(), same_length);
    assert!(matches!(result, Err(Error::TargetDigest { .. })), "{result:?}");
    let result = repository.verify_target(&target_path(), [TARGET, b"!"].concat());
    assert!(matches!(result, Err(Error::TargetLength { .. })), "{result:?}");
    let result = repository.verify_target(&"v9.9.9/x".parse().unwrap(), TARGET.to_vec());
    assert!(matches!(result, Err(Error::UnknownTarget { .. })), "{result:?}");
}

#[test]
fn granting_and_revoking_keeps_the_keys_that_are_needed() {
    let shared: PublicKey = SigningKey::from_seed([42; 32]).public();
    let mut root = Root::new(1, now());
    root.grant(RoleName::Snapshot, shared);
    root.grant(RoleName::Timestamp, shared);
    root.revoke(RoleName::Snapshot, shared.id());
    assert!(root.keys.contains_key(&shared.id()));
    root.revoke(RoleName::Timestamp, shared.id());
    assert!(root.keys.is_empty());
}
