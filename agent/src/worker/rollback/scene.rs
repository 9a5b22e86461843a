//! What a rollback finds: each database that must go back, its backup, and what both are like now. What would stand in its way is
//! found here, before anything is touched.

use jiff::Timestamp;
use manifest_schema::path::Name;
use manifest_schema::profile::Database;
use manifest_schema::version::ReleaseVersion;

use super::super::preflight::refused;
use super::super::{Work, room};
use super::cost::{self, Becomes, Cost, Fate, FromFiles};
use crate::config::Settings;
use crate::decide::security_floor;
use crate::exit::{Exit, Failure, chain};
use crate::host::vendor::Vendor;
use crate::journal::{Journal, Record};
use crate::plan::space::Extent;
use crate::plan::{self, DatabaseBackup, Plan, RollbackFacts, Side, Step};
use crate::store::{BackupRecord, BackupTag, Condition, Held, StoreError, Way};
use crate::trust::Trust;
use crate::update::{keep, with_store};

/// What the costs of a rollback are read from.
pub(super) struct Scene<'a, 'w> {
    pub(super) work: &'a Work<'w>,
    pub(super) settings: &'a Settings,
    /// The update that is taken back.
    pub(super) update: &'a Journal,
    /// The rollback's own number.
    pub(super) id: u32,
    pub(super) vendor: Vendor,
}

/// A database that goes back.
pub(super) struct Found {
    record: BackupRecord,
    condition: Condition,
    kept_as: String,
    extent: Extent,
    /// What an admin should know of it.
    pub(super) noted: Option<String>,
}

impl Scene<'_, '_> {
    /// Looks at each database that must go back, and at its backup.
    pub(super) fn examine(&self) -> Result<Vec<Found>, Failure> {
        incompatible(self.update).iter().map(|name| self.examine_one(name)).collect()
    }

    fn examine_one(&self, name: &Name) -> Result<Found, Failure> {
        let plan = self.update.plan();
        let database =
            plan.to.profile.database(name).ok_or_else(|| {
                Failure::new(Exit::Unexpected, format!("the installed release has no database {name}"))
            })?;
        let record = self.record(name)?;
        let here = self.work.here(self.settings);
        let (backup, own) = (here.backup(plan.id), here.backup(self.id));
        self.ask(database, |store| store.verify(&record, &backup)).map_err(|error| {
            let (instance, reason) = (&self.settings.instance.name, chain(&error));
            let reason = format!("{instance}: the backup of database {name} cannot be brought back: {reason}");
            Failure::new(Exit::Refused, reason)
        })?;
        let refused = |error| refused(name, &error);
        let condition = self.ask(database, |store| store.examine()).map_err(refused)?;
        let noted = condition.allow_change(name, &self.settings.instance.clients).map_err(refused)?;
        let tag = BackupTag::of_restore(self.id);
        let kept_as = self.ask(database, |store| store.left_name(&tag, &own)).map_err(refused)?;
        let extent = room::extent(self.work, self.settings, name, &condition);
        Ok(Found { record, condition, kept_as, extent, noted })
    }

