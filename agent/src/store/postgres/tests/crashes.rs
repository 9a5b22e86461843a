//! A crash or an error at every point there is, counted and not picked; then the same is done again.

use std::panic::AssertUnwindSafe;

use super::super::super::testing::{World, listing, tag};
use super::super::super::{Administration, BackupRecord, Held, StoreError, Way};
use super::{Never, Peer};
use crate::fault::testing::{Fault, with};

const FAULTS: [Fault; 2] = [Fault::Error, Fault::Crash];

/// Backs up with a fault at each point in turn, backs up again, and goes back with that.
fn backup(attributes: &str, administration: Administration, way: Way) {
    let world = World::new(attributes);
    let (store, dir) = (world.store(administration), world.files.backups());
    let contents = world.contents();
    let once = || store.keep(&tag(), &dir, way).unwrap();
    once();
    let (_, points) = with(None, AssertUnwindSafe(once));
    assert!(points >= 3, "{points}");
    for fault in FAULTS {
        for point in 0..points {
            let (outcome, _) = with(Some((point, fault)), AssertUnwindSafe(|| store.keep(&tag(), &dir, way)));
            assert!(outcome.is_none_or(|outcome| outcome.is_err()), "the fault at {point} of {points} was met");
            assert_eq!(world.contents(), contents, "point {point}: a backup does not touch what is live");
        }
    }
    let record = once();
    world.migrate();
    store.back(&record, &dir).unwrap();
    assert_eq!(world.contents(), contents);
}

/// Restores with a fault at each point in turn, looks whether there is still a live database, and restores again, twice.
fn restore(attributes: &str, administration: Administration, way: Way) {
    let world = World::new(attributes);
    let (store, dir) = (world.store(administration), world.files.backups());
    let contents = world.contents();
    let migrated = |record: &mut BackupRecord| {
        *record = store.keep(&tag(), &dir, way).unwrap();
        world.migrate();
        world.contents()
    };
    let mut record = store.keep(&tag(), &dir, way).unwrap();
    let after = migrated(&mut record);
    let (_, points) = with(None, AssertUnwindSafe(|| store.back(&record, &dir).unwrap()));
    assert!(points >= 1, "{points}");
    for (fault, point) in FAULTS.iter().flat_map(|fault| (0..points).map(move |point| (*fault, point))) {
        store.forget_left(&tag(), &dir).unwrap();
        assert_eq!(migrated(&mut record), after);
        with(Some((point, fault)), AssertUnwindSafe(|| store.back(&record, &dir)));
        let live = world.contents();
        assert!(live == contents || live == after, "point {point}: the live database is whole at every instant");
        let left = store.back(&record, &dir).unwrap().expect("what was live is kept");
        assert_eq!(world.contents(), contents, "point {point}");
        assert_eq!(store.back(&record, &dir).unwrap(), Some(left), "point {point}");
        assert_eq!(world.contents(), contents, "point {point}");
        assert!(world.databases().len() <= 2, "point {point}: nothing else is left: {:?}", world.databases());
    }
}

/// A fault at each point of the act, and one at each point of the way that it left; of all pairs every so-manieth, errors and
/// crashes in turn.
fn restore_after_two_faults(administration: Administration, way: Way, stride: usize) {
    let world = World::new("NOCREATEDB");
    let (store, dir) = (world.store(administration), world.files.backups());
    let contents = world.contents();
    let mut record = store.keep(&tag(), &dir, way).unwrap();
    world.migrate();
    let after = world.contents();
    let (_, points) = with(None, AssertUnwindSafe(|| store.back(&record, &dir).unwrap()));
    let pairs = (0..points).flat_map(|first| (0..=points).map(move |second| (first, second)));
    for (number, (first, second)) in pairs.enumerate().step_by(stride) {
        let faults = if number % 2 == 0 { [Fault::Crash, Fault::Error] } else { [Fault::Error, Fault::Crash] };
        let at = format!("points {first} and {second} of {points}");
        store.forget_left(&tag(), &dir).unwrap();
        record = store.keep(&tag(), &dir, way).unwrap();
        world.migrate();
        for (point, fault) in [first, second].into_iter().zip(faults) {
            with(Some((point, fault)), AssertUnwindSafe(|| store.back(&record, &dir).map(drop)));
            let live = world.contents();
            assert!(live == contents || live == after, "{at}: the live database is whole at every instant");
        }
        store.back(&record, &dir).unwrap().expect("what was live is kept");
        assert_eq!(world.contents(), contents, "{at}");
        assert!(world.databases().len() <= 2, "{at}: nothing else is left: {:?}", world.databases());
    }
}

