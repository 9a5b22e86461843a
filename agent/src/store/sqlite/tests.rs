mod hostile;

use std::os::unix::fs::MetadataExt;
use std::panic::AssertUnwindSafe;

use super::super::testing::{Files, listing, run_vendor, tag};
use super::super::{Administration, Contents, Counted, Store};
use super::*;
use crate::fault::testing::{Fault, with};

fn store(files: &Files) -> Store<'_> {
    files.open(serde_json::json!({"type": "sqlite", "path": "app.db"}), Administration::Never).unwrap()
}

fn live(files: &Files) -> PathBuf {
    files.path("shared/app.db")
}

fn sql(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// All rows, and that the file is sound.
fn contents(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("PRAGMA integrity_check"), "ok");
    one("SELECT count(*) || ' ' || group_concat(name) FROM (SELECT name FROM people ORDER BY id)")
}

/// A database in WAL mode whose process was killed: the last rows are in the log only.
fn killed(files: &Files) {
    let path = live(files);
    sql(
        &path,
        "PRAGMA journal_mode = WAL; CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO people VALUES (1, 'a');",
    );
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO people VALUES (2, 'b');").unwrap();
    // A copy of the files as they are while the process lives is what a kill leaves.
    let parts: Vec<(PathBuf, Vec<u8>)> = ["", "-wal", "-shm"]
        .iter()
        .map(|suffix| durable::beside(&path, suffix))
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    drop(connection);
    for (path, bytes) in parts {
        durable::write_atomic(&path, &bytes, 0o640).unwrap();
    }
    files.give_shared();
    assert!(size_of(&durable::beside(&path, "-wal")).unwrap() > 0);
}

fn migrate(files: &Files) {
    sql(
        &live(files),
        "CREATE TABLE orders (person REFERENCES people); DELETE FROM people WHERE id = 1; INSERT INTO people VALUES (3, 'c');",
    );
}

#[test]
fn a_database_in_wal_mode_goes_there_and_back_after_a_kill() {
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    assert!(store.examine().unwrap().size > 0);
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    assert_eq!(record.contents, Some(Contents { tables: 1, rows: 2, counted: Counted::Exactly }));
    assert_eq!(listing(&dir), ["main.sqlite"]);
    let before = contents(&live(&files));
    assert_eq!(before, "2 a,b");
    migrate(&files);
    let left = store.back(&record, &dir).unwrap().unwrap();
    assert_eq!(contents(&live(&files)), before);
    assert_eq!(contents(Path::new(&left.name)), "2 b,c", "nothing that was written is lost");
    assert_eq!(std::fs::metadata(live(&files)).unwrap().mode() & 0o777, 0o640);
    assert_eq!(store.back(&record, &dir).unwrap().unwrap().name, left.name);
    store.forget_left(&tag(), &dir).unwrap();
    store.forget_left(&tag(), &dir).unwrap();
    store.discard(&tag(), &dir).unwrap();
    assert_eq!((listing(&files.path("shared")), listing(&dir)), (vec!["app.db".to_owned()], vec![]));
}

/// A migration whose process was killed in the middle of a transaction that had begun to write: the journal is hot.
fn killed_in_a_transaction(files: &Files) {
    let path = live(files);
    let connection = Connection::open(&path).unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                INSERT INTO people SELECT i, hex(randomblob(200)) FROM n;";
    connection.execute_batch(&format!("PRAGMA cache_size = 10; BEGIN; {many}")).unwrap();
    let parts = ["", "-journal"].map(|suffix| durable::beside(&path, suffix));
    let parts = parts.map(|path| (path.clone(), std::fs::read(&path).unwrap()));
    connection.execute_batch("ROLLBACK").unwrap();
    drop(connection);
    for (path, bytes) in parts {
        durable::write_atomic(&path, &bytes, 0o640).unwrap();
    }
    files.give_shared();
    assert!(serve::has_log(&path));
}

#[test]
fn a_migration_that_was_killed_while_it_wrote_is_taken_back() {
    for mode in ["DELETE", "PERSIST", "TRUNCATE"] {
        let files = Files::new();
        sql(
            &live(&files),
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO people VALUES (1, 'a');",
        );
        sql(&live(&files), &format!("PRAGMA journal_mode = {mode}; INSERT INTO people VALUES (2, 'b');"));
        files.give_shared();
        let (store, dir) = (store(&files), files.backups());
        let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
        killed_in_a_transaction(&files);

        store.back(&record, &dir).unwrap();

        assert_eq!(contents(&live(&files)), "2 a,b", "{mode}");
    }
}

#[test]
fn a_migration_that_was_killed_before_it_wrote_holds_nothing_up() {
    let files = Files::new();
    sql(&live(&files), "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO people VALUES (1, 'a');");
    files.give_shared();
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    sql(&live(&files), "INSERT INTO people VALUES (2, 'b');");
    let unsynced = [vec![0; 12], vec![7; 500]].concat();
    durable::write_atomic(&durable::beside(&live(&files), "-journal"), &unsynced, 0o640).unwrap();
    files.give_shared();

    let left = store.back(&record, &dir).unwrap().unwrap();

    assert_eq!((contents(&live(&files)), contents(Path::new(&left.name))), ("1 a".to_owned(), "2 a,b".to_owned()));
}

