//! Migrate: the databases get the release's schema. On the way back they are what they were at the stop.

use manifest_schema::migration::{MigrationStep, MigrationType};

use super::{StepError, backup, prepare, reserve, restore};
use crate::host::vendor::VendorError;
use crate::plan::space::Purpose;
use crate::store::{BackupTag, Keep, VendorCommand};
use crate::update::Walk;

/// Runs the steps in their order, each as the application's user.
pub(super) fn apply(walk: &mut Walk<'_, '_>, steps: &[MigrationStep]) -> Result<(), StepError> {
    check_backups(walk)?;
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

/// Nothing is migrated without a way back: each database has a backup of this update's, and it is still there.
fn check_backups(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let id = walk.plan.id;
    for name in walk.plan.migrated_databases() {
        let record = backup::record(walk, id, &name)?;
        if record.tag != BackupTag::of_update(id) {
            let reason = format!("that of database {name} is of another update: {}", record.tag);
            return Err(StepError::Backup(reason));
        }
        let held = walk.with_store(&name, |store| store.holds(&record, &walk.here.backup(id)));
        held.map_err(|error| StepError::Backup(crate::exit::chain(&error)))?;
    }
    Ok(())
}

/// Each database goes back to its backup, and what is left is kept aside under a name. Where the whole migration was
/// applied and the release before works with what it left, the database stays: nothing that was written is lost then.
pub(super) fn revert(walk: &mut Walk<'_, '_>, applied: bool) -> Result<(), StepError> {
    // A migration in a unit of its own outlives the agent, and would work on in what is being put back.
    let still_runs = |source| VendorError::Run { label: "migrate".to_owned(), source };
    walk.vendor.end_leftovers().map_err(still_runs)?;
    reserve::give_up(walk, Purpose::WayBack)?;
    for name in walk.plan.migrated_databases() {
        if applied && walk.plan.is_compatible(&name) {
            continue;
        }
        let id = walk.plan.id;
        let record = backup::record(walk, id, &name)?;
        let directory = walk.here.backup(id);
        // Before the release has been started, only the migration itself has written since the backup.
        let keep = if applied { Keep::Always } else { Keep::WherePossible };
        restore::bring_back(walk, &name, &record, &directory, keep)?;
    }
    Ok(())
}

fn extend(walk: &Walk<'_, '_>, step: &MigrationStep, command: &mut VendorCommand) {
    match step.kind {
        MigrationType::Sql => {}
        MigrationType::Command => command.env.extend(prepare::environment(walk)),
    }
}
