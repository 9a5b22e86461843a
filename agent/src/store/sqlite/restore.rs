//! Brings an SQLite file back: a copy beside, one exchange, and the one that was live keeps a name.
//!
//! A later run knows how far an earlier one came by the content: the live file is the backup, byte for byte, once the exchange
//! has happened.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use manifest_schema::digest::{Hasher, Sha256};

use super::super::error::{Keeping, Reading, StoreError};
use super::super::record::verify_file;
use super::super::{BackupTag, LeftAside};
use super::directory::{Directory, is_there, open_regular};
use super::serve::has_log;
use super::{Act, COMPANIONS, Sqlite, child};
use crate::durable::{self, Owner};

/// Brings back the file at `backup`.
pub(super) fn file(
    store: &Sqlite,
    tag: &BackupTag,
    backup: &Path,
    sha256: &Sha256,
) -> Result<Option<LeftAside>, StoreError> {
    let Some(here) = Directory::of(store)? else {
        let reason = format!("the directory of {} is not there", store.live.display());
        return Err(StoreError::NotPossible { database: store.name.to_string(), reason });
    };
    let (name, live, beside) = (store.name.as_str(), here.live(), restoring(&here, tag));
    if !is(&live, sha256)? {
        verify_file(backup, sha256)?;
        let copied = copy(store, &here, backup, &beside)?;
        fold(store, &here, tag)?;
        let bring = if is_there(&live) { durable::exchange } else { durable::rename };
        bring(&copied, &live).keeping(name)?;
    }
    // What lies beside is now either the copy that was not needed, or what was live.
    if is(&beside, sha256)? {
        durable::remove_file(&beside).keeping(name)?;
    } else if is_there(&beside) {
        durable::rename(&beside, &free(&here, tag)).keeping(name)?;
    }
    latest_left(store, &here, tag)
}

/// Goes back to there being no database.
pub(super) fn nothing(store: &Sqlite, tag: &BackupTag) -> Result<Option<LeftAside>, StoreError> {
    let Some(here) = Directory::of(store)? else { return Ok(None) };
    if is_there(&here.live()) {
        fold(store, &here, tag)?;
        durable::rename(&here.live(), &free(&here, tag)).keeping(store.name.as_str())?;
    }
    latest_left(store, &here, tag)
}

/// Whether the file is there, complete by itself, and has this content.
fn is(path: &Path, sha256: &Sha256) -> Result<bool, StoreError> {
    if !is_there(path) || has_log(path) {
        return Ok(false);
    }
    let Some(mut file) = open_regular(path)? else { return Ok(false) };
    let mut hasher = Hasher::new();
    std::io::copy(&mut file, &mut hasher).reading("read", path)?;
    Ok(hasher.finish() == *sha256)
}

/// Copies the backup beside the live file, with the live file's owner and mode, or its directory's owner.
fn copy(store: &Sqlite, here: &Directory, backup: &Path, beside: &Path) -> Result<PathBuf, StoreError> {
    let like = std::fs::symlink_metadata(here.live()).ok().filter(std::fs::Metadata::is_file);
    let (mode, owner) = match like {
        // Rights to read and write, and none that a program would get by its file.
        Some(meta) => (meta.mode() & 0o777, Owner { uid: meta.uid(), gid: meta.gid() }),
        None => (0o600, here.owner()?),
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
fn fold(store: &Sqlite, here: &Directory, tag: &BackupTag) -> Result<(), StoreError> {
    let meta = std::fs::symlink_metadata(here.live());
    let folded = match meta {
        Err(_) => true,
        Ok(meta) => meta.is_file() && child::ask(store, &Act::Fold)?.made_sense()?,
    };
    if folded { remove_companions(store, here) } else { set_companions_aside(store, here, tag) }
}

fn set_companions_aside(store: &Sqlite, here: &Directory, tag: &BackupTag) -> Result<(), StoreError> {
    let free = free(here, tag);
    for suffix in COMPANIONS {
        let companion = durable::beside(&here.live(), suffix);
        if is_there(&companion) {
            durable::rename(&companion, &durable::beside(&free, suffix)).keeping(store.name.as_str())?;
        }
    }
    Ok(())
}

/// What an ended process leaves beside a complete file says nothing and would be met by the next one.
fn remove_companions(store: &Sqlite, here: &Directory) -> Result<(), StoreError> {
    for suffix in COMPANIONS {
        durable::remove_file(&durable::beside(&here.live(), suffix)).keeping(store.name.as_str())?;
    }
    Ok(())
}

/// Where a restore of this tag makes the copy that goes live.
pub(super) fn restoring(here: &Directory, tag: &BackupTag) -> PathBuf {
    durable::beside(&here.live(), &format!(".sf{tag}-restoring"))
}

/// What restores of this tag left aside, the latest last.
pub(super) fn left(here: &Directory, tag: &BackupTag) -> Vec<PathBuf> {
    names(here, tag).take_while(|path| is_there(path)).collect()
}

fn free(here: &Directory, tag: &BackupTag) -> PathBuf {
    names(here, tag).find(|path| !is_there(path)).expect("numbers do not end")
}

/// The first name that a restore of this tag leaves the live file under.
pub(super) fn left_name(live: &Path, tag: &BackupTag) -> PathBuf {
    durable::beside(live, &format!(".sf{tag}-left"))
}

fn names(here: &Directory, tag: &BackupTag) -> impl Iterator<Item = PathBuf> + use<> {
    let first = left_name(&here.live(), tag);
    (1..).map(move |number| if number == 1 { first.clone() } else { durable::beside(&first, &number.to_string()) })
}

/// An earlier run may have been cut off before its renames were durable: what was left could still get back the name of the
/// copy that goes live, and be removed as one.
pub(super) fn latest_left(store: &Sqlite, here: &Directory, tag: &BackupTag) -> Result<Option<LeftAside>, StoreError> {
    durable::sync_dir(here.live().parent().expect("a file lies in a directory")).keeping(store.name.as_str())?;
    let Some(path) = left(here, tag).pop() else { return Ok(None) };
    let size = std::fs::symlink_metadata(&path).reading("look at", &path)?.len();
    Ok(Some(LeftAside { size, name: here.shown(&path).display().to_string() }))
}