    fn ask<T>(
        &self,
        database: &Database,
        act: impl FnOnce(&crate::store::Store<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        with_store(database, &self.vendor, &self.settings.app(), act)
    }

    fn record(&self, name: &Name) -> Result<BackupRecord, Failure> {
        let path = self.work.here(self.settings).backup(self.update.plan().id).join(format!("{name}.json"));
        let (instance, shown) = (&self.settings.instance.name, path.display());
        let bytes = std::fs::read(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                let reason = format!("{instance}: the backup of database {name} is not kept any more: {shown}");
                return Failure::new(Exit::NotFound, reason);
            }
            let reason = format!("{instance}: the backup of database {name} cannot be read: {shown}: {error}");
            Failure::new(Exit::Refused, reason)
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let reason = format!("{instance}: the backup of database {name} cannot be read: {shown}: {error}");
            Failure::new(Exit::Refused, reason)
        })
    }

    pub(super) fn cost(&self, previous: &Side, found: &[Found]) -> Cost {
        let plan = self.update.plan();
        let fates = plan.to.profile.databases.iter().map(|database| {
            let becomes = match found.iter().find(|found| found.record.database == database.name) {
                Some(found) => self.goes_back(found),
                None => Becomes::Stays { migrated: plan.migrated_databases().contains(&database.name) },
            };
            Fate { database: database.name.clone(), becomes }
        });
        let from_files = found.iter().any(|found| way(&found.record.held) == Way::Dump);
        let data = (!found.is_empty()).then_some(FromFiles(from_files));
        Cost {
            instance: self.settings.instance.name.clone(),
            from: plan.to.version.clone(),
            to: previous.version.clone(),
            databases: fates.collect(),
            files: previous.profile.keep.iter().map(|kept| kept.path.to_string()).collect(),
            services: plan.to.profile.services.iter().map(|service| service.name.clone()).collect(),
            below_floor: self.floor_above(&previous.version),
            downtime_seconds: cost::downtime(self.update, data).map(|span| span.as_secs().max(1).unsigned_abs()),
        }
    }

    /// What the vendor has said last, expired or not. Where nothing is known of it, going back is still possible.
    fn floor_above(&self, previous: &ReleaseVersion) -> Option<ReleaseVersion> {
        let known = Trust::load(self.settings, &self.work.here(self.settings).trust()).ok()?.releases_known();
        let floor = security_floor(&known, &self.settings.product, &self.settings.policy.channel)?;
        (previous < floor).then(|| floor.clone())
    }

    fn goes_back(&self, found: &Found) -> Becomes {
        let (now, made_at) = (self.work.now(), made_at(self.update));
        Becomes::Before {
            made_at,
            age_seconds: now.duration_since(made_at).as_secs().max(0),
            bytes: found.record.size,
            bytes_now: found.condition.size,
            kept_as: found.kept_as.clone(),
            kept_until: keep::days_after(now, self.settings.keep_previous_days),
        }
    }

    pub(super) fn plan(&self, previous: Side, found: Vec<Found>, by: &str) -> Plan {
        let backups = |way: fn(&Found) -> Way| -> Vec<DatabaseBackup> {
            let backup = |found: &Found| DatabaseBackup { database: found.record.database.clone(), way: way(found) };
            found.iter().map(backup).collect()
        };
        let databases = backups(|found| found.condition.way);
        let held = backups(|found| way(&found.record.held));
        let mut taken_back = self.update.plan().clone();
        // How clients are dealt with is asked of today's configuration.
        taken_back.instance.clients = self.settings.instance.clients;
        plan::plan_rollback(RollbackFacts {
            id: self.id,
            taken_back,
            previous,
            databases,
            held,
            extents: found.into_iter().map(|found| found.extent).collect(),
            applied_by: format!("asked for by {by}"),
            now: self.work.now(),
        })
    }
}

/// Databases with which the release before cannot work as they are.
fn incompatible(update: &Journal) -> Vec<Name> {
    let plan = update.plan();
    plan.migrated_databases().into_iter().filter(|name| !plan.is_compatible(name)).collect()
}

/// When the databases were copied that the update then changed.
fn made_at(update: &Journal) -> Timestamp {
    let is_backup = |step: usize| matches!(update.plan().steps.get(step), Some(Step::Backup { .. }));
    let made =
        update.entries().iter().rfind(|entry| matches!(entry.record, Record::Applied { step } if is_backup(step)));
    made.map_or(update.plan().planned_at, |entry| entry.at)
}

/// How a backup was made.
fn way(held: &Held) -> Way {
    match held {
        Held::Clone { .. } => Way::Clone,
        Held::Dump { .. } | Held::File { .. } | Held::Directory { .. } | Held::Nothing => Way::Dump,
    }
}
