//! The application's data: rows in SQLite, and what shape they have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use rusqlite::{Connection, OpenFlags};

use crate::durable;
use crate::fault::ledger;

/// What a database file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Data {
    /// All rows, in lower case.
    pub(super) rows: BTreeSet<String>,
    /// Whether the first migration has run.
    pub(super) has_colours: bool,
    /// Whether the second has: the first row tells, since no application writes this one.
    pub(super) is_upper: bool,
}

/// The data of a fresh application.
pub(super) fn create(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('first'), ('second');")
        .unwrap();
}

/// Writes a row, where there is a database that takes one.
pub(super) fn write(path: &Path, row: &str) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = Connection::open_with_flags(path, flags) else { return false };
    connection.execute("INSERT INTO notes VALUES (?1)", [row]).is_ok()
}

/// Reads a copy, so that looking changes nothing. `None`: it is no sound database. What has been read once is remembered: of
/// thousands of lives most end with the same bytes.
pub(super) fn read(path: &Path) -> Option<Data> {
    static KNOWN: Mutex<BTreeMap<Parts, Option<Data>>> = Mutex::new(BTreeMap::new());
    let part = |suffix| std::fs::read(durable::beside(path, suffix)).ok();
    let parts = [part(""), part("-journal"), part("-wal")];
    parts[0].as_ref()?;
    let known = KNOWN.lock().unwrap().get(&parts).cloned();
    known.unwrap_or_else(|| {
        let read = read_parts(&parts);
        KNOWN.lock().unwrap().insert(parts, read.clone());
        read
    })
}

/// The bytes of a database file, its journal and its log.
type Parts = [Option<Vec<u8>>; 3];

fn read_parts(parts: &Parts) -> Option<Data> {
    let in_doubt = ledger::settle();
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let copy = dir.path().join("copy");
    for (bytes, suffix) in parts.iter().zip(["", "-journal", "-wal"]) {
        let Some(bytes) = bytes else { continue };
        durable::create_partial(&durable::beside(&copy, suffix), 0o600).unwrap().write(bytes).unwrap();
    }
    ledger::doubt(in_doubt);
    let connection = Connection::open(&copy).ok()?;
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).ok()?;
    let mut statement = connection.prepare("SELECT text FROM notes ORDER BY rowid").ok()?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).ok()?;
    let rows: Vec<String> = rows.collect::<Result<_, _>>().ok()?;
    let has_colours = connection.prepare("SELECT name FROM colours").is_ok();
    (check == "ok").then(|| Data {
        is_upper: rows.first().is_some_and(|row| row == "FIRST"),
        rows: rows.into_iter().map(|row| row.to_lowercase()).collect(),
        has_colours,
    })
}
