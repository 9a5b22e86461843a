//! A consistent copy of an SQLite file that others may be writing, checked and durable.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::error::{Reading, StoreError};
use super::{connect, failed};

/// Copies `live`, with what its log holds, to `path`, which must not exist.
pub(super) fn copy(live: &Path, path: &Path) -> Result<(), StoreError> {
    let source = connect(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut target = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    fill(&source, &mut target, path)?;
    check(&target, path)?;
    target.close().map_err(|(_, source)| failed("close", path, source))?;
    std::fs::File::open(path).reading("open", path)?.sync_all().reading("make durable", path)
}

/// All pages in one step: the lock is held until the end, so that no page is of another moment.
fn fill(source: &Connection, target: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let backup = Backup::new(source, target).map_err(|source| failed("back up into", path, source))?;
    let deadline = std::time::Instant::now() + super::PATIENCE;
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
pub(super) fn check(database: &Connection, path: &Path) -> Result<(), StoreError> {
    let answer = database.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    let answer = answer.map_err(|source| failed("check", path, source))?;
    if answer == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { path: path.to_owned(), reason: answer })
}
