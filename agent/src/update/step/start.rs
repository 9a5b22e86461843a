//! Start: the new release's services run, and what runs really is the new release.

use super::StepError;
use super::stop::{close_door, open_door, start_services, stop_services};
use crate::host::ServiceError;
use crate::host::process::{self, Ticks};
use crate::update::Walk;

/// The door opens, the services start, and their processes are looked at: `active` alone proves nothing.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    let to = walk.plan.to.clone();
    let before = Ticks::now();
    open_door(walk)?;
    start_services(walk, &to)?;
    for service in &to.profile.services {
        let observed = walk.world.services.observe(service)?;
        let name = service.unit.clone().unwrap_or_else(|| service.name.to_string());
        if !observed.running {
            return Err(ServiceError::NotRunning { service: name, words: observed.words }.into());
        }
        // A service may have several processes and no main one (systemd.service(5), `GuessMainPID=`). It was stopped before.
        let Some(pid) = observed.pid else { continue };
        process::check(pid, &walk.app.releases(), &walk.release(), before)
            .map_err(|reason| ServiceError::OldProcess { service: name, reason })?;
    }
    Ok(())
}

/// The door closes again before they stop.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    // A first install has no door yet, and nothing that it could let in.
    if walk.plan.from.is_some() {
        close_door(walk)?;
    }
    let to = walk.plan.to.clone();
    stop_services(walk, &to)?;
    // A unit that the new release has dropped may have started by itself while the door was open, as after a reboot.
    let Some(from) = walk.plan.from.clone() else { return Ok(()) };
    stop_services(walk, &from)
}