#[test]
fn the_restored_file_has_the_owner_of_the_live_one() {
    let files = Files::new();
    killed(&files);
    let owner = files.owner();
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    migrate(&files);
    store.back(&record, &dir).unwrap();
    for name in listing(&files.path("shared")) {
        let meta = std::fs::metadata(files.path("shared").join(&name)).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (owner.uid, owner.gid), "{name}");
    }
}

#[test]
fn a_crash_at_any_point_of_a_restore() {
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    let before = contents(&live(&files));
    let prepared = || {
        store.forget_left(&tag(), &dir).unwrap();
        let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
        migrate(&files);
        record
    };
    let record = prepared();
    let after = contents(&live(&files));
    let (_, points) = with(None, AssertUnwindSafe(|| store.back(&record, &dir).unwrap()));
    assert!(points >= 8, "{points}");
    for (fault, point) in
        [Fault::Error, Fault::Crash].into_iter().flat_map(|fault| (0..points).map(move |point| (fault, point)))
    {
        let record = prepared();
        with(Some((point, fault)), AssertUnwindSafe(|| store.back(&record, &dir).map(drop)));
        let now = contents(&live(&files));
        assert!(now == before || now == after, "point {point}: the live file is whole at every instant: {now}");
        let left = store.back(&record, &dir).unwrap().expect("what was live is kept");
        assert_eq!(
            (contents(&live(&files)), contents(Path::new(&left.name))),
            (before.clone(), after.clone()),
            "point {point}"
        );
        assert_eq!(store.back(&record, &dir).unwrap(), Some(left));
        assert_eq!(listing(&files.path("shared")), ["app.db", "app.db.sf0007-left"], "point {point}");
    }
}

#[test]
fn a_crash_at_any_point_of_a_backup() {
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    let backup = || store.keep(&tag(), &dir, Way::Dump);
    backup().unwrap();
    let (_, points) = with(None, AssertUnwindSafe(|| backup().unwrap()));
    assert!(points >= 2, "{points}");
    for (fault, point) in
        [Fault::Error, Fault::Crash].into_iter().flat_map(|fault| (0..points).map(move |point| (fault, point)))
    {
        with(Some((point, fault)), AssertUnwindSafe(|| backup().map(drop)));
        backup().unwrap();
        assert_eq!(listing(&dir), ["main.sqlite"], "point {point}");
        assert_eq!(contents(&live(&files)), "2 a,b");
    }
}

#[test]
fn a_ruined_live_file_is_set_aside_with_its_log() {
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    durable::write_atomic(&live(&files), &[7; 9000], 0o600).unwrap();
    durable::write_atomic(&durable::beside(&live(&files), "-wal"), b"not a log", 0o600).unwrap();
    files.give_shared();
    let left = store.back(&record, &dir).unwrap().unwrap();
    assert_eq!((contents(&live(&files)).as_str(), left.size), ("2 a,b", 9000));
    assert_eq!(std::fs::read(format!("{}-wal", left.name)).unwrap(), b"not a log");
    store.forget_left(&tag(), &dir).unwrap();
    assert_eq!(listing(&files.path("shared")), ["app.db"]);
}

#[test]
fn where_nothing_changed_nothing_is_left_aside() {
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    store.back(&record, &dir).unwrap();
    store.forget_left(&tag(), &dir).unwrap();
    assert_eq!(store.back(&record, &dir).unwrap(), None);
}

#[test]
fn a_backup_is_taken_while_another_process_writes() {
    let files = Files::new();
    killed(&files);
    let writer = Connection::open(live(&files)).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO people VALUES (9, 'not committed');").unwrap();
    let (store, dir) = (store(&files), files.backups());
    store.keep(&tag(), &dir, Way::Dump).unwrap();
    assert_eq!(contents(&dir.join("main.sqlite")), "2 a,b");
}

/// Another process that has the file locked and does not let go.
struct Stubborn(std::process::Child);

impl Stubborn {
    fn begin(files: &Files) -> Self {
        let endless = "BEGIN EXCLUSIVE; DELETE FROM people;
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n;";
        let file = files.write("release/endless.sql", endless);
        let mut command = std::process::Command::new(crate::program::own());
        let child = command.args(["internal", "sqlite"]).arg(file).arg(live(files)).spawn().unwrap();
        let stubborn = Self(child);
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while holders::holders(&live(files), holders::Locks::Writing).is_empty() {
            assert!(std::time::Instant::now() < deadline, "it does not lock the file");
        }
        stubborn
    }
}

impl Drop for Stubborn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A database with a rollback journal: whoever writes it keeps readers out.
fn plain(files: &Files) {
    sql(&live(files), "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO people VALUES (1, 'a');");
    files.give_shared();
}

