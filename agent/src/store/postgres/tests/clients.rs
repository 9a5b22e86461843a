//! Clients that will not let go: named, waited for, disconnected, or a reason to call the update off.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::super::testing::{Lingering, PASSWORD, World, tag};
use super::super::super::{Clients, Farewell, Others, Store, StoreError, Stubborn, Way};
use super::super::catalog::SetWhenDropped;
use super::{Never, Peer};

const LOCKING: &str = "BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600);";

/// A stranger with a session of his own in the application's database.
fn stranger(world: &World, sql: &str) -> (String, Lingering) {
    let role = format!("bob of {}", world.role);
    world
        .server
        .sql("postgres", &format!("CREATE ROLE \"{role}\" LOGIN PASSWORD '{PASSWORD}' IN ROLE \"{}\";", world.role));
    let session = world.server.linger(&role, &world.database, &format!("desk of {}", world.role), sql);
    (role, session)
}

fn clients(stubborn: Stubborn, wait_seconds: u64) -> Clients {
    Clients { stubborn, wait_seconds }
}

/// Backs up with a farewell; answers what came of it, what was told, and how long it took.
fn leave(store: &Store<'_>, world: &World, way: Way, clients: Clients) -> (Result<(), StoreError>, String, Duration) {
    let told = RefCell::new(Vec::new());
    let began = Instant::now();
    let tell = |text| told.borrow_mut().push(text);
    let others = Others::Leave(Farewell { clients, tell: &tell });
    let outcome = store.backup(&tag(), &world.files.backups(), way, &others).map(drop);
    (outcome, told.into_inner().join("\n"), began.elapsed())
}

/// What is known of those that hold the database, once that is what is wanted.
fn examined(store: &Store<'_>, wanted: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let text =
            format!("{:?}", store.examine().unwrap().clients.iter().map(ToString::to_string).collect::<Vec<_>>());
        if wanted(&text) || Instant::now() > deadline {
            return text;
        }
    }
}

#[test]
fn before_the_downtime_it_is_named_with_what_it_holds() {
    let world = World::new("CREATEDB");
    let store = world.store(Peer);
    assert_eq!(store.examine().unwrap().clients, []);
    let (role, _session) = stranger(&world, LOCKING);
    let seen = examined(&store, |text| text.contains("AccessExclusive"));
    for wanted in [&role, "(desk of ", " from 127.0.0.1, since 20", " UTC, holds AccessExclusive on public.people"] {
        assert!(seen.contains(wanted), "{wanted}: {seen}");
    }
    // The application's role sees less, and says no more than it sees.
    let seen = examined(&world.store(Never), |text| text.contains("AccessExclusive"));
    assert!(seen.contains(&role) && !seen.contains("since") && seen.contains("AccessExclusive"), "{seen}");
    let error = store.examine().unwrap().allow_change(&name(), &clients(Stubborn::CallOff, 1)).unwrap_err();
    assert!(matches!(&error, StoreError::CalledOff { clients, .. } if clients.contains(&role)), "{error}");
    let noted = store.examine().unwrap().allow_change(&name(), &Clients::default()).unwrap().unwrap();
    assert!(noted.contains(&role) && noted.contains("is disconnected"), "{noted}");
}

#[test]
fn the_application_s_own_work_is_no_reason_and_a_person_s_psql_is() {
    let world = World::new("");
    let store = world.store(Peer);
    let own = format!("worker {}", world.role);
    let _own = world.server.linger(&world.role, &world.database, &own, LOCKING);
    let person = format!("psql {}", world.role);
    let _person = world.server.linger(&world.role, &world.database, &person, "BEGIN; SELECT 1; SELECT pg_sleep(600);");
    let seen = examined(&store, |text| text.contains("psql"));
    assert!(seen.contains(&person) && !seen.contains(&own), "{seen}");
}

#[test]
fn it_is_waited_for_then_disconnected() {
    for (attributes, administration, way) in [("", Peer, Way::Clone), ("NOCREATEDB", Never, Way::Dump)] {
        let world = World::new(attributes);
        // Without an administrator only the role's own sessions can be ended.
        let called = format!("psql {}", world.role);
        let mut session = world.server.linger(&world.role, &world.database, &called, LOCKING);
        let contents = "SELECT count(*) FROM people;";
        let store = world.store(administration);
        let (outcome, told, took) = leave(&store, &world, way, clients(Stubborn::Disconnect, 3));
        outcome.unwrap();
        assert!(!session.wait().success(), "the server has told it so itself");
        assert!(took >= Duration::from_secs(3), "{took:?}");
        assert!(told.contains("waiting for ") && told.contains("disconnecting ") && told.contains(&called), "{told}");
        assert_eq!(world.sql(contents).trim(), "1000");
    }
}

