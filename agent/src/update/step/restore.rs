//! Restore: the databases become what another update's backup holds. What they are now was copied by the step before.

use std::path::Path;

use manifest_schema::path::Name;

use super::{StepError, backup, reserve};
use crate::journal::Record;
use crate::plan::space::Purpose;
use crate::store::{Aside, BackupRecord, BackupTag, Keep, LeftAside};
use crate::update::Walk;

/// Brings the backup of update `of` back; what is left is kept aside under a name.
pub(super) fn apply(walk: &mut Walk<'_, '_>, of: u32, databases: &[Name]) -> Result<(), StepError> {
    reserve::give_up(walk, Purpose::Restore)?;
    let tag = BackupTag::of_restore(walk.plan.id);
    bring_all_back(walk, of, &tag, databases, Keep::Always)
}

/// Brings back what this update copied before, then removes what the apply was cut off at.
pub(super) fn revert(walk: &mut Walk<'_, '_>, databases: &[Name], applied: bool) -> Result<(), StepError> {
    reserve::give_up(walk, Purpose::Restore)?;
    reserve::give_up(walk, Purpose::WayBack)?;
    let own = walk.plan.id;
    // Before the release has been started, nobody has written since the copy.
    let keep = if applied { Keep::Always } else { Keep::WherePossible };
    bring_all_back(walk, own, &BackupTag::of_update(own), databases, keep)?;
    let (tag, nowhere) = (BackupTag::of_restore(own), walk.here.scratch());
    databases.iter().try_for_each(|name| {
        walk.with_store(name, |store| store.discard(&tag, &nowhere))?;
        tell_left(walk, name, &tag)
    })
}

/// An apply that was cut off may have left a database aside and not have come to say so.
fn tell_left(walk: &mut Walk<'_, '_>, name: &Name, tag: &BackupTag) -> Result<(), StepError> {
    let own = walk.here.backup(walk.plan.id);
    let Some(left) = walk.with_store(name, |store| store.left(tag, &own))? else { return Ok(()) };
    let is_this = |record: &Record| matches!(record, Record::LeftAside { name, .. } if *name == left.name);
    if walk.journal.records().any(is_this) { Ok(()) } else { say_left(walk, name, left) }
}

fn say_left(walk: &mut Walk<'_, '_>, name: &Name, left: LeftAside) -> Result<(), StepError> {
    Ok(walk.record(Record::LeftAside { database: name.clone(), name: left.name, bytes: left.size })?)
}

/// What is left aside bears the name of this act, neither of the update that made the backup nor of the other direction: by
/// these names a store tells whether a restore has happened already, and each of them is one of its own.
fn bring_all_back(
    walk: &mut Walk<'_, '_>,
    of: u32,
    tag: &BackupTag,
    databases: &[Name],
    keep: Keep,
) -> Result<(), StepError> {
    let directory = walk.here.backup(of);
    for name in databases {
        let record = BackupRecord { tag: tag.clone(), ..backup::record(walk, of, name)? };
        bring_back(walk, name, &record, &directory, keep)?;
    }
    Ok(())
}

/// Brings one database back. What it was is kept with this update's backup, and as long.
pub(super) fn bring_back(
    walk: &mut Walk<'_, '_>,
    name: &Name,
    record: &BackupRecord,
    directory: &Path,
    keep: Keep,
) -> Result<(), StepError> {
    let own = walk.here.backup(walk.plan.id);
    let left = walk.telling(|databases, tell| {
        let aside = Aside { dir: &own, keep, tell };
        databases.with(name, |store| store.restore(record, directory, &aside))
    })?;
    match left {
        Some(left) => say_left(walk, name, left),
        None => Ok(()),
    }
}
