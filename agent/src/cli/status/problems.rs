//! What is wrong with an instance's own files, and the way out of each. A status that stopped at the first of them would tell nothing
//! of the rest.

use serde::Serialize;

use super::super::instances;
use crate::config::Settings;
use crate::decide::read_approvals;
use crate::exit::{Exit, Failure, chain};
use crate::journal::{self, Scan};
use crate::layout::Layout;
use crate::trust::{Trust, TrustError};
use crate::worker::LastCheck;

/// A file that cannot be read.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// What it is: `journal`, `approvals`, `trust` or `last_check`.
    pub(super) with: &'static str,
    /// What is wrong and what leads out of it.
    pub(super) says: String,
    /// Whether nothing is updated until a person has looked.
    pub(super) stops: bool,
    /// How a command ends because of it.
    #[serde(skip)]
    pub(super) exit: Exit,
}

/// The updates of an instance, and what is damaged among them.
pub(super) fn updates(layout: &Layout, settings: &Settings, option: &str) -> Result<(Scan, Vec<Problem>), Failure> {
    let updates = layout.instance(&settings.instance.name).updates();
    let scan = journal::scan(&updates).map_err(|error| instances::unreadable(&error))?;
    let mut problems = Vec::new();
    for damaged in &scan.damaged {
        if instances::is_denied(&damaged.error) {
            return Err(instances::unreadable(&damaged.error));
        }
        let says = format!("{}{}", chain(&damaged.error), damaged.error.way_out(option));
        problems.push(stopping("journal", Exit::Stuck, says));
    }
    Ok((scan, problems))
}

/// How the last check ended: only a note, made anew by the next one.
pub(super) fn last_check(layout: &Layout, settings: &Settings) -> (Option<LastCheck>, Option<Problem>) {
    match instances::last_check(layout, &settings.instance.name) {
        Ok(last) => (last, None),
        Err(failure) => {
            let says = format!("{}; the next check writes it anew", failure.message);
            (None, Some(Problem { with: "last_check", says, stops: false, exit: Exit::Ok }))
        }
    }
}

/// What admins approved.
pub(super) fn approvals(layout: &Layout, settings: &Settings) -> Option<Problem> {
    let path = layout.instance(&settings.instance.name).approvals();
    let error = read_approvals(&path).err()?;
    Some(stopping("approvals", Exit::Configuration, chain(&error)))
}

/// The root of trust. Where there is none yet the first check brings it, or says what is missing.
pub(super) fn trust(layout: &Layout, settings: &Settings) -> Option<Problem> {
    let directory = layout.instance(&settings.instance.name).trust();
    if !directory.join("root.json").exists() {
        return None;
    }
    match Trust::load(settings, &directory) {
        Err(error @ (TrustError::BadRoot { .. } | TrustError::Read { .. })) => {
            Some(stopping("trust", Exit::NotTrusted, chain(&error)))
        }
        Ok(_) | Err(_) => None,
    }
}

fn stopping(with: &'static str, exit: Exit, says: String) -> Problem {
    Problem { with, says, stops: true, exit }
}