#[test]
fn one_that_ends_in_time_is_not_disconnected() {
    let world = World::new("");
    let mut session = world.server.linger(
        &world.role,
        &world.database,
        &format!("psql {}", world.role),
        "BEGIN; UPDATE people SET name = 'in time'; SELECT pg_sleep(4); COMMIT;",
    );
    let (outcome, told, took) = leave(&world.store(Peer), &world, Way::Clone, clients(Stubborn::CallOff, 60));
    outcome.unwrap();
    assert!(session.wait().success() && took < Duration::from_secs(50), "{took:?}");
    assert!(told.contains("waiting for ") && !told.contains("disconnecting"), "{told}");
}

#[test]
fn where_it_is_not_to_be_disconnected_the_backup_is_called_off_and_it_works_on() {
    for way in [Way::Clone, Way::Dump] {
        let world = World::new("");
        let (role, _session) = stranger(&world, LOCKING);
        let (outcome, told, _) = leave(&world.store(Peer), &world, way, clients(Stubborn::CallOff, 3));
        let error = outcome.unwrap_err();
        assert!(matches!(&error, StoreError::CalledOff { clients, .. } if clients.contains(&role)), "{error}");
        assert!(told.contains("waiting for ") && told.contains(&role), "{told}");
        let still = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}';");
        assert_eq!(world.server.sql("postgres", &still).trim(), "1");
        assert_eq!(world.databases(), [world.database.as_str()]);
    }
}

#[test]
fn an_idle_session_costs_a_moment_and_calls_nothing_off() {
    let world = World::new("");
    let _idle = world.server.idle(&world.role, &world.database, &format!("psql {}", world.role));
    let (outcome, told, took) = leave(&world.store(Peer), &world, Way::Clone, clients(Stubborn::CallOff, 60));
    outcome.unwrap();
    assert!(took < Duration::from_secs(40) && told.is_empty(), "{took:?} {told}");
    assert_eq!(world.store(Peer).examine().unwrap().clients, []);
}

#[test]
fn one_that_comes_back_without_pause_does_not_stay_in_the_way() {
    let world = World::new("CREATEDB");
    let store = world.store(Peer);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = SetWhenDropped(&is_over);
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    world.server.try_sql_as(&world.role, &world.database, "SELECT pg_sleep(600);");
                }
            });
        }
        let again = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{}';", world.database);
        let come = || {
            let deadline = Instant::now() + Duration::from_secs(30);
            while world.server.sql("postgres", &again).trim() == "0" {
                assert!(Instant::now() < deadline, "it does not come");
            }
        };
        let run = || {
            come();
            let (outcome, told, _) = leave(&store, &world, Way::Clone, clients(Stubborn::Disconnect, 1));
            outcome.map_err(|error| format!("{error}: {told}"))?;
            come();
            let record = store.keep(&tag(), &world.files.backups(), Way::Clone).map_err(|error| error.to_string())?;
            come();
            store.back(&record, &world.files.backups()).map_err(|error| error.to_string())
        };
        let outcome = run();
        is_over.store(true, Ordering::Relaxed);
        world.server.sql("postgres", &format!("ALTER ROLE \"{}\" NOLOGIN;", world.role));
        let ended = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}';", world.role);
        world.server.sql("postgres", &ended);
        assert!(outcome.unwrap().is_some());
    });
}

#[test]
fn a_prepared_transaction_is_found_before_the_downtime() {
    let world = World::new("");
    world.sql("BEGIN; UPDATE people SET name = 'prepared'; PREPARE TRANSACTION 'forgotten';");
    let condition = world.store(Peer).examine().unwrap();
    let error = condition.allow_change(&name(), &Clients::default()).unwrap_err();
    assert!(error.to_string().contains("prepared transaction forgotten of app-"), "{error}");
    world.sql("ROLLBACK PREPARED 'forgotten';");
    assert_eq!(world.store(Peer).examine().unwrap().clients, []);
}

fn name() -> manifest_schema::path::Name {
    "main".parse().unwrap()
}
