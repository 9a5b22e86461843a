//! The client workflow over several cycles: nothing goes back, roots come one by one, and a
//! refusal costs nothing.

use jiff::Span;
use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{
    DelegatedFile, Error, Expiry, RoleName, RootUpdate, TrustedRepository, Update, sign,
};

use crate::world::{Files, World, key, next_week, now, target_path};

const ENFORCE: fn() -> Expiry = || Expiry::Enforce(now());

fn is_rollback<T: std::fmt::Debug>(result: Result<T, Error>, expected: (RoleName, u64, u64)) {
    match result {
        Err(Error::Rollback {
            role,
            trusted,
            found,
        }) => assert_eq!((role, trusted, found), expected),
        other => panic!("{other:?}"),
    }
}

/// What an agent has stored after it accepted version 3 of everything.
fn at_version_3() -> (World, Files) {
    let mut world = World::new();
    world.advance();
    world.advance();
    let files = world.publish();
    (world, files)
}

#[test]
fn the_pinned_root_must_have_its_fingerprint() {
    let root = World::new().publish().root;
    assert!(TrustedRepository::from_root(&root, Some(&Sha256::of(&root))).is_ok());
    let result = TrustedRepository::from_root(&root, Some(&Sha256::of(b"another")));
    assert!(
        matches!(result, Err(Error::Fingerprint { .. })),
        "{result:?}"
    );
}

#[test]
fn an_older_timestamp_is_refused_after_a_restart() {
    let old = World::new().publish();
    let (_, stored) = at_version_3();
    let mut repository = stored.reload();
    is_rollback(
        repository.update_timestamp(&old.timestamp, ENFORCE()),
        (RoleName::Timestamp, 3, 1),
    );
    assert!(
        stored.accept_into(&mut repository).is_ok(),
        "the next good cycle succeeds"
    );
}

#[test]
fn a_timestamp_that_names_an_older_snapshot_is_refused() {
    let (mut world, stored) = at_version_3();
    world.timestamp.version = 4;
    world.snapshot.version = 2;
    let result = stored
        .reload()
        .update_timestamp(&world.publish().timestamp, ENFORCE());
    is_rollback(result, (RoleName::Snapshot, 3, 2));
}

#[test]
fn an_older_snapshot_is_refused_even_when_the_stored_timestamp_is_lost() {
    let (mut world, stored) = at_version_3();
    let mut repository = TrustedRepository::from_root(&stored.root, None).unwrap();
    repository
        .update_snapshot(&stored.snapshot, Expiry::PreviousState)
        .unwrap();
    world.snapshot.version = 2;
    is_rollback(
        world.publish().accept_into(&mut repository),
        (RoleName::Snapshot, 3, 2),
    );
}

#[test]
fn a_snapshot_that_lists_older_targets_is_refused() {
    let (mut world, stored) = at_version_3();
    world.timestamp.version = 4;
    world.snapshot.version = 4;
    world.targets.version = 2;
    let result = world.publish().accept_into(&mut stored.reload());
    is_rollback(result, (RoleName::Targets, 3, 2));
}

#[test]
fn older_targets_are_refused_even_when_the_other_stored_files_are_lost() {
    let (mut world, stored) = at_version_3();
    let mut repository = TrustedRepository::from_root(&stored.root, None).unwrap();
    repository
        .update_targets(&stored.targets, Expiry::PreviousState)
        .unwrap();
    world.targets.version = 2;
    is_rollback(
        world.publish().accept_into(&mut repository),
        (RoleName::Targets, 3, 2),
    );
}

#[test]
fn delegated_files_may_not_vanish_or_go_back() {
    let mut world = World::new();
    world
        .snapshot
        .meta
        .delegated
        .insert("team.json".into(), DelegatedFile { version: 5 });
    let stored = world.publish();
    for after in [None, Some(4)] {
        let mut world = world.clone();
        world.advance();
        world.snapshot.meta.delegated = after
            .map(|version| ("team.json".into(), DelegatedFile { version }))
            .into_iter()
            .collect();
        let result = world.publish().accept_into(&mut stored.reload());
        assert!(
            matches!(result, Err(Error::DelegatedRollback { trusted: 5, .. })),
            "{result:?}"
        );
    }
    world.advance();
    assert!(world.publish().accept_into(&mut stored.reload()).is_ok());
}

