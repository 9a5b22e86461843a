//! Stop: from here on nothing of the application runs, and nothing of it starts by itself.

use super::{StepError, reserve};
use crate::durable;
use crate::host::guard;
use crate::plan::{Manager, Side};
use crate::update::Walk;

/// The door closes before the first service stops, so that no restart slips through.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    let Some(from) = walk.plan.from.clone() else { return Ok(()) };
    put_door_in(walk, &from)?;
    close_door(walk)?;
    stop_services(walk, &from)
}

/// The old release serves again.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    // What comes after this needs none, and the old release may.
    reserve::give_up_all(walk)?;
    open_door(walk)?;
    let Some(from) = walk.plan.from.clone() else { return Ok(()) };
    start_services(walk, &from)
}

/// Puts the door before a release's units, where systemd is there to mind it.
pub(super) fn put_door_in(walk: &Walk<'_, '_>, side: &Side) -> Result<(), StepError> {
    match walk.plan.instance.manager {
        Manager::Systemd => {
            guard::install(&walk.world.layout.units(), &side.profile.services, &walk.here.closed())?;
        }
        Manager::Command => {}
    }
    Ok(())
}

pub(super) fn close_door(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let text = format!("update {} of {} is open\n", walk.plan.id, walk.plan.instance.name);
    Ok(durable::write_atomic(&walk.here.closed(), text.as_bytes(), 0o644)?)
}

pub(super) fn open_door(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    Ok(durable::remove_made(&walk.here.closed())?)
}

/// Stops in the reverse order of the start.
pub(super) fn stop_services(walk: &mut Walk<'_, '_>, side: &Side) -> Result<(), StepError> {
    for service in side.profile.services.iter().rev() {
        walk.world.services.stop(service)?;
    }
    Ok(())
}

pub(super) fn start_services(walk: &mut Walk<'_, '_>, side: &Side) -> Result<(), StepError> {
    for service in &side.profile.services {
        walk.world.services.start(service)?;
    }
    Ok(())
}
