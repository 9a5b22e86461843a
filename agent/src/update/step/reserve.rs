//! Reserve: room is set aside for what the downtime will write, while the old release serves. Who finds the disk full then is
//! somebody else, and where the room is not there the update is called off before anything stops.

use std::path::{Path, PathBuf};

use super::StepError;
use crate::durable;
use crate::layout::{AppLayout, InstanceLayout};
use crate::plan::space::{Purpose, Reserve, Shelf};
use crate::update::Walk;

/// Sets all of it aside, each in a file of its own.
pub(super) fn apply(walk: &mut Walk<'_, '_>, reserves: &[Reserve]) -> Result<(), StepError> {
    give_up_all(walk)?;
    for reserve in reserves {
        let place = shelf(&walk.here, &walk.app, reserve.shelf);
        let room =
            |free| StepError::Room { what: reserve.purpose.words(), place: place.clone(), free, needed: reserve.bytes };
        // Asked first: a file system that cannot set bytes aside would say yes.
        let free = free(&place);
        if free < reserve.bytes {
            return Err(room(free));
        }
        durable::reserve(&path(&walk.here, &walk.app, reserve.purpose, reserve.shelf), reserve.bytes)
            .map_err(|error| if error.is_no_space() { room(free) } else { StepError::Disk(error) })?;
    }
    Ok(())
}

/// Nothing stays set aside.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    give_up_all(walk)
}

/// Gives up the room for what comes next.
pub(super) fn give_up(walk: &Walk<'_, '_>, purpose: Purpose) -> Result<(), StepError> {
    Ok(remove(&walk.here, &walk.app, purpose)?)
}

/// Gives up all of it.
pub(in crate::update) fn give_up_all(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    Ok(sweep(&walk.here, &walk.app)?)
}

/// Removes whatever is set aside for an instance: at rest there is nothing, however its last update ended.
///
/// # Errors
/// With the first that stays.
pub fn sweep(here: &InstanceLayout, app: &AppLayout) -> durable::Result<()> {
    [Purpose::Backup, Purpose::Restore, Purpose::WayBack].into_iter().try_for_each(|purpose| remove(here, app, purpose))
}

fn remove(here: &InstanceLayout, app: &AppLayout, purpose: Purpose) -> durable::Result<()> {
    [Shelf::State, Shelf::Home].into_iter().try_for_each(|shelf| durable::remove_file(&path(here, app, purpose, shelf)))
}

fn path(here: &InstanceLayout, app: &AppLayout, purpose: Purpose, on: Shelf) -> PathBuf {
    shelf(here, app, on).join(purpose.file())
}

fn shelf(here: &InstanceLayout, app: &AppLayout, on: Shelf) -> PathBuf {
    match on {
        Shelf::State => here.state().to_owned(),
        Shelf::Home => app.home(),
    }
}

/// Bytes free; where the system does not say, setting them aside will.
fn free(place: &Path) -> u64 {
    rustix::fs::statvfs(place).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}