#[test]
fn a_timestamp_of_the_same_version_changes_nothing() {
    let (mut world, stored) = at_version_3();
    world.snapshot.version = 100;
    let other = world.publish();
    let mut repository = stored.reload();
    assert_eq!(
        repository
            .update_timestamp(&other.timestamp, ENFORCE())
            .unwrap(),
        Update::Unchanged
    );
    assert_eq!(repository.wanted_snapshot().unwrap().version, 3);
}

#[test]
fn the_stored_files_serve_again_when_nothing_is_new() {
    let (_, stored) = at_version_3();
    let mut repository = stored.reload();
    assert!(
        repository.targets().is_none(),
        "what was loaded as previous state is not acted on"
    );
    stored.accept_into(&mut repository).unwrap();
    assert!(repository.target(&target_path()).is_ok());
}

#[test]
fn a_stored_timestamp_that_expired_is_still_the_measure_but_never_trusted() {
    let mut world = World::new();
    world.timestamp.version = 5;
    world.timestamp.expires = now() - Span::new().hours(1);
    let stored = world.publish();
    let mut repository = stored.reload();
    let result = repository.update_timestamp(&stored.timestamp, ENFORCE());
    assert!(
        matches!(
            result,
            Err(Error::Expired {
                role: RoleName::Timestamp,
                ..
            })
        ),
        "{result:?}"
    );
    assert_eq!(
        repository.known(RoleName::Timestamp),
        Some((5, world.timestamp.expires))
    );
    world.timestamp.expires = next_week();
    world.timestamp.version = 4;
    is_rollback(
        repository.update_timestamp(&world.publish().timestamp, ENFORCE()),
        (RoleName::Timestamp, 5, 4),
    );
    world.timestamp.version = 6;
    assert!(world.publish().accept_into(&mut repository).is_ok());
}

#[test]
fn metadata_out_of_order_is_refused() {
    let files = World::new().publish();
    let mut repository = TrustedRepository::from_root(&files.root, None).unwrap();
    let result = repository.update_snapshot(&files.snapshot, ENFORCE());
    assert!(
        matches!(
            result,
            Err(Error::Early {
                needs: RoleName::Timestamp,
                ..
            })
        ),
        "{result:?}"
    );
    let result = repository.update_targets(&files.targets, ENFORCE());
    assert!(
        matches!(
            result,
            Err(Error::Early {
                needs: RoleName::Snapshot,
                ..
            })
        ),
        "{result:?}"
    );
    let result = repository.verify_target(&target_path(), vec![]);
    assert!(matches!(result, Err(Error::NoTargets)), "{result:?}");
    let _ = repository
        .update_timestamp(&files.timestamp, ENFORCE())
        .unwrap();
    let result = repository.update_root(&files.root);
    assert!(matches!(result, Err(Error::LateRoot)), "{result:?}");
}

#[test]
fn a_snapshot_or_targets_that_the_parent_did_not_sign_is_refused() {
    let mut world = World::new();
    let files = world.publish();
    world.snapshot.expires += Span::new().hours(1);
    world.targets.expires += Span::new().hours(1);
    let other = world.publish();
    let mut repository = TrustedRepository::from_root(&files.root, None).unwrap();
    let _ = repository
        .update_timestamp(&files.timestamp, ENFORCE())
        .unwrap();
    let result = repository.update_snapshot(&other.snapshot, ENFORCE());
    assert!(matches!(
        result,
        Err(Error::MetadataDigest {
            role: RoleName::Snapshot,
            ..
        })
    ));
    let result = repository.update_snapshot(&[&files.snapshot[..], b"\n"].concat(), ENFORCE());
    assert!(matches!(
        result,
        Err(Error::MetadataLength {
            role: RoleName::Snapshot,
            ..
        })
    ));
    repository
        .update_snapshot(&files.snapshot, ENFORCE())
        .unwrap();
    let result = repository.update_targets(&other.targets, ENFORCE());
    assert!(matches!(
        result,
        Err(Error::MetadataDigest {
            role: RoleName::Targets,
            ..
        })
    ));
    assert!(repository.update_targets(&files.targets, ENFORCE()).is_ok());
}

