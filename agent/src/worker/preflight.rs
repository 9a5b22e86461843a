//! What can go wrong goes wrong here, before anything is touched: the profile says what this machine needs to know, files
//! and databases are there, and there is room.

use std::path::Path;
use std::time::Duration;

use manifest_schema::path::Name;
use manifest_schema::profile::{KeptType, Profile};

use super::{Asker, Work, room, services, vendor};
use crate::clock::Clock;
use crate::config::Settings;
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::health;
use crate::host::{guard, systemd};
use crate::plan::space::Extent;
use crate::plan::{self, DatabaseBackup};
use crate::store::{StoreError, Way};
use crate::update::with_store;

/// The profile must say what this machine's service manager needs to know, before anything stops.
pub(super) fn check_manager(settings: &Settings, profile: &Profile) -> Result<(), Failure> {
    for service in &profile.services {
        let missing = match settings.instance.manager {
            plan::Manager::Systemd => service.unit.is_none().then_some("unit"),
            plan::Manager::Command if service.start.is_empty() => Some("start"),
            plan::Manager::Command if service.stop.is_empty() => Some("stop"),
            plan::Manager::Command => service.pid_file.is_none().then_some("pid_file"),
        };
        if let Some(missing) = missing {
            return Err(Failure::new(
                Exit::Configuration,
                format!(
                    "service {} of the application has no {missing}, which service_manager in {} needs",
                    service.name,
                    settings.path.display()
                ),
            ));
        }
    }
    Ok(())
}

/// Each unit is a service, this machine has it or the release brings it, and no other instance has it.
pub(super) fn check_units(work: &Work<'_>, settings: &Settings, profile: &Profile) -> Result<(), Failure> {
    if settings.instance.manager != plan::Manager::Systemd {
        return Ok(());
    }
    let wrong = |reason: String| Err(Failure::new(Exit::Configuration, reason));
    for service in &profile.services {
        let unit = service.unit.as_deref().unwrap_or_default();
        if !systemd::is_service_name(unit) {
            return wrong(format!(
                "{unit:?}, the unit of {}, is not the name of a service such as app.service",
                service.name
            ));
        }
        if service.unit_file.is_none() && systemd::is_missing(unit) {
            return wrong(format!(
                "this machine has no unit {unit}, which {} needs: install it, or name another in [services.{0}]",
                service.name
            ));
        }
    }
    match guard::of_another(&work.layout.units(), &profile.services, &work.here(settings).closed()) {
        Some(path) => {
            wrong(format!("{} says that another instance has this unit: name another in [services]", path.display()))
        }
        None => Ok(()),
    }
}

/// A file that survives is the admin's to bring: an application without its `.env` would start with nothing.
pub(super) fn check_kept(settings: &Settings, profile: &Profile) -> Result<(), Failure> {
    for kept in &profile.keep {
        let path = settings.app().shared().join(&kept.path);
        if kept.kind == KeptType::File && !path.exists() {
            return Err(Failure::new(
                Exit::Refused,
                format!("the application needs {}: put it at {} first", kept.path, path.display()),
            ));
        }
    }
    Ok(())
}

/// What was found out about the databases.
#[derive(Default)]
pub(super) struct Examined {
    /// How each can be backed up.
    pub(super) ways: Vec<DatabaseBackup>,
    /// What room each needs.
    pub(super) extents: Vec<Extent>,
}

/// Every database must answer, and have room for its backup, before anything is touched.
/// One that is not in `migrated` is dumped while the application serves, whichever way it could go; one that is must be such
/// that it can be changed and brought back.
pub(super) fn examine(
    work: &mut Work<'_>,
    settings: &Settings,
    profile: &Profile,
    migrated: &[Name],
) -> Result<Examined, Failure> {
    let here = work.here(settings);
    durable::make_dirs(&here.scratch(), 0o700).map_err(|error| Failure::early(&error))?;
    let vendor = vendor(&settings.instance, &here);
    let mut found = Examined::default();
    let mut needed = kept_bytes(settings, profile);
    for database in &profile.databases {
        let condition = with_store(database, &vendor, &settings.app(), |store| store.examine());
        let refused = |error: StoreError| refused(&database.name, &error);
        let condition = condition.map_err(refused)?;
        if migrated.contains(&database.name) {
            let clients = &settings.instance.clients;
            if let Some(noted) = condition.allow_change(&database.name, clients).map_err(refused)? {
                work.note(noted);
            }
        }
        needed = needed.saturating_add(match condition.way {
            Way::Dump => condition.needed,
            Way::Clone if migrated.contains(&database.name) => 0,
            Way::Clone => condition.size,
        });
        found.extents.push(room::extent(work, settings, &database.name, &condition));
        found.ways.push(DatabaseBackup { database: database.name.clone(), way: condition.way });
    }
    room::has_room(here.state(), needed, "the backup")?;
    Ok(found)
}

/// What a database says against an update that has not been begun.
pub(super) fn refused(database: &Name, error: &StoreError) -> Failure {
    Failure::new(Exit::Refused, format!("database {database}: {}", crate::exit::chain(error)))
}

/// Health checks that fail already, in as many looks as the soak would forgive: one slow answer must not switch a check off.
pub(super) fn baseline(work: &mut Work<'_>, settings: &Settings, profile: &Profile) -> Vec<Name> {
    let here = work.here(settings);
    let mut services = services(&settings.instance, here.scratch());
    let directory = settings.instance.directory.clone();
    let vendor = vendor(&settings.instance, &here);
    let mut ask = Asker::new(work.layout);
    let mut look = || health::sample(profile, &mut *services, &mut ask, &vendor, &directory);
    let mut sample = look();
    let mut failing = sample.failing_checks();
    for _ in 1..profile.health.failures {
        if failing.is_empty() {
            break;
        }
        work.clock.pause(Duration::from_millis(500));
        sample = look();
        let still = sample.failing_checks();
        failing.retain(|name| still.contains(name));
    }
    if let Some(problem) = sample.problem(&[]) {
        work.note(format!("before the update: {problem}"));
    }
    failing
}

/// What the copies of surviving files will take, links and what cannot be read left out.
fn kept_bytes(settings: &Settings, profile: &Profile) -> u64 {
    let shared = settings.app().shared();
    profile.keep.iter().filter(|kept| kept.backup).map(|kept| bytes_below(&shared.join(&kept.path))).sum()
}

fn bytes_below(path: &Path) -> u64 {
    let mut bytes: u64 = 0;
    // What cannot be read now is said when it is to be copied.
    let _ = durable::walk(path, &mut |found| {
        bytes = bytes.saturating_add(if found.is_file() { found.length() } else { 0 });
        Ok(true)
    });
    bytes
}

#[cfg(test)]
mod tests;
