//! A crash or an error at every point there is, counted and not picked; then the same is done again.

use std::panic::AssertUnwindSafe;

use super::super::super::testing::{World, tag};
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

/// Two crashes, the second at each point of the way that the first one left.
fn restore_after_two_crashes(way: Way) {
    let world = World::new("NOCREATEDB");
    let (store, dir) = (world.store(Peer), world.files.backups());
    let contents = world.contents();
    let crash = |record: &BackupRecord, point: usize| {
        with(Some((point, Fault::Crash)), AssertUnwindSafe(|| store.back(record, &dir).map(drop))).0.is_none()
    };
    let mut points = (0, 0);
    loop {
        let record = store.keep(&tag(), &dir, way).unwrap();
        world.migrate();
        let met = (crash(&record, points.0), crash(&record, points.1));
        store.back(&record, &dir).unwrap().expect("what was live is kept");
        assert_eq!(world.contents(), contents, "points {points:?}");
        store.forget_left(&tag(), &dir).unwrap();
        assert_eq!(world.databases().len(), 1, "points {points:?}");
        points = match met {
            (true, true) => (points.0, points.1 + 1),
            (true, false) => (points.0 + 1, 0),
            (false, _) => break,
        };
    }
    assert!(points.0 >= 1, "{points:?}");
}

#[test]
fn a_crash_at_any_point_of_going_on_after_a_crash() {
    restore_after_two_crashes(Way::Clone);
    restore_after_two_crashes(Way::Dump);
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
