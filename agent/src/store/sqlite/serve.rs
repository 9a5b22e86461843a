//! What the child does that opens the live file with SQLite. It runs as the application's user and answers in one line of JSON.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{ErrorCode, OpenFlags};
use serde::{Deserialize, Serialize};

use super::super::Contents;
use super::super::error::{Reading, StoreError};
use super::{connect, copy, failed, passed};
use crate::durable;

/// What is to be done with a live file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Read it.
    Examine,
    /// Copy it, with what its log holds, to a file that is not there yet, and check the copy.
    Copy {
        /// The file.
        to: PathBuf,
        /// How long others' locks are waited for.
        patience: Duration,
    },
    /// Bring what its log or journal holds into it.
    Fold,
}

/// How it went. It comes from a process of the application's user, and is believed about his own data only.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done,
    /// The copy is sound and holds this.
    Copied(Contents),
    /// SQLite cannot make sense of the file.
    Ruined(String),
    /// The copy is not sound.
    Damaged(String),
    /// Somebody else holds it.
    InUse(String),
    Failed(String),
}

/// Does it and writes the answer.
///
/// # Errors
/// When the answer cannot be written.
pub fn serve(act: &Act, live: &Path, mut to: impl Write) -> std::io::Result<()> {
    let done = match act {
        Act::Examine => examine(live).map(|()| Answer::Done),
        Act::Copy { to, patience } => copy::make(live, to, *patience).map(Answer::Copied),
        Act::Fold => fold(live).map(|()| Answer::Done),
    };
    let answer = done.unwrap_or_else(|error| Answer::of(&error));
    serde_json::to_writer(&mut to, &answer)?;
    to.flush()
}

impl Answer {
    fn of(error: &StoreError) -> Self {
        if let StoreError::Damaged { reason, .. } = error {
            return Self::Damaged(reason.clone());
        }
        if let StoreError::InUse { sessions, .. } = error {
            return Self::InUse(sessions.clone());
        }
        let text = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        if let StoreError::Sqlite { source, .. } = error
            && is_ruined(source)
        {
            return Self::Ruined(text);
        }
        if let StoreError::Sqlite { source, .. } = error
            && is_locked(source)
        {
            return Self::InUse(text);
        }
        Self::Failed(text)
    }
}

fn examine(live: &Path) -> Result<(), StoreError> {
    let database = connect(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let count = database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    count.map(drop).map_err(|source| failed("read", live, source))
}

/// SQLite clears away the log of a file that it cannot read: it must not even open such a one.
fn fold(live: &Path) -> Result<(), StoreError> {
    if has_header(live)? {
        return checkpoint(live);
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
    Err(failed("read", live, rusqlite::Error::SqliteFailure(code, None)))
}

/// Whether the file begins as an SQLite file does (sqlite.org, "Database File Format"); an empty one is a database too.
fn has_header(path: &Path) -> Result<bool, StoreError> {
    let mut header = Vec::new();
    std::fs::File::open(path).reading("open", path)?.take(16).read_to_end(&mut header).reading("read", path)?;
    Ok(header.is_empty() || header == *b"SQLite format 3\0")
}

fn checkpoint(live: &Path) -> Result<(), StoreError> {
    let connection = connect(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    let busy = busy.map_err(|source| failed("fold the log of", live, source))?;
    connection.close().map_err(|(_, source)| failed("close", live, source))?;
    passed(live)?;
    if busy == 0 && !has_log(live) {
        return Ok(());
    }
    let sessions = "another process is working in it".to_owned();
    Err(StoreError::InUse { database: live.display().to_string(), sessions })
}

/// Whether a log or journal lies beside that still means something.
pub(super) fn has_log(path: &Path) -> bool {
    let has_content = |path: PathBuf| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.len() > 0);
    has_content(durable::beside(path, "-wal")) || is_hot(&durable::beside(path, "-journal"))
}

/// Whether a journal has something to roll back. One of a transaction that was killed before it changed the file, or that is kept
/// for the next one, begins with zeros: SQLite leaves it where it is (sqlite.org, "File Locking And Concurrency", Hot Journals).
fn is_hot(journal: &Path) -> bool {
    let mut first = [0];
    let is_file = std::fs::symlink_metadata(journal).is_ok_and(|meta| meta.is_file());
    is_file && std::fs::File::open(journal).and_then(|mut file| file.read(&mut first)).is_ok() && first != [0]
}

fn is_locked(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn is_ruined(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
