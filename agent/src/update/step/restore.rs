//! Restore: the databases become what another update's backup holds. What they are now was copied by the step before.

use manifest_schema::path::Name;

use super::{StepError, backup};
use crate::journal::Record;
use crate::update::Walk;

/// Brings the backup of update `of` back; what is left is kept aside under a name.
pub(super) fn apply(walk: &mut Walk<'_, '_>, of: u32, databases: &[Name]) -> Result<(), StepError> {
    bring_back(walk, of, databases)
}

/// Brings back what this update copied before.
pub(super) fn revert(walk: &mut Walk<'_, '_>, databases: &[Name]) -> Result<(), StepError> {
    let own = walk.plan.id;
    bring_back(walk, own, databases)
}

fn bring_back(walk: &mut Walk<'_, '_>, of: u32, databases: &[Name]) -> Result<(), StepError> {
    let directory = walk.here.backup(of);
    for name in databases {
        let record = backup::record(walk, of, name)?;
        let left = walk.with_store(name, |store| store.restore(&record, &directory))?;
        if let Some(left) = left {
            walk.record(Record::LeftAside { database: name.clone(), name: left.name, bytes: left.size })?;
        }
    }
    Ok(())
}
