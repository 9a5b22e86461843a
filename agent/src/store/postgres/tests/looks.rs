//! Looks at what is kept: they change nothing, and find what is missing.

use super::super::super::testing::{World, tag};
use super::super::super::{Held, Way};
use super::{Never, Peer};

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
