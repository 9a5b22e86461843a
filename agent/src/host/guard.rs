//! The door: nothing of the application starts by itself while an update is open.
//!
//! Each unit of a managed application has a drop-in with a condition on a file of ours (systemd.unit(5),
//! `ConditionPathExists=`). While that file exists the unit is skipped, whoever asks for it: an admin, a timer, the next
//! boot after a power cut. The unit is also ordered after `surefoot-guard.service`, which sees to it at boot that the
//! door is closed where a journal says that an update is open.

use std::path::{Path, PathBuf};

use manifest_schema::profile::Service;

use super::child::ChildError;
use super::systemd;
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::journal::{self, history};
use crate::layout::{InstanceLayout, Layout};
use crate::update::resume;

/// The drop-in's name; late in the order, since conditions add up.
const NAME: &str = "50-surefoot.conf";

/// Why the door could not be put in or taken out.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// A drop-in could not be written or removed.
    #[error("cannot guard the application's units")]
    Write(#[source] durable::Error),
    /// systemd did not take notice.
    #[error("cannot reload the units")]
    Reload(#[source] ChildError),
}

/// Puts the door before the units of these services. That it is there already is fine, and cheap.
///
/// # Errors
/// When a drop-in cannot be written or systemd does not answer.
pub fn install(units: &Path, services: &[Service], closed: &Path) -> Result<(), GuardError> {
    let text = format!(
        "# Written by surefoot: this unit does not start while an update is open.\n\
         [Unit]\nAfter=surefoot-guard.service\nConditionPathExists=!{}\n",
        closed.display()
    );
    // A crash may have come between the writing and the reading.
    let mut changed = systemd::needs_reload(services.iter().filter_map(|service| service.unit.as_deref()));
    for path in drop_ins(units, services) {
        if std::fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        durable::make_dirs(path.parent().expect("a drop-in lies in a directory"), 0o755).map_err(GuardError::Write)?;
        durable::write_atomic(&path, text.as_bytes(), 0o644).map_err(GuardError::Write)?;
        changed = true;
    }
    reload(changed)
}

/// Takes the door away. That it is not there is fine.
///
/// # Errors
/// As [`install`].
pub fn remove(units: &Path, services: &[Service]) -> Result<(), GuardError> {
    let mut changed = false;
    for path in drop_ins(units, services).filter(|path| path.exists()) {
        durable::remove_file(&path).map_err(GuardError::Write)?;
        changed = true;
    }
    reload(changed)
}

/// Whether all units of these services have the door, for `doctor`.
pub fn is_installed(units: &Path, services: &[Service]) -> bool {
    drop_ins(units, services).all(|path| path.exists())
}

/// The first drop-in of these services that stands for another door: two instances share a unit. The later one would take
/// the door of the earlier one away, and stop and start its application.
pub fn of_another(units: &Path, services: &[Service], closed: &Path) -> Option<PathBuf> {
    let own = format!("ConditionPathExists=!{}\n", closed.display());
    drop_ins(units, services).find(|path| std::fs::read_to_string(path).is_ok_and(|text| !text.contains(&own)))
}

fn drop_ins<'a>(units: &'a Path, services: &'a [Service]) -> impl Iterator<Item = PathBuf> + 'a {
    let names = services.iter().filter_map(|service| service.unit.as_deref());
    names.map(|unit| units.join(format!("{unit}.d")).join(NAME))
}

fn reload(changed: bool) -> Result<(), GuardError> {
    if changed { systemd::daemon_reload().map_err(GuardError::Reload) } else { Ok(()) }
}

/// What `surefoot-guard.service` does at boot, before any unit of the application may start: the door of each instance
/// is closed where its journal says that an update is open past its stop, and open elsewhere. An unreadable journal leaves it
/// as it is: the daemon then says what is wrong.
///
/// # Errors
/// When a door cannot be closed or opened.
pub fn at_boot(layout: &Layout) -> Result<(), Failure> {
    let Ok(instances) = layout.instances() else { return Ok(()) };
    // One door that cannot be moved is no reason to leave the next one open.
    let minded = instances.iter().map(mind).fold(Ok(()), Result::and);
    minded.map_err(|error| Failure::of(Exit::Unexpected, &error))
}

fn mind(here: &InstanceLayout) -> Result<(), durable::Error> {
    let Ok(journals) = journal::read_all(&here.updates()) else { return Ok(()) };
    match history::open(&journals) {
        Some(open) if resume::door_is_closed(open) => {
            durable::write_atomic(&here.closed(), b"an update is open\n", 0o644)
        }
        Some(_) | None => durable::remove_file(&here.closed()),
    }
}
