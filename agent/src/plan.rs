//! The plan of one update: data, made once from facts, kept as the first record of the journal. Whatever the
//! configuration says after a crash, it is this plan that is finished or undone.
//!
//! Planning is pure: it decides what is done and in which order, and touches nothing.

pub mod space;

use std::path::PathBuf;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, Format, Manifest, Severity};
use manifest_schema::migration::{MigrationStep, steps_between};
use manifest_schema::path::Name;
use manifest_schema::profile::{Command, Profile};
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use crate::store::{Clients, Way};
use space::{Extent, Reserve};

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

/// One step. See the module of the same name below [`crate::update::step`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Step {
    /// The artifact is here, each block checked.
    Fetch {
        /// Which one.
        artifact: ArtifactRef,
    },
    /// Its files are unpacked beside the running release.
    Stage {
        /// Which one.
        artifact: ArtifactRef,
    },
    /// The vendor's build has run in it.
    Prepare {
        /// The build, if there is one.
        hook: Option<Command>,
    },
    /// A plain directory has become a link to the first release, or the reverse.
    Adopt,
    /// A managed directory has become plain.
    Release,
    /// Room is set aside for what happens until the application serves again, and for the way back.
    Reserve {
        /// How much, and where.
        reserves: Vec<Reserve>,
    },
    /// Nothing of the application runs or starts.
    Stop,
    /// Copies exist of what could be lost.
    Backup {
        /// Whether configuration and uploads are among them.
        files: bool,
        /// The databases among them, and how each is copied.
        databases: Vec<DatabaseBackup>,
    },
    /// The databases have the release's schema.
    Migrate {
        /// What is run, in this order.
        steps: Vec<MigrationStep>,
    },
    /// The databases are those that another update's backup holds.
    Restore {
        /// The update that made the backup.
        of: u32,
        /// Which databases.
        databases: Vec<Name>,
    },
    /// The link and the unit files are the release's.
    Activate,
    /// Its services run.
    Start,
    /// It has stood the test.
    Probe,
}

impl Step {
    /// The glossary's word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "fetch",
            Self::Stage { .. } => "stage",
            Self::Prepare { .. } => "prepare",
            Self::Adopt => "adopt",
            Self::Release => "release",
            Self::Reserve { .. } => "reserve",
            Self::Stop => "stop",
            Self::Backup { .. } => "backup",
            Self::Migrate { .. } => "migrate",
            Self::Restore { .. } => "restore",
            Self::Activate => "activate",
            Self::Start => "start",
            Self::Probe => "probe",
        }
    }

    /// What it does, for a person who watches.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "downloading",
            Self::Stage { .. } => "unpacking",
            Self::Prepare { .. } => "preparing",
            Self::Adopt => "adopting the directory",
            Self::Release => "giving the directory back",
            Self::Reserve { .. } => "setting room aside",
            Self::Stop => "stopping services",
            Self::Backup { .. } => "creating backup",
            Self::Migrate { .. } => "applying migrations",
            Self::Restore { .. } => "bringing the backup back",
            Self::Activate => "installing",
            Self::Start => "starting services",
            Self::Probe => "health checks",
        }
    }
}

/// How one database is backed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseBackup {
    /// Which one.
    pub database: Name,
    /// How.
    pub way: Way,
}

/// An artifact as the journal names it; its block hashes stay in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// File name.
    pub name: String,
    /// How it is packed.
    pub format: Format,
    /// Bytes.
    pub length: u64,
    /// The hash of the whole.
    pub sha256: Sha256,
}

impl From<&Artifact> for ArtifactRef {
    fn from(artifact: &Artifact) -> Self {
        Self { name: artifact.name.clone(), format: artifact.format, length: artifact.length, sha256: artifact.sha256 }
    }
}

/// What planning an install or an update needs to know.
pub struct Facts<'a> {
    /// The update's number.
    pub id: u32,
    /// The application on this machine.
    pub instance: Instance,
    /// What runs now.
    pub installed: Option<Side>,
    /// The release.
    pub manifest: &'a Manifest,
    /// Its manifest's hash.
    pub manifest_hash: Sha256,
    /// Its profile, the client's overrides applied.
    pub profile: Profile,
    /// How each database of the profile can be backed up.
    pub ways: Vec<DatabaseBackup>,
    /// What room each of them needs.
    pub extents: Vec<Extent>,
    /// Health checks that fail already.
    pub already_failing: Vec<Name>,
    /// Why now.
    pub applied_by: String,
    /// The time.
    pub now: jiff::Timestamp,
}

/// Plans an install or an update.
pub fn plan_update(facts: Facts<'_>) -> Plan {
    let migrations = migrations(&facts);
    let steps = steps_of_update(&facts, migrations);
    let act = if facts.installed.is_some() { Act::Update } else { Act::Install };
    Plan {
        format: FORMAT,
        id: facts.id,
        act,
        instance: facts.instance,
        from: facts.installed,
        to: Side {
            version: facts.manifest.version.clone(),
            manifest: Some(facts.manifest_hash),
            profile: facts.profile,
        },
        severity: facts.manifest.severity,
        applied_by: facts.applied_by,
        planned_at: facts.now,
        already_failing: facts.already_failing,
        takes_back: None,
        steps,
    }
}

