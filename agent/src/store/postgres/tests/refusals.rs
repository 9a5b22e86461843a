//! What must be refused before anything is touched, each for its own reason.

use super::super::super::testing::{PASSWORD, Server, World, tag};
use super::super::super::{StoreError, Way};
use super::{Never, Peer};

fn error(world: &World) -> StoreError {
    world.store(Never).examine().unwrap_err()
}

fn with_url(url: &str) -> StoreError {
    let world = World::new("");
    world.files.write("shared/.env", &format!("DATABASE_URL={url}\n"));
    error(&world)
}

#[test]
fn a_wrong_password_is_told() {
    let world = World::new("");
    world.write_env("wrong");
    let error = error(&world);
    assert!(matches!(&error, StoreError::WrongPassword { user, .. } if *user == world.role), "{error}");
    let url = format!("postgresql://{}@127.0.0.1:{}/postgres", world.role, world.server.port);
    world.files.write("shared/.env", &format!("DATABASE_URL={url}\n"));
    assert!(matches!(self::error(&world), StoreError::WrongPassword { .. }), "and that there is none");
}

#[test]
fn a_server_that_is_down_is_told() {
    let server = Server::start();
    let url = format!("postgresql://a:b@127.0.0.1:{}/kkt", server.port);
    drop(server);
    let error = with_url(&url);
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    let error = with_url("postgresql://a:b@/kkt?host=/nowhere");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
}

#[test]
fn an_unknown_database_is_told() {
    let world = World::new("");
    let url = world.url(&world.role, "p%40s%2Fs%3Aw%23rd", world.server.port, "nothing");
    world.files.write("shared/.env", &format!("DATABASE_URL={url}\n"));
    let error = error(&world);
    assert!(matches!(&error, StoreError::UnknownDatabase { database, .. } if database == "nothing"), "{error}");
}

#[test]
fn a_login_that_is_refused_otherwise_is_told() {
    let world = World::new("");
    world.server.sql("postgres", &format!("ALTER ROLE \"{}\" NOLOGIN;", world.role));
    let error = error(&world);
    assert!(matches!(error, StoreError::NotAdmitted { .. }), "{error}");
}

#[test]
fn a_url_that_is_not_there_is_told() {
    let world = World::new("");
    world.files.write("shared/.env", "OTHER=x\n");
    let error = world.try_store(Never).err().unwrap();
    let text =
        format!("{} does not set DATABASE_URL, the URL of database main", world.files.path("shared/.env").display());
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let world = World::new("");
    crate::durable::remove_file(&world.files.path("shared/.env")).unwrap();
    assert!(matches!(world.try_store(Never).err().unwrap(), StoreError::Settings { .. }));
}

#[test]
fn no_message_holds_the_password() {
    let world = World::new("");
    world.write_env("wr0ng-s3cret");
    let error = error(&world);
    assert!(!format!("{error:?} {error}").contains("wr0ng-s3cret"));
    let refused = world.store(Never).keep(&tag(), &world.files.backups(), Way::Dump).unwrap_err();
    assert!(!format!("{refused:?} {refused}").contains(PASSWORD));
}

#[test]
fn a_dump_that_could_not_be_brought_back_is_refused() {
    let world = World::new("");
    world.server.sql(&world.database, "CREATE TABLE strange (id int); GRANT ALL ON strange TO PUBLIC;");
    let error = error(&world);
    assert!(error.to_string().contains("its role is no member of the owners"), "{error}");
    assert!(world.store(Peer).examine().is_ok(), "a copy has no such trouble");
}

#[test]
fn an_extension_that_only_a_superuser_makes_is_no_trouble_for_a_copy() {
    let world = World::new("");
    world.server.sql(&world.database, "CREATE EXTENSION pg_stat_statements;");
    let error = error(&world);
    assert!(error.to_string().contains("only a superuser can make the extensions pg_stat_statements"), "{error}");
    super::goes_there_and_back(&world, Peer, Way::Clone);
}

#[test]
fn a_damaged_dump_leaves_the_live_database_alone() {
    for attributes in ["CREATEDB", "NOCREATEDB"] {
        let world = World::new(attributes);
        let (store, dir) = (world.store(Never), world.files.backups());
        let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
        let path = dir.join("main.dump.zst");
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        crate::durable::write_atomic(&path, &bytes, 0o600).unwrap();
        world.migrate();
        let contents = world.contents();
        assert!(matches!(store.back(&record, &dir).unwrap_err(), StoreError::Damaged { .. }));
        assert_eq!(world.contents(), contents);
    }
}

#[test]
fn somebody_elses_session_that_may_not_be_ended_is_named() {
    let world = World::new("CREATEDB");
    world
        .server
        .sql("postgres", &format!("CREATE ROLE \"boss of {0}\" SUPERUSER LOGIN PASSWORD '{PASSWORD}';", world.role));
    let boss = format!("boss of {}", world.role);
    let _working = world.server.linger(&boss, &world.database, &boss, "SELECT pg_sleep(600);");
    let error = world.store(Never).keep(&tag(), &world.files.backups(), Way::Clone).unwrap_err();
    assert!(matches!(&error, StoreError::InUse { sessions, .. } if sessions.contains(&boss)), "{error}");
}

#[test]
fn a_socket_of_somebody_elses_is_not_taken_for_the_administrators() {
    let (world, other) = (World::new(""), Server::start());
    let url = world.url(&world.role, "p%40s%2Fs%3Aw%23rd", world.server.port, &world.database);
    world.files.write("shared/.env", &format!("DATABASE_URL={url}\n"));
    assert_ne!(other.port, world.server.port);
    assert!(other.data().is_dir() && world.store(Peer).examine().is_ok());
    let name = format!(".s.PGSQL.{}", world.server.port);
    let fake = std::os::unix::net::UnixListener::bind(other.data().parent().unwrap().join(name)).unwrap();
    assert!(world.store(Peer).examine().is_ok(), "libpq's requirepeer turns it away");
    drop(fake);
}
