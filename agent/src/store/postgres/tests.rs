//! The promises of this room, kept on a real server.

mod clients;
mod crashes;
mod looks;
mod refusals;
mod restarts;

use super::super::testing::{World, listing, tag};
use super::super::{
    Administration, Aside, BackupRecord, BackupTag, Condition, Contents, Counted, Held, Keep, LeftAside, Store, Way,
};

use super::verify;
use Administration::{Never, Peer};

fn examine(store: &Store<'_>) -> Condition {
    store.examine().unwrap()
}

/// Backs up, migrates, restores; the old contents and properties must be back and the new ones kept aside.
fn goes_there_and_back(world: &World, administration: Administration, way: Way) -> (BackupRecord, LeftAside) {
    let store = world.store(administration);
    let (contents, properties) = (world.contents(), world.properties(&world.database));
    let record = store.keep(&tag(), &world.files.backups(), way).unwrap();
    // What is written down is all that a later process has.
    let record: BackupRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    world.migrate();
    assert_ne!(world.contents(), contents);
    let left = store.back(&record, &world.files.backups()).unwrap().unwrap();
    assert_eq!(world.contents(), contents);
    assert_eq!(world.properties(&world.database), properties);
    assert_eq!(store.back(&record, &world.files.backups()).unwrap(), Some(left.clone()), "again changes nothing");
    assert_eq!(world.contents(), contents);
    (record, left)
}

#[test]
fn a_clone_keeps_rows_grants_settings_and_owner() {
    let world = World::new("CREATEDB");
    let condition = examine(&world.store(Peer));
    assert_eq!((condition.way, condition.why_not_clone), (Way::Clone, None));
    assert!(condition.room.unwrap() > condition.needed && condition.size > 1_000_000);
    assert!(condition.what.starts_with(&format!("PostgreSQL database {} at 127.0.0.1:", world.database)));
    let (_, left) = goes_there_and_back(&world, Peer, Way::Clone);
    assert_eq!(left.name, format!("{}_sf0007_left", world.database));
    let aside = world.server.sql(&left.name, "SELECT count(*), max(name) FROM people;");
    assert_eq!(aside.trim(), "500|changed", "nothing that was written is lost");
    world.store(Peer).forget_left(&tag(), &world.files.backups()).unwrap();
    assert_eq!(world.databases(), [world.database.as_str()]);
}

#[test]
fn the_copy_itself_has_grants_settings_and_owner() {
    let world = World::new("");
    world.server.sql(
        "postgres",
        &format!("ALTER ROLE \"{}\" IN DATABASE \"{}\" SET work_mem TO '8MB';", world.role, world.database),
    );
    let record = world.store(Peer).keep(&tag(), &world.files.backups(), Way::Clone).unwrap();
    let Held::Clone { name, .. } = &record.held else { panic!("{record:?}") };
    assert_eq!(world.properties(name), world.properties(&world.database));
    assert!(world.properties(name).contains("work_mem=8MB") && record.size > 1_000_000);
}

#[test]
fn a_role_that_may_not_make_databases_is_cloned_by_the_administrator() {
    let world = World::new("NOCREATEDB");
    assert_eq!(examine(&world.store(Peer)).way, Way::Clone);
    goes_there_and_back(&world, Peer, Way::Clone);
}

#[test]
fn a_role_that_may_make_databases_needs_no_administrator() {
    let world = World::new("CREATEDB");
    let condition = examine(&world.store(Never));
    assert_eq!((condition.way, condition.room), (Way::Clone, None));
    goes_there_and_back(&world, Never, Way::Clone);
}

#[test]
fn without_the_right_to_make_databases_a_dump_is_brought_back_in_place() {
    let world = World::new("NOCREATEDB");
    let condition = examine(&world.store(Never));
    assert_eq!(condition.way, Way::Dump);
    assert_eq!(condition.why_not_clone.as_deref(), Some("its role may not create databases"));
    let (record, left) = goes_there_and_back(&world, Never, Way::Dump);
    assert!(matches!(&record.held, Held::Dump { file, .. } if file == "main.dump.zst"));
    let files = ["main.dump.zst", "main.left-0007.dump.zst", "main.left-0007.dump.zst.schemas"];
    assert_eq!(listing(&world.files.backups()), files);
    assert_eq!(left.name, world.files.path("backup/main.left-0007.dump.zst").to_str().unwrap());
    let store = world.store(Never);
    store.forget_left(&tag(), &world.files.backups()).unwrap();
    store.discard(&tag(), &world.files.backups()).unwrap();
    assert_eq!(listing(&world.files.backups()), [""; 0]);
}

