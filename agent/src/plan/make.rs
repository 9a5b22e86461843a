//! Planning: facts → plan. What can be done before the stop is put before it; here is the one place that says so.

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, Format, Manifest};
use manifest_schema::migration::{MigrationStep, steps_between};
use manifest_schema::path::Name;
use manifest_schema::profile::Profile;
use manifest_schema::version::ReleaseVersion;

use super::space::{self, Extent, Reserve};
use super::{Act, ArtifactRef, DatabaseBackup, FORMAT, Instance, Plan, Side, Step};
use crate::journal::standing::is_same;
use crate::store::Way;

/// What planning an install or an update needs to know.
pub struct Facts<'a> {
    /// The update's number.
    pub id: u32,
    /// The application on this machine.
    pub instance: Instance,
    /// What runs now.
    pub installed: Option<Side>,
    /// The migration steps that lead there, from [`migrations_ahead`].
    pub migrations: Vec<MigrationStep>,
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
    let steps = steps_of_update(&facts);
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

/// The steps that lead from `installed` to a release, without those that the databases have been through: an update that was taken
/// back and could leave its migrations where they are has left them there.
pub fn migrations_ahead(
    manifest: &Manifest,
    installed: Option<&ReleaseVersion>,
    standing: &[MigrationStep],
) -> Vec<MigrationStep> {
    let mut steps = steps_between(&manifest.migration_steps, installed, &manifest.version);
    // Who installs for the first time has no database to speak of.
    steps.retain(|step| installed.is_none() || !standing.iter().any(|stands| is_same(stands, step)));
    steps.into_iter().cloned().collect()
}

/// What can be done while the old release serves is done before Stop. A database that is not migrated is backed up
/// there too; one that is migrated must be still while it is copied, or rows would be lost on the way back.
fn steps_of_update(facts: &Facts<'_>) -> Vec<Step> {
    let migrations = &facts.migrations;
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
        steps.push(Step::Migrate { steps: migrations.clone() });
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
pub(super) fn preferred(artifacts: &[Artifact]) -> &Artifact {
    artifacts
        .iter()
        .find(|artifact| artifact.format == Format::TarZst)
        .or(artifacts.first())
        .expect("Manifest::check: a manifest has an artifact")
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
