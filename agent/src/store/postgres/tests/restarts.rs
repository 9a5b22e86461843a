//! A server that is restarted in the middle: told apart from one that refuses, and met again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::super::testing::{Server, World, tag};
use super::super::super::{BackupRecord, Store, StoreError, Way};
use super::super::catalog::SetWhenDropped;
use super::super::session::LONG;
use super::{Never, Peer};

fn world(attributes: &str) -> World {
    World::on(Arc::new(Server::start()), attributes)
}

#[test]
fn what_a_stop_breaks_off_may_pass() {
    let world = world("");
    let store = world.store(Never);
    let Store::Postgres(postgres) = &store else { unreachable!("a World's store is PostgreSQL") };
    let session = postgres.application.clone();
    let error = std::thread::scope(|scope| {
        let working = scope.spawn(|| session.run(&world.database, "work", "SELECT pg_sleep(600);", LONG).unwrap_err());
        let there = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name ~ '^surefoot';";
        let deadline = Instant::now() + Duration::from_secs(30);
        while world.server.sql("postgres", there).trim() != "1" {
            assert!(Instant::now() < deadline, "it does not begin");
        }
        world.server.stop();
        working.join().unwrap()
    });
    assert!(error.is_passing(), "{error}");
    let error = store.examine().unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }) && error.is_passing(), "{error}");
    world.server.run();
    store.examine().unwrap();
}

/// As an update does it, without its limit.
fn patiently<T>(act: impl Fn() -> Result<T, StoreError>) -> T {
    loop {
        match act() {
            Err(error) if error.is_passing() => std::thread::sleep(Duration::from_millis(20)),
            other => return other.unwrap_or_else(|error| panic!("{}", crate::exit::chain(&error))),
        }
    }
}

#[test]
fn a_server_that_is_restarted_again_and_again_changes_nothing_in_the_end() {
    let world = world("");
    // Rows enough for a dump to be broken off.
    world.sql("INSERT INTO people SELECT n, 'person ' || n FROM generate_series(1001, 100000) n;");
    let (contents, dir) = (world.contents(), world.files.backups());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let restarting = scope.spawn(|| {
            // The time between two restarts doubles, so that it comes to an end.
            let mut calm = Duration::from_millis(200);
            for round in 1.. {
                let until = Instant::now() + calm;
                while Instant::now() < until {
                    if is_over.load(Ordering::Relaxed) {
                        return round;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                world.server.stop();
                world.server.run();
                calm *= 2;
            }
            0
        });
        let _end = SetWhenDropped(&is_over);
        for way in [Way::Clone, Way::Dump] {
            let record: BackupRecord = patiently(|| world.store(Peer).keep(&tag(), &dir, way));
            patiently(|| world.store(Peer).back(&record, &dir));
            patiently(|| world.store(Peer).forget_left(&tag(), &dir));
        }
        is_over.store(true, Ordering::Relaxed);
        let rounds = restarting.join().unwrap();
        assert!(rounds > 2, "{rounds}");
    });
    assert_eq!(world.contents(), contents);
    patiently(|| world.store(Peer).discard(&tag(), &dir));
    assert_eq!(world.databases(), [world.database.as_str()]);
}