#[test]
fn a_dump_is_brought_back_beside_and_swapped() {
    let world = World::new("CREATEDB");
    for administration in [Peer, Never] {
        let (_, left) = goes_there_and_back(&world, administration, Way::Dump);
        assert_eq!(left.name, format!("{}_sf0007_left", world.database));
        assert_eq!(listing(&world.files.backups()), ["main.dump.zst"]);
        world.store(administration).forget_left(&tag(), &world.files.backups()).unwrap();
        assert_eq!(world.databases(), [world.database.as_str()]);
    }
}

#[test]
fn a_dump_is_taken_while_others_write() {
    let world = World::new("CREATEDB");
    let writing = "BEGIN; INSERT INTO people VALUES (5000, 'not committed'); SELECT pg_sleep(600);";
    let _writer = world.server.linger(&world.role, &world.database, &format!("writer {}", world.role), writing);
    let contents = world.contents();
    let record = world.store(Never).keep(&tag(), &world.files.backups(), Way::Dump).unwrap();
    world.migrate_rows_only();
    world.store(Never).back(&record, &world.files.backups()).unwrap();
    assert_eq!(world.contents(), contents);
}

#[test]
fn a_left_over_session_is_ended() {
    let world = World::new("");
    let called = format!("forgotten {}", world.role);
    let mut forgotten = world.server.linger(&world.role, &world.database, &called, "SELECT pg_sleep(600);");
    let store = world.store(Peer);
    let record = store.keep(&tag(), &world.files.backups(), Way::Clone).unwrap();
    assert!(!forgotten.wait().success());
    let mut forgotten = world.server.linger(&world.role, &world.database, &called, "SELECT pg_sleep(600);");
    store.back(&record, &world.files.backups()).unwrap();
    assert!(!forgotten.wait().success());
}

