//! A crash or an error at every point there is, counted and not picked; then the same is done again.

use std::panic::AssertUnwindSafe;

use super::super::super::testing::{World, tag};
use super::super::super::{Administration, BackupRecord, Way};
use super::{Never, Peer};
use crate::fault::testing::{Fault, with};

const FAULTS: [Fault; 2] = [Fault::Error, Fault::Crash];

/// Backs up with a fault at each point in turn, backs up again, and goes back with that.
fn backup(attributes: &str, administration: Administration, way: Way) {
    let world = World::new(attributes);
    let (store, dir) = (world.store(administration), world.files.backups());
    let contents = world.contents();
    let once = || store.backup(&tag(), &dir, way).unwrap();
    once();
    let (_, points) = with(None, AssertUnwindSafe(once));
    assert!(points >= 3, "{points}");
    for fault in FAULTS {
        for point in 0..points {
            let (outcome, _) = with(Some((point, fault)), AssertUnwindSafe(|| store.backup(&tag(), &dir, way)));
            assert!(outcome.is_none_or(|outcome| outcome.is_err()), "the fault at {point} of {points} was met");
            assert_eq!(world.contents(), contents, "point {point}: a backup does not touch what is live");
        }
    }
    let record = once();
    world.migrate();
    store.restore(&record, &dir).unwrap();
    assert_eq!(world.contents(), contents);
}

/// Restores with a fault at each point in turn, looks whether there is still a live database, and restores again, twice.
fn restore(attributes: &str, administration: Administration, way: Way) {
    let world = World::new(attributes);
    let (store, dir) = (world.store(administration), world.files.backups());
    let contents = world.contents();
    let migrated = |record: &mut BackupRecord| {
        *record = store.backup(&tag(), &dir, way).unwrap();
        world.migrate();
        world.contents()
    };
    let mut record = store.backup(&tag(), &dir, way).unwrap();
    let after = migrated(&mut record);
    let (_, points) = with(None, AssertUnwindSafe(|| store.restore(&record, &dir).unwrap()));
    assert!(points >= 1, "{points}");
    for (fault, point) in FAULTS.iter().flat_map(|fault| (0..points).map(move |point| (*fault, point))) {
        store.forget_left(&tag(), &dir).unwrap();
        assert_eq!(migrated(&mut record), after);
        with(Some((point, fault)), AssertUnwindSafe(|| store.restore(&record, &dir)));
        let live = world.contents();
        assert!(live == contents || live == after, "point {point}: the live database is whole at every instant");
        let left = store.restore(&record, &dir).unwrap().expect("what was live is kept");
        assert_eq!(world.contents(), contents, "point {point}");
        assert_eq!(store.restore(&record, &dir).unwrap(), Some(left), "point {point}");
        assert_eq!(world.contents(), contents, "point {point}");
        assert!(world.databases().len() <= 2, "point {point}: nothing else is left: {:?}", world.databases());
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
fn a_statement_of_an_earlier_run_is_ended_first() {
    let world = World::new("CREATEDB");
    let (store, dir) = (world.store(Peer), world.files.backups());
    let called = super::super::names::session(&world.database);
    let mut earlier = world.server.linger(&world.role, "postgres", &called, "SELECT pg_sleep(600);");
    store.backup(&tag(), &dir, Way::Clone).unwrap();
    assert!(!earlier.wait().success());
}
