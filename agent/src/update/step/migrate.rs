//! Migrate: the databases get the release's schema. On the way back they are what they were at the stop.

use manifest_schema::migration::{MigrationStep, MigrationType};

use super::{StepError, backup, prepare};
use crate::host::vendor::VendorError;
use crate::journal::Record;
use crate::store::VendorCommand;
use crate::update::Walk;

/// Runs the steps in their order, each as the application's user.
pub(super) fn apply(walk: &mut Walk<'_, '_>, steps: &[MigrationStep]) -> Result<(), StepError> {
    let release = walk.release();
    for (number, step) in steps.iter().enumerate() {
        let file = release.join(&step.file);
        let mut command = walk.with_store(&step.database, |store| store.migration(step, &file, &release))?;
        extend(walk, step, &mut command);
        walk.note(step.description.clone());
        walk.vendor.run(&format!("migrate-{number}"), &command)?;
    }
    Ok(())
}

/// Each database goes back to its backup, and what is left is kept aside under a name. Where the whole migration was
/// applied and the release before works with what it left, the database stays: nothing that was written is lost then.
pub(super) fn revert(walk: &mut Walk<'_, '_>, applied: bool) -> Result<(), StepError> {
    // A migration in a unit of its own outlives the agent, and would work on in what is being put back.
    let still_runs = |source| VendorError::Run { label: "migrate".to_owned(), source };
    walk.vendor.end_leftovers().map_err(still_runs)?;
    for name in walk.plan.migrated_databases() {
        if applied && walk.plan.is_compatible(&name) {
            continue;
        }
        let id = walk.plan.id;
        let record = backup::record(walk, id, &name)?;
        let directory = walk.here.backup(id);
        let left = walk.with_store(&name, |store| store.restore(&record, &directory))?;
        if let Some(left) = left {
            let record = Record::LeftAside { database: name, name: left.name, bytes: left.size };
            walk.record(record)?;
        }
    }
    Ok(())
}

fn extend(walk: &Walk<'_, '_>, step: &MigrationStep, command: &mut VendorCommand) {
    match step.kind {
        MigrationType::Sql => {}
        MigrationType::Command => command.env.extend(prepare::environment(walk)),
    }
}
