//! Looks at what is kept: they change nothing, and find what is missing.

use super::super::super::testing::{ENCODED, World, run_vendor, tag};
use super::super::super::{Held, Way};
use super::{Never, Peer};
use crate::host::child::ChildError;

#[test]
fn a_copy_is_found_by_its_object_id_until_somebody_drops_it() {
    let world = World::new("");
    let (store, dir) = (world.store(Peer), world.files.backups());
    let record = store.keep(&tag(), &dir, Way::Clone).unwrap();
    let Held::Clone { name, oid } = &record.held else { panic!("{record:?}") };
    store.verify(&record, &dir).unwrap();
    let databases = store.databases().unwrap().expect("there is a server");
    assert!(databases.contains_key(&world.database) && databases.get(name) == Some(oid), "{databases:?}");
    world.server.sql("postgres", &format!("DROP DATABASE \"{name}\";"));
    let error = store.verify(&record, &dir).unwrap_err();
    assert!(error.to_string().contains("not on the server any more"), "{error}");
}

#[test]
fn a_dump_is_what_was_written_or_it_is_told() {
    let world = World::new("");
    let (store, dir) = (world.store(Never), world.files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    store.verify(&record, &dir).unwrap();
    let path = dir.join("main.dump.zst");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    crate::durable::write_atomic(&path, &bytes, 0o600).unwrap();
    let error = store.verify(&record, &dir).unwrap_err();
    assert!(error.to_string().contains("not those that were written"), "{error}");
    crate::durable::remove_file(&path).unwrap();
    assert!(store.verify(&record, &dir).unwrap_err().to_string().contains("main.dump.zst"));
}

#[test]
fn a_server_says_since_when_it_is_up_and_is_missed_when_it_is_not() {
    let world = World::new("");
    let up = world.store(Never).up_for().unwrap().expect("it is a server");
    assert!(up < std::time::Duration::from_secs(24 * 3600), "{up:?}");
    let url = world.url(&world.role, ENCODED, 1, &world.database);
    world.files.write("shared/.env", &format!("DATABASE_URL={url}\n"));
    let error = world.store(Never).up_for().unwrap_err();
    assert!(error.is_passing(), "{error}");
}

/// By this a migration that lost its server is told from one that the server refused (psql(1), "Exit Status").
#[test]
fn psql_says_by_its_status_that_it_lost_the_server() {
    let world = World::new("");
    let store = world.store(Never);
    for (sql, status) in [("SELECT pg_terminate_backend(pg_backend_pid()); SELECT 1;", 2), ("SELECT 1/0;", 3)] {
        let file = world.files.write("shared/step.sql", sql);
        let step = serde_json::from_value(serde_json::json!({
            "version": "1.0.0", "database": "main", "type": "sql", "file": "step.sql", "description": "x",
        }));
        let command = store.migration(&step.unwrap(), &file, &world.files.path("shared")).unwrap();
        let error = run_vendor(&command).unwrap_err();
        let ended = error.downcast_ref::<ChildError>().unwrap();
        assert!(matches!(ended, ChildError::Failed { status: ended, .. } if ended.code() == Some(status)), "{ended}");
    }
}
