//! A consistent copy of an SQLite file that others may be writing, checked and durable.
//!
//! The child makes it in a directory of its own; the agent then copies it to where the application's user cannot write.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::error::{Keeping, Reading, StoreError};
use super::super::{Contents, Counted};
use super::directory::{open_regular, uid_of};
use super::{Act, Sqlite, child, connect, connect_within, failed, passed};
use crate::durable;

/// Copies the live file, with what its log holds, to `path`; `made` is a directory that is the user's meanwhile.
pub(super) fn copy(store: &Sqlite, made: &Path, path: &Path, patience: Duration) -> Result<Contents, StoreError> {
    let name = store.name.as_str();
    durable::make_dir(made, 0o700).keeping(name)?;
    if let Some(user) = &store.user {
        durable::give_tree(made, user.owner()).keeping(name)?;
    }
    let copied = made.join("copy");
    let contents = child::ask(store, &Act::Copy { to: copied.clone(), patience })?.copied()?;
    take(store, &copied, path)?;
    durable::remove_tree(made).keeping(name)?;
    Ok(contents)
}

/// Copies what the child has made. A link or another's file in its place would be one that the user could not read himself,
/// and a restore would give it to him.
fn take(store: &Sqlite, copied: &Path, path: &Path) -> Result<(), StoreError> {
    let foreign = || {
        let reason = "it is not the file that was made there".to_owned();
        StoreError::Damaged { path: copied.to_owned(), reason }
    };
    let mut source = open_regular(copied)?.ok_or_else(foreign)?;
    let user = store.user.as_ref().map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid);
    if uid_of(&source, copied)? != user {
        return Err(foreign());
    }
    let mut partial = durable::create_partial(path, 0o600).keeping(store.name.as_str())?;
    std::io::copy(&mut source, &mut partial).reading("copy", copied)?;
    partial.finish().map(drop).keeping(store.name.as_str())
}

/// In the child: copies `live` to `path`, which must not exist, and checks the copy: it is sound, and has the tables and rows
/// that were there at the one moment that is copied.
pub(super) fn make(live: &Path, path: &Path, patience: Duration) -> Result<Contents, StoreError> {
    let source = connect_within(live, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)?;
    let mut target = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    // The transaction begins with the first look, and the copy is of the same moment.
    source.execute_batch("BEGIN").map_err(|source| failed("read", live, source))?;
    passed(path)?;
    let original = count(&source).map_err(|source| failed("count the rows of", live, source))?;
    fill(&source, &mut target, path, patience)?;
    passed(path)?;
    check(&target, path)?;
    let copied = count(&target).map_err(|source| failed("count the rows of", path, source))?;
    if copied != original {
        let reason = format!("it has {copied:?} instead of {original:?}");
        return Err(StoreError::Damaged { path: path.to_owned(), reason });
    }
    target.close().map_err(|(_, source)| failed("close", path, source))?;
    passed(path)?;
    Ok(copied)
}

/// Counts the tables that have rows of their own; a virtual one has its rows in others.
fn count(database: &Connection) -> Result<Contents, rusqlite::Error> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite@_%' ESCAPE '@'";
    let mut statement = database.prepare(sql)?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let rows = |name: &String| {
        let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        database.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let rows = names.iter().map(rows).sum::<Result<u64, _>>()?;
    Ok(Contents { tables: names.len() as u64, rows, counted: Counted::Exactly })
}

/// All pages in one step: the lock is held until the end, so that no page is of another moment.
fn fill(source: &Connection, target: &mut Connection, path: &Path, patience: Duration) -> Result<(), StoreError> {
    let backup = Backup::new(source, target).map_err(|source| failed("back up into", path, source))?;
    let deadline = std::time::Instant::now() + patience;
    // Each step waits for locks itself, by the connection's busy timeout.
    while backup.step(-1).map_err(|source| failed("back up into", path, source))? != StepResult::Done {
        if std::time::Instant::now() > deadline {
            let sessions = "another process keeps it locked".to_owned();
            return Err(StoreError::InUse { database: path.display().to_string(), sessions });
        }
    }
    Ok(())
}

/// Lets SQLite look at every page and every index.
fn check(database: &Connection, path: &Path) -> Result<(), StoreError> {
    let answer = database.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    let answer = answer.map_err(|source| failed("check", path, source))?;
    if answer == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { path: path.to_owned(), reason: answer })
}
