//! The chain of roots: pinned at its start, followed one by one, signed by old and new keys.

use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{Error, RoleName, RootUpdate, TrustedRepository, sign};

use crate::world::{World, is_rollback, key, next_week, now};

#[test]
fn the_pinned_root_must_have_its_fingerprint() {
    let root = World::new().publish().root;
    assert!(TrustedRepository::from_root(&root, Some(&Sha256::of(&root))).is_ok());
    let result = TrustedRepository::from_root(&root, Some(&Sha256::of(b"another")));
    assert!(matches!(result, Err(Error::Fingerprint { .. })), "{result:?}");
}

/// The world with the next root, in which key 11 takes the place of key 1.
fn rotated() -> (World, TrustedRepository) {
    let mut world = World::new();
    let repository = TrustedRepository::from_root(&world.publish().root, None).unwrap();
    world.root.version = 2;
    world.root.revoke(RoleName::Root, key(1).public().id());
    world.root.grant(RoleName::Root, key(11).public());
    world.root_keys = vec![key(1), key(11)];
    (world, repository)
}

#[test]
fn a_root_signed_by_the_old_and_the_new_keys_is_followed() {
    let (world, mut repository) = rotated();
    assert_eq!(repository.update_root(&world.publish().root).unwrap(), RootUpdate::KeepCached);
    assert_eq!(repository.root().version, 2);
    assert!(world.publish().accept_into(&mut repository).is_ok());
}

#[test]
fn a_root_signed_only_by_the_old_or_only_by_the_new_keys_is_refused() {
    for only in [key(1), key(11)] {
        let (world, mut repository) = rotated();
        let root = sign(&world.root, &[&only]).unwrap();
        let result = repository.update_root(&root);
        assert!(matches!(result, Err(Error::TooFewSignatures { .. })), "{result:?}");
        assert_eq!(repository.root().version, 1);
        assert!(repository.update_root(&world.publish().root).is_ok(), "the good one still is");
    }
}

#[test]
fn only_the_next_root_is_followed() {
    let mut world = World::new();
    let mut repository = TrustedRepository::from_root(&world.publish().root, None).unwrap();
    for version in [1, 3] {
        world.root.version = version;
        let result = repository.update_root(&world.publish().root);
        assert!(matches!(result, Err(Error::Version { expected: 2, .. })), "{result:?}");
    }
}

#[test]
fn seventy_roots_are_followed_one_by_one() {
    let mut world = World::new();
    let mut repository = TrustedRepository::from_root(&world.publish().root, None).unwrap();
    for version in 2..=71 {
        world.root.version = version;
        let _ = repository.update_root(&world.publish().root).unwrap();
    }
    assert!(world.publish().accept_into(&mut repository).is_ok());
}

#[test]
fn an_expired_root_on_the_way_is_passed_and_at_the_end_refused() {
    let mut world = World::new();
    world.root.expires = now();
    let mut repository = TrustedRepository::from_root(&world.publish().root, None).unwrap();
    world.root.version = 2;
    let _ = repository.update_root(&world.publish().root).unwrap();
    let result = world.publish().accept_into(&mut repository);
    assert!(matches!(result, Err(Error::Expired { role: RoleName::Root, .. })), "{result:?}");
    world.root.version = 3;
    world.root.expires = next_week();
    let _ = repository.update_root(&world.publish().root).unwrap();
    assert!(world.publish().accept_into(&mut repository).is_ok());
}

/// Version 1000 of everything was trusted when the vendor found out, revoked `role`'s key and
/// started again.
fn recover(role: RoleName) -> (World, TrustedRepository) {
    let mut world = World::new();
    world.timestamp.version = 1000;
    world.snapshot.version = 1000;
    world.targets.version = 1000;
    let repository = world.publish().reload();
    world.root.version = 2;
    for (lost, seed) in [(role, 3), (role, 4), (role, 2)] {
        world.root.revoke(lost, key(seed).public().id());
    }
    world.root.grant(role, key(33).public());
    match role {
        RoleName::Snapshot => world.snapshot_keys = vec![key(33)],
        RoleName::Timestamp => world.timestamp_keys = vec![key(33)],
        RoleName::Root | RoleName::Targets => world.targets_keys = vec![key(33)],
    }
    (world, repository)
}

#[test]
fn a_revoked_timestamp_or_snapshot_key_lets_versions_start_again() {
    for role in [RoleName::Timestamp, RoleName::Snapshot] {
        let (mut world, mut repository) = recover(role);
        let update = repository.update_root(&world.publish().root).unwrap();
        assert_eq!(update, RootUpdate::ForgetCached);
        world.timestamp.version = 1;
        world.snapshot.version = 1;
        world.targets.version = 1;
        assert!(world.publish().accept_into(&mut repository).is_ok(), "{role}");
    }
}

#[test]
fn other_changes_of_keys_let_nothing_go_back() {
    let (mut world, mut repository) = recover(RoleName::Targets);
    world.root.grant(RoleName::Timestamp, key(44).public());
    let update = repository.update_root(&world.publish().root).unwrap();
    assert_eq!(update, RootUpdate::KeepCached);
    world.timestamp.version = 1;
    is_rollback(world.publish().accept_into(&mut repository), (RoleName::Timestamp, 1000, 1));
}
