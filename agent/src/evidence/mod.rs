//! Evidence: what tells afterwards why an update failed, gathered while it is fresh and kept beside its journal.
//!
//! While the release is probed, each change of what its services and checks say; when everything has been put back, what the
//! units wrote since the update began, and the machine as it was before and after. Nothing here fails an update, and nothing
//! delays the way back. No secret is written: every text passes the redactor first. All of it is bounded, less than 2 MiB an
//! update, and goes with the update's directory.

mod health;
pub(crate) mod known;
pub(crate) mod machine;
mod units;

use std::path::{Path, PathBuf};

pub use health::{Diary, Seen};
pub use known::{of_all, of_update};
pub use machine::{Clock, Database, Machine, Memory, Place, look};
pub use units::UnitJournal;

use crate::durable;
use crate::exit::chain;
use crate::journal::Journal;
use crate::layout::Layout;
use crate::plan::{Manager, Plan};
use crate::redact::Redactor;

/// The machine before anything was begun.
const BEFORE: &str = "machine-before.json";
/// The machine when everything was put back.
const AFTER: &str = "machine-after.json";

/// Where the evidence of the update in `directory` lies.
pub fn directory(update: &Path) -> PathBuf {
    update.join("evidence")
}

/// Looks at the machine before the first step. The databases were asked when the update was planned.
///
/// # Errors
/// With a sentence for the log, when it cannot be kept.
pub fn begin(layout: &Layout, plan: &Plan, update: &Path, redactor: &Redactor) -> Result<(), String> {
    keep(&directory(update).join(BEFORE), &look(layout, plan, &[]), redactor)
}

/// Gathers what is left of an update that did not stand. Called when everything is put back, or nothing more can be.
///
/// # Errors
/// With a sentence for the log: what could be gathered before is there all the same.
pub fn gather(layout: &Layout, journal: &Journal, redactor: &Redactor) -> Result<(), String> {
    let plan = journal.plan();
    let here = directory(journal.directory());
    if plan.instance.manager == Manager::Systemd {
        let began = journal.entries().iter().map(|entry| entry.at).min().unwrap_or(plan.planned_at);
        units::keep(&here, plan, began, redactor)?;
    }
    let databases = machine::databases(layout, plan);
    keep(&here.join(AFTER), &look(layout, plan, &databases), redactor)
}

fn keep(path: &Path, machine: &Machine, redactor: &Redactor) -> Result<(), String> {
    let mut value = serde_json::to_value(machine).expect("a machine has only text keys");
    redactor.apply_to(&mut value);
    write(path, value.to_string().as_bytes())
}

/// Only root may read what the application said.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let parent = path.parent().unwrap_or(path);
    let written = durable::make_dirs(parent, 0o700).and_then(|()| durable::write_atomic(path, bytes, 0o600));
    written.map_err(|error| chain(&error))
}

/// All that was gathered of one update.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What services and checks said, each time that it changed.
    pub health: Vec<Seen>,
    /// What the units wrote.
    pub units: Vec<UnitJournal>,
    /// The machine before the first step.
    pub before: Option<Machine>,
    /// The machine after the last one.
    pub after: Option<Machine>,
}

impl Evidence {
    /// Reads what there is; what cannot be read is left out.
    pub fn read(update: &Path) -> Self {
        let here = directory(update);
        let machine = |name: &str| serde_json::from_slice(&std::fs::read(here.join(name)).ok()?).ok();
        Self { health: health::read(&here), units: units::read(&here), before: machine(BEFORE), after: machine(AFTER) }
    }
}
