//! Brings an SQLite file back: a copy beside, one exchange, and the one that was live keeps a name.
//!
//! A later run knows how far an earlier one came by the content: the live file is the backup, byte for byte, once the exchange
//! has happened.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;
use rusqlite::{ErrorCode, OpenFlags};

use super::super::error::{Keeping, Reading, StoreError};
use super::super::record::{hash_file, size_of};
use super::super::{BackupTag, LeftAside};
use super::{COMPANIONS, Sqlite, connect};
use crate::durable::{self, Owner};

/// Brings back the file at `backup`.
pub(super) fn file(
    store: &Sqlite,
    tag: &BackupTag,
    backup: &Path,
    sha256: &Sha256,
) -> Result<Option<LeftAside>, StoreError> {
    let beside = restoring(store, tag);
    if !is(&store.live, sha256)? {
        if hash_file(backup)? != *sha256 {
            let reason = "its contents are not those that were written".to_owned();
            return Err(StoreError::Damaged { path: backup.to_owned(), reason });
        }
        let copied = copy(store, backup, &beside)?;
        fold(store, tag)?;
        if store.live.exists() {
            durable::exchange(&copied, &store.live).keeping(store.name.as_str())?;
        } else {
            durable::rename(&copied, &store.live).keeping(store.name.as_str())?;
        }
    }
    // What lies beside is now either the copy that was not needed, or what was live.
    if is(&beside, sha256)? {
        durable::remove_file(&beside).keeping(store.name.as_str())?;
    } else if beside.exists() {
        durable::rename(&beside, &free(store, tag)).keeping(store.name.as_str())?;
    }
    latest_left(store, tag)
}

/// Goes back to there being no database.
pub(super) fn nothing(store: &Sqlite, tag: &BackupTag) -> Result<Option<LeftAside>, StoreError> {
    if store.live.exists() {
        fold(store, tag)?;
        durable::rename(&store.live, &free(store, tag)).keeping(store.name.as_str())?;
    }
    latest_left(store, tag)
}

/// Whether the file is there, complete by itself, and has this content.
fn is(path: &Path, sha256: &Sha256) -> Result<bool, StoreError> {
    Ok(path.exists() && !has_log(path) && hash_file(path)? == *sha256)
}

/// Whether a log or journal lies beside that still means something.
fn has_log(path: &Path) -> bool {
    ["-wal", "-journal"]
        .iter()
        .any(|suffix| std::fs::metadata(durable::beside(path, suffix)).is_ok_and(|meta| meta.len() > 0))
}

/// Copies the backup beside the live file, with the live file's owner and mode, or its directory's owner.
fn copy(store: &Sqlite, backup: &Path, beside: &Path) -> Result<PathBuf, StoreError> {
    let like = std::fs::symlink_metadata(&store.live);
    let (mode, owner) = match &like {
        Ok(meta) => (meta.mode() & 0o7777, Owner { uid: meta.uid(), gid: meta.gid() }),
        Err(_) => {
            let parent = store.live.parent().unwrap_or(Path::new("/"));
            let meta = std::fs::metadata(parent).reading("look at", parent)?;
            (0o600, Owner { uid: meta.uid(), gid: meta.gid() })
        }
    };
    let name = store.name.as_str();
    let mut partial = durable::create_partial(beside, mode).keeping(name)?;
    let mut source = File::open(backup).reading("open", backup)?;
    std::io::copy(&mut source, &mut partial).reading("copy", backup)?;
    partial.give(owner).keeping(name)?;
    partial.finish().keeping(name)
}

/// Leaves the live file complete by itself. One that SQLite cannot make sense of any more keeps its log as it is, under the
/// name that the file itself is about to get.
fn fold(store: &Sqlite, tag: &BackupTag) -> Result<(), StoreError> {
    if !store.live.exists() {
        return remove_companions(store);
    }
    // SQLite clears away the log of a file that it cannot read: it must not even open such a one.
    if !has_header(&store.live)? {
        return set_companions_aside(store, tag);
    }
    match checkpoint(&store.live) {
        Ok(()) => remove_companions(store),
        Err(StoreError::Sqlite { source, .. }) if is_ruined(&source) => set_companions_aside(store, tag),
        Err(other) => Err(other),
    }
}

/// Whether the file begins as an SQLite file does (sqlite.org, "Database File Format"); an empty one is a database too.
fn has_header(path: &Path) -> Result<bool, StoreError> {
    let mut header = Vec::new();
    File::open(path).reading("open", path)?.take(16).read_to_end(&mut header).reading("read", path)?;
    Ok(header.is_empty() || header == *b"SQLite format 3\0")
}

fn is_ruined(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn set_companions_aside(store: &Sqlite, tag: &BackupTag) -> Result<(), StoreError> {
    let free = free(store, tag);
    for suffix in COMPANIONS {
        let companion = durable::beside(&store.live, suffix);
        if companion.exists() {
            durable::rename(&companion, &durable::beside(&free, suffix)).keeping(store.name.as_str())?;
        }
    }
    Ok(())
}

fn checkpoint(live: &Path) -> Result<(), StoreError> {
    let connection = connect(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    let busy = busy.map_err(|source| super::failed("fold the log of", live, source))?;
    connection.close().map_err(|(_, source)| super::failed("close", live, source))?;
    if busy == 0 && !has_log(live) {
        return Ok(());
    }
    let sessions = "another process is working in it".to_owned();
    Err(StoreError::InUse { database: live.display().to_string(), sessions })
}

/// What an ended process leaves beside a complete file says nothing and would be met by the next one.
fn remove_companions(store: &Sqlite) -> Result<(), StoreError> {
    for suffix in COMPANIONS {
        durable::remove_file(&durable::beside(&store.live, suffix)).keeping(store.name.as_str())?;
    }
    Ok(())
}

/// Where a restore of this tag makes the copy that goes live.
pub(super) fn restoring(store: &Sqlite, tag: &BackupTag) -> PathBuf {
    durable::beside(&store.live, &format!(".sf{tag}-restoring"))
}

/// What restores of this tag left aside, the latest last.
pub(super) fn left(store: &Sqlite, tag: &BackupTag) -> Vec<PathBuf> {
    names(store, tag).take_while(|path| path.exists()).collect()
}

fn free(store: &Sqlite, tag: &BackupTag) -> PathBuf {
    names(store, tag).find(|path| !path.exists()).expect("numbers do not end")
}

fn names(store: &Sqlite, tag: &BackupTag) -> impl Iterator<Item = PathBuf> {
    let first = durable::beside(&store.live, &format!(".sf{tag}-left"));
    (1..).map(move |number| if number == 1 { first.clone() } else { durable::beside(&first, &number.to_string()) })
}

fn latest_left(store: &Sqlite, tag: &BackupTag) -> Result<Option<LeftAside>, StoreError> {
    let Some(path) = left(store, tag).pop() else { return Ok(None) };
    Ok(Some(LeftAside { size: size_of(&path)?, name: path.display().to_string() }))
}
