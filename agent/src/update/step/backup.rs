//! Backup: copies of what could be lost, verified when they are made. An update goes no further without them.

use std::path::PathBuf;

use manifest_schema::path::Name;

use super::stage::check_home;
use super::{StepError, reserve};
use crate::durable;
use crate::plan::DatabaseBackup;
use crate::plan::space::Purpose;
use crate::store::{BackupRecord, BackupTag, Farewell, Others};
use crate::update::Walk;

/// Copies surviving files first, then each database.
pub(super) fn apply(walk: &mut Walk<'_, '_>, files: bool, databases: &[DatabaseBackup]) -> Result<(), StepError> {
    reserve::give_up(walk, Purpose::Backup)?;
    let directory = walk.here.backup(walk.plan.id);
    // The vendor's own command writes into a directory of its user's below these, which nobody else can list; each file and
    // directory in them has its own mode.
    durable::make_dirs(&walk.here.backups(), 0o711)?;
    durable::make_dir(&directory, 0o711)?;
    if files {
        copy_files(walk)?;
    }
    let tag = BackupTag::of_update(walk.plan.id);
    for DatabaseBackup { database, way } in databases {
        let clients = walk.plan.instance.clients;
        let record = walk.telling(|databases, tell| {
            // With the surviving files go the databases that are copied while the application serves.
            let others = if files { Others::Stay } else { Others::Leave(Farewell { clients, tell }) };
            databases.with(database, |store| store.backup(&tag, &directory, *way, &others))
        })?;
        let text = serde_json::to_vec_pretty(&record).expect("a backup's record has only text keys");
        durable::write_atomic(&record_path(walk, walk.plan.id, database), &text, 0o600)?;
    }
    Ok(())
}

/// Invalid first: a backup without its record is none.
pub(super) fn revert(walk: &mut Walk<'_, '_>, files: bool, databases: &[DatabaseBackup]) -> Result<(), StepError> {
    let directory = walk.here.backup(walk.plan.id);
    let tag = BackupTag::of_update(walk.plan.id);
    for DatabaseBackup { database, .. } in databases {
        durable::remove_made(&record_path(walk, walk.plan.id, database))?;
        walk.with_store(database, |store| store.discard(&tag, &directory))?;
    }
    if files {
        durable::remove_tree(&durable::beside(&directory.join("files"), ".partial"))?;
        durable::remove_tree(&directory.join("files"))?;
        // A dump of what was left aside may lie there: all that there is of what was written after the stop.
        if std::fs::read_dir(&directory).map_or(true, |mut entries| entries.next().is_none()) {
            durable::remove_tree(&directory)?;
        }
    }
    Ok(())
}

/// The record of a database's backup that update `of` made.
pub(super) fn record(walk: &Walk<'_, '_>, of: u32, database: &Name) -> Result<BackupRecord, StepError> {
    let path = record_path(walk, of, database);
    let unusable = |reason: String| StepError::Backup(format!("{}: {reason}", path.display()));
    let bytes = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))
}

fn record_path(walk: &Walk<'_, '_>, of: u32, database: &Name) -> PathBuf {
    walk.here.backup(of).join(format!("{database}.json"))
}

fn copy_files(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let Some(from) = &walk.plan.from else { return Ok(()) };
    check_home(&walk.app)?;
    let files = walk.here.backup(walk.plan.id).join("files");
    let partial = durable::beside(&files, ".partial");
    durable::remove_tree(&partial)?;
    durable::remove_tree(&files)?;
    durable::make_dir(&partial, 0o700)?;
    for kept in from.profile.keep.iter().filter(|kept| kept.backup) {
        let original = walk.app.shared().join(&kept.path);
        if !original.exists() {
            continue;
        }
        let copy = partial.join(&kept.path);
        if let Some(parent) = copy.parent() {
            durable::make_dirs(parent, 0o700)?;
        }
        durable::copy_tree(&original, &copy)?;
    }
    durable::sync_tree(&partial)?;
    Ok(durable::rename(&partial, &files)?)
}
