//! Activate: the link and the unit files are the new release's.

mod units;

use manifest_schema::profile::Service;

use super::StepError;
use super::stop::{put_door_in, stop_services};
use crate::durable;
use crate::host::guard;
use crate::plan::{Manager, Side};
use crate::update::Walk;

/// Unit files first, since they change nothing yet; the link is the one step that counts.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    units::switch(walk)?;
    change_doors(walk, walk.plan.from.as_ref(), &walk.plan.to)?;
    let target = walk.app.link_to(&walk.plan.to.version);
    Ok(durable::replace_link(walk.app.current(), &target)?)
}

/// The link first, then the units. Before a first install there was no link, and nothing ran.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    match walk.plan.from.clone() {
        Some(from) => {
            let target = walk.app.link_to(&from.version);
            durable::replace_link(walk.app.current(), &target)?;
            units::restore(walk)?;
            change_doors(walk, Some(&walk.plan.to), &from)
        }
        None => {
            // They are not started yet, but after a power cut an enabled unit may have started by itself.
            let to = walk.plan.to.clone();
            stop_services(walk, &to)?;
            // A directory that somebody made there meanwhile is not ours.
            if walk.app.current().is_symlink() || !walk.app.current().exists() {
                durable::remove_made(walk.app.current())?;
            }
            let services = &walk.plan.to.profile.services;
            guard::remove(&walk.world.layout.units(), services)?;
            units::restore(walk)
        }
    }
}

/// Only the units of the release that is in use have a door.
fn change_doors(walk: &Walk<'_, '_>, left: Option<&Side>, wanted: &Side) -> Result<(), StepError> {
    if let (Some(left), Manager::Systemd) = (left, walk.plan.instance.manager) {
        let gone: Vec<Service> = units::only_in(left, wanted).cloned().collect();
        guard::remove(&walk.world.layout.units(), &gone)?;
    }
    put_door_in(walk, wanted)
}
