//! The client workflow over several cycles: nothing goes back, and a refusal costs nothing.

use jiff::Span;
use manifest_schema::tuf::{DelegatedFile, Error, Expiry, RoleName, TrustedRepository, Update};

use crate::world::{Files, World, enforce, is_rollback, next_week, now, target_path};

/// What an agent has stored after it accepted version 3 of everything.
fn at_version_3() -> (World, Files) {
    let mut world = World::new();
    world.advance();
    world.advance();
    let files = world.publish();
    (world, files)
}

#[test]
fn an_older_timestamp_is_refused_after_a_restart() {
    let old = World::new().publish();
    let (_, stored) = at_version_3();
    let mut repository = stored.reload();
    is_rollback(repository.update_timestamp(&old.timestamp, enforce()), (RoleName::Timestamp, 3, 1));
    assert!(stored.accept_into(&mut repository).is_ok(), "the next good cycle succeeds");
}

#[test]
fn a_timestamp_that_names_an_older_snapshot_is_refused() {
    let (mut world, stored) = at_version_3();
    world.timestamp.version = 4;
    world.snapshot.version = 2;
    let result = stored.reload().update_timestamp(&world.publish().timestamp, enforce());
    is_rollback(result, (RoleName::Snapshot, 3, 2));
}

#[test]
fn an_older_snapshot_is_refused_even_when_the_stored_timestamp_is_lost() {
    let (mut world, stored) = at_version_3();
    let mut repository = TrustedRepository::from_root(&stored.root, None).unwrap();
    repository.update_snapshot(&stored.snapshot, Expiry::PreviousState).unwrap();
    world.snapshot.version = 2;
    is_rollback(world.publish().accept_into(&mut repository), (RoleName::Snapshot, 3, 2));
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
    repository.update_targets(&stored.targets, Expiry::PreviousState).unwrap();
    world.targets.version = 2;
    is_rollback(world.publish().accept_into(&mut repository), (RoleName::Targets, 3, 2));
}

#[test]
fn delegated_files_may_not_vanish_or_go_back() {
    let mut world = World::new();
    world.snapshot.meta.delegated.insert("team.json".into(), DelegatedFile { version: 5 });
    let stored = world.publish();
    for after in [None, Some(4)] {
        let mut world = world.clone();
        world.advance();
        world.snapshot.meta.delegated =
            after.map(|version| ("team.json".into(), DelegatedFile { version })).into_iter().collect();
        let result = world.publish().accept_into(&mut stored.reload());
        assert!(matches!(result, Err(Error::DelegatedRollback { trusted: 5, .. })), "{result:?}");
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
    assert_eq!(repository.update_timestamp(&other.timestamp, enforce()).unwrap(), Update::Unchanged);
    assert_eq!(repository.wanted_snapshot().unwrap().version, 3);
}

#[test]
fn the_stored_files_serve_again_when_nothing_is_new() {
    let (_, stored) = at_version_3();
    let mut repository = stored.reload();
    assert!(repository.targets().is_none(), "what was loaded as previous state is not acted on");
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
    let result = repository.update_timestamp(&stored.timestamp, enforce());
    assert!(matches!(result, Err(Error::Expired { role: RoleName::Timestamp, .. })), "{result:?}");
    assert_eq!(repository.known(RoleName::Timestamp), Some((5, world.timestamp.expires)));
    world.timestamp.expires = next_week();
    world.timestamp.version = 4;
    is_rollback(repository.update_timestamp(&world.publish().timestamp, enforce()), (RoleName::Timestamp, 5, 4));
    world.timestamp.version = 6;
    assert!(world.publish().accept_into(&mut repository).is_ok());
}

#[test]
fn of_two_stored_files_the_newer_one_is_the_measure() {
    let old = World::new().publish();
    let (_, stored) = at_version_3();
    let mut repository = stored.reload();
    let update = repository.update_timestamp(&old.timestamp, Expiry::PreviousState).unwrap();
    assert_eq!(update, Update::Unchanged);
    is_rollback(repository.update_timestamp(&old.timestamp, enforce()), (RoleName::Timestamp, 3, 1));
}

#[test]
fn metadata_out_of_order_is_refused() {
    let files = World::new().publish();
    let mut repository = TrustedRepository::from_root(&files.root, None).unwrap();
    let result = repository.update_snapshot(&files.snapshot, enforce());
    assert!(matches!(result, Err(Error::Early { needs: RoleName::Timestamp, .. })), "{result:?}");
    let result = repository.update_targets(&files.targets, enforce());
    assert!(matches!(result, Err(Error::Early { needs: RoleName::Snapshot, .. })), "{result:?}");
    let result = repository.verify_target(&target_path(), vec![]);
    assert!(matches!(result, Err(Error::NoTargets)), "{result:?}");
    let _ = repository.update_timestamp(&files.timestamp, enforce()).unwrap();
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
    let _ = repository.update_timestamp(&files.timestamp, enforce()).unwrap();
    let result = repository.update_snapshot(&other.snapshot, enforce());
    assert!(matches!(result, Err(Error::MetadataDigest { role: RoleName::Snapshot, .. })));
    let result = repository.update_snapshot(&[&files.snapshot[..], b"\n"].concat(), enforce());
    assert!(matches!(result, Err(Error::MetadataLength { role: RoleName::Snapshot, .. })));
    repository.update_snapshot(&files.snapshot, enforce()).unwrap();
    let result = repository.update_targets(&other.targets, enforce());
    assert!(matches!(result, Err(Error::MetadataDigest { role: RoleName::Targets, .. })));
    assert!(repository.update_targets(&files.targets, enforce()).is_ok());
}

#[test]
fn a_version_that_differs_from_the_parents_is_refused() {
    let mut world = World::new();
    let targets = world.publish().targets;
    world.targets.version = 2;
    let result = world.publish_around(targets).accept();
    assert!(matches!(result, Err(Error::Version { role: RoleName::Targets, expected: 2, found: 1 })), "{result:?}");
}

#[test]
fn new_metadata_demotes_what_hung_on_the_old() {
    let mut world = World::new();
    let mut repository = world.publish().accept().unwrap();
    world.advance();
    let _ = repository.update_timestamp(&world.publish().timestamp, enforce()).unwrap();
    assert!(repository.snapshot().is_none() && repository.targets().is_none());
    assert_eq!(repository.known(RoleName::Targets).unwrap().0, 1);
}

#[test]
fn a_refused_file_does_not_block_the_next_good_cycle() {
    let mut world = World::new();
    let mut repository = world.publish().reload();
    world.advance();
    let good = world.publish();
    for broken in 0..3 {
        let mut files = good.clone();
        [&mut files.timestamp, &mut files.snapshot, &mut files.targets][broken].push(b'x');
        assert!(files.accept_into(&mut repository).is_err());
    }
    assert!(good.accept_into(&mut repository).is_ok());
    assert_eq!(repository.targets().unwrap().version, 2);
}

#[test]
fn parsed_from_verified_bytes_is_verified() {
    let repository = World::new().publish().accept().unwrap();
    let bytes = repository.verify_target(&target_path(), b"the manifest".to_vec()).unwrap();
    let text = bytes.parse(|bytes| std::str::from_utf8(bytes).map(str::to_owned)).unwrap();
    assert_eq!(text.as_str(), "the manifest");
}
