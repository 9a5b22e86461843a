//! Prepare: what the vendor wants built in the staged tree, while the old release serves; then a last look at everything
//! that the downtime will need.

use std::time::Duration;

use manifest_schema::profile::Command;

use super::StepError;
use crate::durable;
use crate::store::VendorCommand;
use crate::update::Walk;

/// Runs the build and makes it durable, then asks the databases once more: minutes may have passed since the plan.
pub(super) fn apply(walk: &mut Walk<'_, '_>, hook: Option<&Command>) -> Result<(), StepError> {
    if let Some(hook) = hook {
        let command = VendorCommand {
            argv: hook.run.clone(),
            env: environment(walk),
            directory: walk.release(),
            timeout: Duration::from_secs(hook.timeout_seconds),
        };
        walk.vendor.run("prepare", &command)?;
        durable::sync_tree(&walk.release())?;
    }
    for name in walk.plan.migrated_databases() {
        let clients = walk.plan.instance.clients;
        walk.telling(|databases, tell| {
            databases.with(&name, |store| {
                if let Some(noted) = store.examine()?.allow_change(&name, &clients)? {
                    tell(noted);
                }
                store.prepare_backup()
            })
        })?;
    }
    Ok(())
}

/// What was built lies in the staged tree and goes with it. What is still being built is ended.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    walk.vendor.end_leftovers().map_err(|source| {
        StepError::Vendor(crate::host::vendor::VendorError::Run { label: "prepare".to_owned(), source })
    })
}

/// What every command of the vendor's is told.
pub(super) fn environment(walk: &Walk<'_, '_>) -> Vec<(String, String)> {
    let mut variables = vec![
        ("SUREFOOT_RELEASE".to_owned(), walk.release().display().to_string()),
        ("SUREFOOT_VERSION".to_owned(), walk.plan.to.version.to_string()),
    ];
    if let Some(from) = &walk.plan.from {
        variables.push(("SUREFOOT_FROM".to_owned(), from.version.to_string()));
    }
    variables
}