#[test]
fn what_was_written_after_a_dump_was_brought_back_in_place_is_not_replaced_again() {
    let world = World::new("NOCREATEDB");
    let (store, dir) = (world.store(Never), world.files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    world.migrate();
    let left = store.back(&record, &dir).unwrap();
    world.sql("INSERT INTO people VALUES (7000, 'written since');");
    assert_eq!(store.back(&record, &dir).unwrap(), left);
    assert_eq!(world.sql("SELECT name FROM people WHERE id = 7000;").trim(), "written since");
}

#[test]
fn a_restore_of_another_update_s_backup_leaves_things_under_its_own_name() {
    for (attributes, administration) in [("NOCREATEDB", Never), ("NOCREATEDB", Peer), ("CREATEDB", Never)] {
        let world = World::new(attributes);
        let (store, dir) = (world.store(administration), world.files.backups());
        let ways = if attributes == "NOCREATEDB" && administration == Never {
            vec![Way::Dump]
        } else {
            vec![Way::Clone, Way::Dump]
        };
        for way in ways {
            let before = world.contents();
            let update = store.keep(&tag(), &dir, way).unwrap();
            world.migrate();
            let after = world.contents();
            let own = world.files.backups_of("8");
            let rollback = store.keep(&BackupTag::of_update(8), &own, way).unwrap();
            let aside = Aside { dir: &own, keep: Keep::Always, tell: &|_| {} };
            // There, by the update's backup; and back again, by what the rollback copied first.
            let there = BackupRecord { tag: BackupTag::of_restore(8), ..update };
            let left = store.restore(&there, &dir, &aside).unwrap().unwrap();
            assert!(left.name.contains("0008r"), "{left:?}");
            assert_eq!(world.contents(), before, "{way:?}");
            assert_eq!(store.restore(&there, &dir, &aside).unwrap(), Some(left.clone()), "again changes nothing");
            let left = store.restore(&rollback, &own, &aside).unwrap().unwrap();
            assert!(left.name.contains("0008") && !left.name.contains("0008r"), "{left:?}");
            assert_eq!(world.contents(), after, "{way:?}");
            for tag in [BackupTag::of_restore(8), BackupTag::of_update(8), tag()] {
                store.discard(&tag, &own).unwrap();
                store.forget_left(&tag, &own).unwrap();
            }
            store.discard(&tag(), &dir).unwrap();
            assert_eq!((world.databases().len(), listing(&own)), (1, vec![]), "{way:?}");
            world.sql("DROP TABLE orders; ALTER TABLE people DROP mail;");
        }
    }
}

#[test]
fn a_backup_is_counted_when_it_is_made() {
    let world = World::new("CREATEDB");
    world.sql(
        "CREATE TABLE \"Em pty\" (id int); CREATE TABLE part (id int) PARTITION BY RANGE (id);
        CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (10); INSERT INTO part VALUES (1), (2);",
    );
    let (store, dir) = (world.store(Peer), world.files.backups());
    for way in [Way::Clone, Way::Dump] {
        let record = store.keep(&tag(), &dir, way).unwrap();
        let counted = Contents { tables: 3, rows: 1002, counted: Counted::Exactly };
        assert_eq!(record.contents, Some(counted), "{way:?}");
        let mut older = serde_json::to_value(&record).unwrap();
        older.as_object_mut().unwrap().remove("contents");
        let older: BackupRecord = serde_json::from_value(older).unwrap();
        assert_eq!(older.contents, None, "what an older agent wrote down");
    }
    world.sql("CREATE TABLE large AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 40000); ANALYZE large;");
    let contents = store.keep(&tag(), &dir, Way::Clone).unwrap().contents.unwrap();
    assert_eq!((contents.tables, contents.counted), (4, Counted::InPart));
    assert!((40_000..42_000).contains(&contents.rows), "{contents:?}");
}

#[test]
fn a_copy_that_lacks_something_is_no_backup() {
    let world = World::new("CREATEDB");
    let store = world.store(Peer);
    let Store::Postgres(postgres) = &store else { unreachable!("a World's store is PostgreSQL") };
    let record = store.keep(&tag(), &world.files.backups(), Way::Clone).unwrap();
    let Held::Clone { name, .. } = &record.held else { panic!("{record:?}") };
    assert!(verify::copy(postgres, name).is_ok());
    world.server.sql(name, "DELETE FROM people WHERE id = 7;");
    let error = verify::copy(postgres, name).unwrap_err().to_string();
    assert!(error.contains("rows: Some(999)") && error.contains("rows: Some(1000)"), "{error}");
    world.server.sql(name, "DROP TABLE people CASCADE;");
    let error = verify::copy(postgres, name).unwrap_err().to_string();
    assert!(error.contains("relations instead of"), "{error}");
}

#[test]
fn a_backup_that_has_gone_is_missed() {
    let world = World::new("CREATEDB");
    let (store, dir) = (world.store(Peer), world.files.backups());
    for way in [Way::Clone, Way::Dump] {
        let record = store.keep(&tag(), &dir, way).unwrap();
        store.holds(&record, &dir).unwrap();
        store.discard(&tag(), &dir).unwrap();
        assert!(store.holds(&record, &dir).is_err(), "{way:?}");
    }
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    crate::durable::write_atomic(&dir.join("main.dump.zst"), b"half", 0o600).unwrap();
    let error = store.holds(&record, &dir).unwrap_err().to_string();
    assert!(error.contains("is damaged: it has 4 bytes instead of"), "{error}");
}

#[test]
fn a_second_backup_of_the_same_tag_replaces_the_first() {
    let world = World::new("CREATEDB");
    for way in [Way::Clone, Way::Dump] {
        let store = world.store(Peer);
        let dir = world.files.backups();
        let first = store.keep(&tag(), &dir, way).unwrap();
        world.sql("UPDATE people SET name = name || '!';");
        let contents = world.contents();
        let second = store.keep(&tag(), &dir, way).unwrap();
        assert_ne!(first, second);
        world.sql("DELETE FROM people;");
        store.back(&second, &dir).unwrap();
        assert_eq!(world.contents(), contents);
        store.forget_left(&tag(), &dir).unwrap();
        for _ in 0..2 {
            store.discard(&tag(), &dir).unwrap();
            store.forget_left(&tag(), &dir).unwrap();
        }
        assert_eq!(world.databases(), [world.database.as_str()]);
        assert_eq!(listing(&dir), [""; 0]);
    }
}

#[test]
fn an_older_restore_of_the_same_tag_keeps_what_it_left_aside() {
    let world = World::new("CREATEDB");
    let (store, dir) = (world.store(Peer), world.files.backups());
    for round in 1..=2 {
        let record = store.keep(&tag(), &dir, Way::Clone).unwrap();
        world.sql(&format!("UPDATE people SET name = 'round {round}';"));
        let left = store.back(&record, &dir).unwrap().unwrap();
        let aside = world.server.sql(&left.name, "SELECT max(name) FROM people;");
        assert_eq!(aside.trim(), format!("round {round}"));
    }
    assert_eq!(world.databases().len(), 3);
}

#[test]
fn a_migration_that_fails_half_way_is_undone_by_the_restore() {
    let world = World::new("");
    let (store, dir) = (world.store(Peer), world.files.backups());
    let contents = world.contents();
    let record = store.keep(&tag(), &dir, Way::Clone).unwrap();
    let file = world
        .files
        .write("release/011.sql", "DELETE FROM people WHERE id > 10;\nCREATE TABLE half (id int);\nSELECT 1 / 0;\n");
    let whole = store.migration(&step("sql", true), &file, &world.files.path("release")).unwrap();
    assert!(super::super::testing::run_vendor(&whole).is_err());
    assert_eq!(world.contents(), contents, "one transaction leaves nothing");
    let single = store.migration(&step("sql", false), &file, &world.files.path("release")).unwrap();
    assert!(super::super::testing::run_vendor(&single).is_err());
    assert_ne!(world.contents(), contents);
    store.back(&record, &dir).unwrap();
    assert_eq!(world.contents(), contents);
}

#[test]
fn a_migration_gets_the_database_without_a_secret_among_its_arguments() {
    let world = World::new("");
    let (store, release) = (world.store(Peer), world.files.path("release"));
    let sql = world.files.write("release/ok.sql", "CREATE TABLE made (id int);");
    let step = |kind| step(kind, true);
    let command = store.migration(&step("sql"), &sql, &release).unwrap();
    super::super::testing::run_vendor(&command).unwrap();
    assert!(!command.argv.join(" ").contains("p@s") && !format!("{command:?}").contains("p@s"));
    let script = world
        .files
        .write("release/run.sh", "#!/bin/sh\ntest \"$PWD\" = \"$(dirname \"$0\")\" && echo \"$DATABASE_URL\" > seen\n");
    let command = store.migration(&step("command"), &script, &release).unwrap();
    super::super::testing::run_vendor(&command).unwrap();
    let seen = std::fs::read_to_string(world.files.path("release/seen")).unwrap();
    assert!(seen.starts_with("postgresql+asyncpg://app-"), "as the application itself has it: {seen}");
    assert!(world.sql("SELECT count(*) FROM made;").starts_with('0'));
}

#[test]
fn a_database_that_a_migration_removed_comes_back() {
    for way in [Way::Clone, Way::Dump] {
        let world = World::new("");
        let (store, dir) = (world.store(Peer), world.files.backups());
        let (contents, properties) = (world.contents(), world.properties(&world.database));
        let record = store.keep(&tag(), &dir, way).unwrap();
        world.server.sql("postgres", &format!("DROP DATABASE \"{}\";", world.database));
        // A later process: it knows nothing of the server yet.
        assert_eq!(world.store(Peer).back(&record, &dir).unwrap(), None);
        assert_eq!((world.contents(), world.properties(&world.database)), (contents, properties));
    }
}

#[test]
fn limits_that_are_set_for_the_application_do_not_stop_us() {
    let world = World::new("NOCREATEDB");
    // Bringing this row back takes longer than the limit. pg_dump lifts the limit itself, by its first few statements, which
    // are subject to it: it must not be so short that a busy machine does not manage these.
    world.sql("CREATE TABLE slow (id int CHECK (pg_sleep(1)::text IS NOT NULL)); INSERT INTO slow VALUES (1);");
    world.server.sql("postgres", &format!(
        "ALTER DATABASE \"{}\" SET default_transaction_read_only TO on; ALTER ROLE \"{}\" SET statement_timeout TO '800ms';",
        world.database, world.role
    ));
    for (administration, way) in [(Never, Way::Dump), (Peer, Way::Clone), (Peer, Way::Dump)] {
        let (store, dir) = (world.store(administration), world.files.backups());
        let record = store.keep(&tag(), &dir, way).unwrap();
        world.server.sql(&world.database, "SET default_transaction_read_only TO off; DELETE FROM people;");
        store.back(&record, &dir).unwrap();
        assert_eq!(world.server.sql(&world.database, "SELECT count(*) FROM people;").trim(), "1000");
    }
}

fn step(kind: &str, transaction: bool) -> manifest_schema::migration::MigrationStep {
    serde_json::from_value(serde_json::json!({
        "version": "1.1.0", "type": kind, "file": "011.sql", "description": "x", "transaction": transaction
    }))
    .unwrap()
}