fn migrations(facts: &Facts<'_>) -> Vec<MigrationStep> {
    let installed = facts.installed.as_ref().map(|side| &side.version);
    steps_between(&facts.manifest.migration_steps, installed, &facts.manifest.version).into_iter().cloned().collect()
}

/// What can be done while the old release serves is done before Stop. A database that is not migrated is backed up
/// there too; one that is migrated must be still while it is copied, or rows would be lost on the way back.
fn steps_of_update(facts: &Facts<'_>, migrations: Vec<MigrationStep>) -> Vec<Step> {
    let artifact = ArtifactRef::from(preferred(&facts.manifest.artifacts));
    let (still, online): (Vec<_>, Vec<_>) =
        facts.ways.iter().cloned().partition(|backup| migrations.iter().any(|step| step.database == backup.database));
    let mut steps = vec![
        Step::Fetch { artifact: artifact.clone() },
        Step::Stage { artifact },
        Step::Prepare { hook: facts.profile.hooks.prepare.clone() },
    ];
    if facts.installed.is_some() {
        let databases = online.into_iter().map(while_it_serves).collect();
        steps.push(Step::Backup { files: true, databases });
        steps.extend(reserve(space::of_update(&still, &facts.extents)));
        steps.push(Step::Stop);
    }
    if !still.is_empty() {
        steps.push(Step::Backup { files: false, databases: still });
    }
    if !migrations.is_empty() {
        steps.push(Step::Migrate { steps: migrations });
    }
    steps.extend([Step::Activate, Step::Start, Step::Probe]);
    steps
}

fn reserve(reserves: Vec<Reserve>) -> Option<Step> {
    (!reserves.is_empty()).then_some(Step::Reserve { reserves })
}

/// A copy on the server needs the database without sessions: as long as the application works in it, it is dumped.
fn while_it_serves(backup: DatabaseBackup) -> DatabaseBackup {
    DatabaseBackup { way: Way::Dump, ..backup }
}

/// tar.zst where there is one: smaller, and unpacked in half the time.
fn preferred(artifacts: &[Artifact]) -> &Artifact {
    artifacts
        .iter()
        .find(|artifact| artifact.format == Format::TarZst)
        .or(artifacts.first())
        .expect("Manifest::check: a manifest has an artifact")
}

impl Plan {
    /// Whether step `index` is past the point where the old release stopped serving.
    pub fn is_past_stop(&self, index: usize) -> bool {
        let stop = self.steps.iter().position(|step| matches!(step, Step::Stop));
        stop.is_some_and(|stop| index >= stop)
    }

    /// Whether going back leaves this database alone, because the release before works with what the steps leave.
    pub fn is_compatible(&self, database: &Name) -> bool {
        self.migrations().filter(|step| step.database == *database).all(|step| step.compatible_with_previous)
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

/// What planning an admin's rollback needs to know.
pub struct RollbackFacts {
    /// The new update's number.
    pub id: u32,
    /// The plan of the update that is taken back.
    pub taken_back: Plan,
    /// The release that it left. Its tree and backup are still there.
    pub previous: Side,
    /// Databases that its backup holds and that must go back, with how to copy what is left.
    pub databases: Vec<DatabaseBackup>,
    /// The same databases, with how that backup was made.
    pub held: Vec<DatabaseBackup>,
    /// What room each of them needs.
    pub extents: Vec<Extent>,
    /// Who asked.
    pub applied_by: String,
    /// The time.
    pub now: jiff::Timestamp,
}

/// Plans an admin's rollback. The data that is being left is copied first, so that even this can be undone.
pub fn plan_rollback(facts: RollbackFacts) -> Plan {
    let of = facts.taken_back.id;
    let names = facts.databases.iter().map(|backup| backup.database.clone()).collect();
    let reserves = space::of_rollback(&facts.databases, &facts.held, &facts.extents);
    let mut steps: Vec<Step> = reserve(reserves).into_iter().chain([Step::Stop]).collect();
    if !facts.databases.is_empty() {
        steps.push(Step::Backup { files: false, databases: facts.databases });
        steps.push(Step::Restore { of, databases: names });
    }
    steps.extend([Step::Activate, Step::Start, Step::Probe]);
    Plan {
        format: FORMAT,
        id: facts.id,
        act: Act::Rollback,
        from: Some(facts.taken_back.to),
        to: facts.previous,
        severity: facts.taken_back.severity,
        instance: facts.taken_back.instance,
        applied_by: facts.applied_by,
        planned_at: facts.now,
        already_failing: Vec::new(),
        takes_back: Some(of),
        steps,
    }
}

#[cfg(test)]
mod tests;