#[test]
fn a_version_that_differs_from_the_parents_is_refused() {
    let mut world = World::new();
    let targets = world.publish().targets;
    world.targets.version = 2;
    let result = world.publish_around(targets).accept();
    assert!(
        matches!(
            result,
            Err(Error::Version {
                role: RoleName::Targets,
                expected: 2,
                found: 1
            })
        ),
        "{result:?}"
    );
}

#[test]
fn new_metadata_demotes_what_hung_on_the_old() {
    let mut world = World::new();
    let mut repository = world.publish().accept().unwrap();
    world.advance();
    let _ = repository
        .update_timestamp(&world.publish().timestamp, ENFORCE())
        .unwrap();
    assert!(repository.snapshot().is_none() && repository.targets().is_none());
    assert_eq!(repository.known(RoleName::Targets).unwrap().0, 1);
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
    assert_eq!(
        repository.update_root(&world.publish().root).unwrap(),
        RootUpdate::KeepCached
    );
    assert_eq!(repository.root().version, 2);
    assert!(world.publish().accept_into(&mut repository).is_ok());
}

#[test]
fn a_root_signed_only_by_the_old_or_only_by_the_new_keys_is_refused() {
    for only in [key(1), key(11)] {
        let (world, mut repository) = rotated();
        let root = sign(&world.root, &[&only]).unwrap();
        let result = repository.update_root(&root);
        assert!(
            matches!(result, Err(Error::TooFewSignatures { .. })),
            "{result:?}"
        );
        assert_eq!(repository.root().version, 1);
        assert!(
            repository.update_root(&world.publish().root).is_ok(),
            "the good one still is"
        );
    }
}

#[test]
fn only_the_next_root_is_followed() {
    let mut world = World::new();
    let mut repository = TrustedRepository::from_root(&world.publish().root, None).unwrap();
    for version in [1, 3] {
        world.root.version = version;
        let result = repository.update_root(&world.publish().root);
        assert!(
            matches!(result, Err(Error::Version { expected: 2, .. })),
            "{result:?}"
        );
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
    assert!(
        matches!(
            result,
            Err(Error::Expired {
                role: RoleName::Root,
                ..
            })
        ),
        "{result:?}"
    );
    world.root.version = 3;
    world.root.expires = next_week();
    let _ = repository.update_root(&world.publish().root).unwrap();
    assert!(world.publish().accept_into(&mut repository).is_ok());
}

/// Version 1000 of everything was trusted when the vendor found out, revoked `role`'s key and started again.
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
        assert!(
            world.publish().accept_into(&mut repository).is_ok(),
            "{role}"
        );
    }
}

#[test]
fn other_changes_of_keys_let_nothing_go_back() {
    let (mut world, mut repository) = recover(RoleName::Targets);
    world.root.grant(RoleName::Timestamp, key(44).public());
    let update = repository.update_root(&world.publish().root).unwrap();
    assert_eq!(update, RootUpdate::KeepCached);
    world.timestamp.version = 1;
    is_rollback(
        world.publish().accept_into(&mut repository),
        (RoleName::Timestamp, 1000, 1),
    );
}

#[test]
fn a_refused_file_does_not_block_the_next_good_cycle() {
    let mut world = World::new();
    let mut repository = world.publish().reload();
    world.advance();
    let good = world.publish();
    for broken in 0..3 {
        let mut files = good.clone();
        [
            &mut files.timestamp,
            &mut files.snapshot,
            &mut files.targets,
        ][broken]
            .push(b'x');
        assert!(files.accept_into(&mut repository).is_err());
    }
    assert!(good.accept_into(&mut repository).is_ok());
    assert_eq!(repository.targets().unwrap().version, 2);
}

#[test]
fn parsed_from_verified_bytes_is_verified() {
    let repository = World::new().publish().accept().unwrap();
    let bytes = repository
        .verify_target(&target_path(), b"the manifest".to_vec())
        .unwrap();
    let text = bytes
        .parse(|bytes| std::str::from_utf8(bytes).map(str::to_owned))
        .unwrap();
    assert_eq!(text.as_str(), "the manifest");
}