#[test]
fn a_process_that_does_not_let_go_is_named_waited_for_and_the_update_called_off() {
    let files = Files::new();
    plain(&files);
    let (store, dir) = (store(&files), files.backups());
    let stubborn = Stubborn::begin(&files);
    let told = std::cell::RefCell::new(Vec::new());
    let tell = |text| told.borrow_mut().push(text);
    let clients = super::super::Clients { wait_seconds: 2, ..Default::default() };
    let others = Others::Leave(super::super::Farewell { clients, tell: &tell });
    let began = std::time::Instant::now();
    let error = store.backup(&tag(), &dir, Way::Dump, &others).unwrap_err();
    assert!(began.elapsed() >= Duration::from_secs(2));
    let named = format!("(process {})", stubborn.0.id());
    assert!(matches!(&error, StoreError::InUse { sessions, .. } if sessions.contains(&named)), "{error}");
    assert!(told.borrow().join("").contains(&named), "it was told before it was waited for");
    drop(stubborn);
    store.backup(&tag(), &dir, Way::Dump, &others).unwrap();
}

#[test]
fn before_the_downtime_a_stranger_is_named_and_a_lock_of_a_moment_is_not() {
    let files = Files::new();
    // With a log beside it, what is written keeps nobody from reading.
    killed(&files);
    assert_eq!(store(&files).examine().unwrap().clients, []);
    let stubborn = Stubborn::begin(&files);
    let first = holders::holders(&live(&files), holders::Locks::Writing);
    let stranger = super::super::User { name: "kkt".to_owned(), uid: 4711, gid: 4711 };
    assert!(first.iter().all(|holder| holder.is_stranger(Some(&stranger))) && first.len() == 1, "{first:?}");
    let named = first[0].client().to_string();
    assert!(named.contains(&format!("(process {}) of user ", stubborn.0.id())), "{named}");
    drop(stubborn);
    assert_eq!(holders::in_both(&first, &holders::holders(&live(&files), holders::Locks::Writing)), []);
}

#[test]
fn going_back_to_no_database_leaves_none() {
    let files = Files::new();
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    assert_eq!(record.held, Held::Nothing);
    sql(&live(&files), "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);");
    files.give_shared();
    let left = store.back(&record, &dir).unwrap();
    assert!(!live(&files).exists() && left.is_some());
    assert_eq!(store.back(&record, &dir).unwrap(), left);
}

#[test]
fn a_damaged_backup_leaves_the_live_file_alone() {
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    migrate(&files);
    durable::write_atomic(&dir.join("main.sqlite"), b"x", 0o600).unwrap();
    assert!(matches!(store.back(&record, &dir).unwrap_err(), StoreError::Damaged { .. }));
    assert_eq!(contents(&live(&files)), "2 b,c");
}

#[test]
fn a_program_that_was_replaced_is_found_again() {
    let files = Files::new();
    let path = files.write("surefoot", "");
    assert_eq!(still_there(durable::beside(&path, " (deleted)")), path);
    assert_eq!(still_there(path.clone()), path);
    let gone = PathBuf::from("/nowhere (deleted)");
    assert_eq!(still_there(gone.clone()), gone);
}

#[test]
fn what_is_no_database_is_told() {
    let files = Files::new();
    files.write("shared/app.db", &"this is a text ".repeat(100));
    files.give_shared();
    let error = store(&files).examine().unwrap_err();
    assert!(error.to_string().starts_with("cannot read "), "{error}");
}

#[test]
fn a_migration_in_a_transaction_is_all_or_nothing() {
    let files = Files::new();
    killed(&files);
    let file = files
        .write("release/011.sql", "DELETE FROM people; -- a note\nCREATE TABLE half (id); SELECT no_such_function();");
    assert!(apply(&live(&files), &file, true).is_err());
    assert_eq!(contents(&live(&files)), "2 a,b");
    assert!(apply(&live(&files), &file, false).is_err());
    let count: i64 =
        Connection::open(live(&files)).unwrap().query_row("SELECT count(*) FROM people", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
    let good = files.write("release/012.sql", "INSERT INTO people VALUES (7, 'new'); CREATE TABLE made (id);");
    apply(&live(&files), &good, true).unwrap();
    assert_eq!(contents(&live(&files)), "1 new");
}

#[test]
fn a_step_is_run_by_our_own_client_or_by_itself() {
    let files = Files::new();
    let (store, release) = (store(&files), files.path("release"));
    let step = |kind: &str| -> MigrationStep {
        serde_json::from_value(serde_json::json!({"version": "1.1.0", "type": kind, "file": "x", "description": "x"}))
            .unwrap()
    };
    let command = store.migration(&step("sql"), &release.join("x"), &release).unwrap();
    assert_eq!(command.argv[1..3], ["internal", "sqlite"]);
    assert_eq!(command.argv.last().unwrap(), "--transaction");
    let script = files.write("release/x", "#!/bin/sh\necho \"$SUREFOOT_DATABASE\" > seen\n");
    run_vendor(&store.migration(&step("command"), &script, &release).unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(files.path("release/seen")).unwrap().trim(), live(&files).to_str().unwrap());
}
