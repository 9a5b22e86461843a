//! The plan of one update: data, made once from facts, kept as the first record of the journal. Whatever the
//! configuration says after a crash, it is this plan that is finished or undone.
//!
//! Planning is pure: it decides what is done and in which order, and touches nothing.

mod make;
pub mod space;
mod step;

use std::path::PathBuf;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::Severity;
use manifest_schema::migration::MigrationStep;
use manifest_schema::path::Name;
use manifest_schema::profile::Profile;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use crate::store::Clients;
pub use make::{Facts, RollbackFacts, migrations_ahead, plan_rollback, plan_update};
pub use step::{ArtifactRef, DatabaseBackup, Step};

/// The plan's own format; a journal of another one is left to the program that wrote it.
pub const FORMAT: u32 = 1;

/// What one update will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Always [`FORMAT`].
    pub format: u32,
    /// The update's number, counted from 1 in each instance.
    pub id: u32,
    /// What kind of act it is.
    pub act: Act,
    /// The application on this machine.
    pub instance: Instance,
    /// The release that is left, and how it lives.
    pub from: Option<Side>,
    /// The release that is wanted, and how it lives.
    pub to: Side,
    /// How much it matters.
    pub severity: Severity,
    /// Why now: `critical`, `automatic`, or who asked for it.
    pub applied_by: String,
    /// When it was planned.
    pub planned_at: jiff::Timestamp,
    /// Health checks that failed before anything was touched; they are not held against the release.
    pub already_failing: Vec<Name>,
    /// The update that a rollback takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_back: Option<u32>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
}

/// Kinds of act. All of them are updates: planned, journalled, and undone when they fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// The first release on a machine.
    Install,
    /// A plain directory becomes managed.
    Adopt,
    /// A managed directory becomes plain again.
    Release,
    /// Another release.
    Update,
    /// Back to the release before, because an admin says so.
    Rollback,
}

/// The application on this machine: what the client's configuration says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// The instance's name.
    pub name: Name,
    /// The directory that the units name.
    pub directory: PathBuf,
    /// Who runs it.
    pub user: Option<User>,
    /// Who starts and stops it.
    pub manager: Manager,
    /// What is done about others who work in its databases.
    #[serde(default)]
    pub clients: Clients,
}

pub use crate::host::child::User;

/// Who starts and stops services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// systemd units.
    Systemd,
    /// Commands of the vendor's.
    Command,
}

/// A release as this machine runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Its version.
    pub version: ReleaseVersion,
    /// The hash of its manifest: what approvals and the list of bad releases name. An adopted release has none.
    pub manifest: Option<Sha256>,
    /// How it lives, the client's overrides applied.
    pub profile: Profile,
}

impl Plan {
    /// Whether step `index` is past the point where the old release stopped serving.
    pub fn is_past_stop(&self, index: usize) -> bool {
        let stop = self.steps.iter().position(|step| matches!(step, Step::Stop));
        stop.is_some_and(|stop| index >= stop)
    }

    /// Whether going back leaves this database alone, because the release before works with what the steps leave. A first install
    /// has none before it.
    pub fn is_compatible(&self, database: &Name) -> bool {
        self.act != Act::Install
            && self.migrations().filter(|step| step.database == *database).all(|step| step.compatible_with_previous)
    }

    /// All migration steps of the plan.
    pub fn migrations(&self) -> impl Iterator<Item = &MigrationStep> {
        self.steps.iter().flat_map(|step| if let Step::Migrate { steps } = step { steps.as_slice() } else { &[] })
    }

    /// All backups of databases that the plan makes.
    pub fn backups(&self) -> impl Iterator<Item = &DatabaseBackup> {
        self.steps
            .iter()
            .flat_map(|step| if let Step::Backup { databases, .. } = step { databases.as_slice() } else { &[] })
    }

    /// The databases that the plan changes, each once.
    pub fn migrated_databases(&self) -> Vec<Name> {
        let mut names: Vec<Name> = self.migrations().map(|step| step.database.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests;
