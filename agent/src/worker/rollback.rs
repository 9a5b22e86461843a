//! `surefoot rollback`: back to the release before, because an admin says so; and what that costs, said before it is done.

use manifest_schema::path::Name;

use super::preflight::{Examined, refused};
use super::update::{begin, execute};
use super::{Reply, Work, check, room, vendor};
use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::journal::{Journal, history};
use crate::plan::{self, DatabaseBackup, RollbackFacts, Side};
use crate::store::{BackupRecord, Held, Way};
use crate::update::with_store;

/// Takes the last good update back.
pub(super) fn rollback(work: &mut Work<'_>, settings: &Settings, dry_run: bool, by: &str) -> Result<Reply, Failure> {
    let journals = check::journals(work, settings)?;
    let (update, previous) = taken_back(settings, &journals)?;
    let databases = incompatible(update);
    let cost = cost(work, settings, update, &previous, &databases)?;
    if dry_run {
        return Ok(Reply {
            exit: Exit::Ok,
            message: cost,
            answer: Some(serde_json::json!({ "to": previous.version, "databases": databases })),
        });
    }
    let held = held(work, settings, update, &databases)?;
    let Examined { ways: databases, extents } = ways(work, settings, update, databases)?;
    let mut taken_back = update.plan().clone();
    // How clients are dealt with is asked of today's configuration.
    taken_back.instance.clients = settings.instance.clients;
    let plan = plan::plan_rollback(RollbackFacts {
        id: work.next_id(settings, &journals)?,
        taken_back,
        previous,
        databases,
        held,
        extents,
        applied_by: format!("asked for by {by}"),
        now: work.now(),
    });
    room::check(work, settings, &plan, 0, "the rollback")?;
    let mut journal = begin(work, settings, plan)?;
    execute(work, &mut journal, None)
}

fn taken_back<'a>(settings: &Settings, journals: &'a [Journal]) -> Result<(&'a Journal, Side), Failure> {
    let nothing = |reason: &str| Failure::new(Exit::NotFound, format!("{}: {reason}", settings.instance.name));
    let update = history::can_be_taken_back(journals).ok_or_else(|| nothing("there is no update to take back"))?;
    let previous = update.plan().from.clone().ok_or_else(|| nothing("there is no release before"))?;
    if !settings.app().release(&previous.version).is_dir() {
        return Err(nothing(&format!("release {} is not kept any more", previous.version)));
    }
    Ok((update, previous))
}

/// Databases with which the release before cannot work as they are.
fn incompatible(update: &Journal) -> Vec<Name> {
    let plan = update.plan();
    plan.migrated_databases().into_iter().filter(|name| !plan.is_compatible(name)).collect()
}

fn cost(
    work: &Work<'_>,
    settings: &Settings,
    update: &Journal,
    previous: &Side,
    databases: &[Name],
) -> Result<String, Failure> {
    let (name, to) = (&settings.instance.name, &previous.version);
    if databases.is_empty() {
        return Ok(format!("{name} goes back to {to}; its data stays as it is"));
    }
    let here = work.here(settings);
    for database in databases {
        let record = here.backup(update.plan().id).join(format!("{database}.json"));
        if !record.exists() {
            return Err(Failure::new(
                Exit::NotFound,
                format!("{name}: the backup of database {database} is not kept any more: {}", record.display()),
            ));
        }
    }
    let names: Vec<&str> = databases.iter().map(Name::as_str).collect();
    let since = update.plan().planned_at.strftime("%Y-%m-%d %H:%M UTC");
    Ok(format!(
        "{name} goes back to {to}, and database {} to how it was before the update of {since}. \
         What was written since is not in it; it is kept aside under another name",
        names.join(", ")
    ))
}

/// How to copy what is being left.
fn ways(work: &Work<'_>, settings: &Settings, update: &Journal, names: Vec<Name>) -> Result<Examined, Failure> {
    let vendor = vendor(&settings.instance, &work.here(settings));
    let mut found = Examined::default();
    for name in names {
        let database =
            update.plan().to.profile.database(&name).ok_or_else(|| {
                Failure::new(Exit::Unexpected, format!("the installed release has no database {name}"))
            })?;
        let condition = with_store(database, &vendor, &settings.app(), |store| store.examine())
            .map_err(|error| Failure::new(Exit::Refused, format!("database {name}: {}", crate::exit::chain(&error))))?;
        found.extents.push(room::extent(work, settings, &name, &condition));
        found.ways.push(DatabaseBackup { database: name, way: condition.way });
    }
    Ok(found)
}

/// How the backups that go back were made.
fn held(
    work: &Work<'_>,
    settings: &Settings,
    update: &Journal,
    names: &[Name],
) -> Result<Vec<DatabaseBackup>, Failure> {
    let directory = work.here(settings).backup(update.plan().id);
    let of = |name: &Name| {
        let path = directory.join(format!("{name}.json"));
        let unusable = |reason: String| {
            Failure::new(Exit::Refused, format!("the backup cannot be used: {}: {reason}", path.display()))
        };
        let bytes = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
        let record: BackupRecord = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        let way = match record.held {
            Held::Clone { .. } => Way::Clone,
            Held::Dump { .. } | Held::File { .. } | Held::Directory { .. } | Held::Nothing => Way::Dump,
        };
        Ok(DatabaseBackup { database: name.clone(), way })
    };
    names.iter().map(of).collect()
}