#[test]
fn a_fault_at_any_point_of_going_on_after_a_fault() {
    restore_after_two_faults(Peer, Way::Clone, 1);
    restore_after_two_faults(Peer, Way::Dump, 1);
}

#[test]
fn a_fault_at_any_point_of_going_on_in_place_after_a_fault() {
    restore_after_two_faults(Never, Way::Dump, 13);
}

/// Backs up with a fault at each point of the repetition of a backup that met one.
#[test]
fn a_fault_at_any_point_of_backing_up_again_after_a_fault() {
    for (way, stride) in [(Way::Clone, 2), (Way::Dump, 13)] {
        let world = World::new("CREATEDB");
        let (store, dir) = (world.store(Never), world.files.backups());
        let contents = world.contents();
        let (_, points) = with(None, AssertUnwindSafe(|| store.keep(&tag(), &dir, way).unwrap()));
        let pairs = (0..points).flat_map(|first| (0..=points).map(move |second| (first, second)));
        for (first, second) in pairs.step_by(stride) {
            for point in [first, second] {
                with(Some((point, Fault::Crash)), AssertUnwindSafe(|| store.keep(&tag(), &dir, way).map(drop)));
            }
            assert_eq!(world.contents(), contents, "points {first} and {second}");
            let record = store.keep(&tag(), &dir, way).unwrap();
            store.holds(&record, &dir).unwrap();
            assert!(world.databases().len() <= 2 && listing(&dir).len() <= 1, "points {first} and {second}");
        }
    }
}

#[test]
fn a_crash_at_any_point_of_a_copy() {
    backup("CREATEDB", Peer, Way::Clone);
    backup("CREATEDB", Never, Way::Clone);
}

#[test]
fn a_crash_at_any_point_of_a_dump() {
    backup("NOCREATEDB", Never, Way::Dump);
}

#[test]
fn a_crash_at_any_point_of_going_back_to_a_copy() {
    restore("NOCREATEDB", Peer, Way::Clone);
}

#[test]
fn a_crash_at_any_point_of_going_back_to_a_dump_beside() {
    restore("NOCREATEDB", Peer, Way::Dump);
}

#[test]
fn a_crash_at_any_point_of_going_back_to_a_dump_in_place() {
    restore("NOCREATEDB", Never, Way::Dump);
}

#[test]
fn half_a_database_of_an_earlier_run_is_thrown_away() {
    let world = World::new("");
    let (store, dir) = (world.store(Peer), world.files.backups());
    let contents = world.contents();
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    world.migrate();
    let half = format!("{}_sf0007_restoring", world.database);
    world.server.sql("postgres", &format!("CREATE DATABASE \"{half}\";"));
    world.server.sql(&half, "CREATE TABLE people (half text);");
    let mut filling =
        world.server.linger(&world.role, &half, &format!("filling {}", world.role), "SELECT pg_sleep(600);");
    store.back(&record, &dir).unwrap();
    assert!(!filling.wait().success());
    assert_eq!(world.contents(), contents);
}

#[test]
fn a_dump_that_ends_early_is_never_put_in_place() {
    for administration in [Never, Peer] {
        let world = World::new("");
        let (store, dir) = (world.store(administration), world.files.backups());
        let mut record = store.keep(&tag(), &dir, Way::Dump).unwrap();
        let Held::Dump { file, sha256, .. } = &mut record.held else { panic!("{record:?}") };
        let dump = zstd::decode_all(std::fs::File::open(dir.join(&*file)).unwrap()).unwrap();
        // All of the table of contents, and not all of the rows.
        let cut = zstd::encode_all(&dump[..dump.len() - 2000], 1).unwrap();
        *sha256 = manifest_schema::digest::Sha256::of(&cut);
        crate::durable::write_atomic(&dir.join(&*file), &cut, 0o600).unwrap();
        world.migrate();
        let contents = world.contents();
        let error = store.back(&record, &dir).unwrap_err();
        assert!(matches!(error, StoreError::Tool { .. }), "{error}");
        assert_eq!(world.contents(), contents);
    }
}

#[test]
fn a_statement_of_an_earlier_run_is_ended_first() {
    let world = World::new("CREATEDB");
    let (store, dir) = (world.store(Peer), world.files.backups());
    let called = super::super::names::session(&world.database);
    let mut earlier = world.server.linger(&world.role, "postgres", &called, "SELECT pg_sleep(600);");
    store.keep(&tag(), &dir, Way::Clone).unwrap();
    assert!(!earlier.wait().success());
}
