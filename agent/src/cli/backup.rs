//! `surefoot backup list`: the backups that are kept, and what rollbacks left aside, with their age and the day until which they
//! are kept. Read from the records beside them, and whether they are still there is looked for.

mod presence;
mod tell;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use manifest_schema::path::Name;
use serde::Serialize;

use super::{Format, Which, history, instances, print};
use crate::clock::steady::{self, Sight};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::journal::history::Status;
use crate::journal::{Journal, Record, history as past};
use crate::layout::{InstanceLayout, Layout};
use crate::plan::Step;
use crate::store::{BackupRecord, Contents, Held};
use crate::update::keep;

use presence::{Presence, Servers};

/// One backup.
#[derive(Debug, Serialize)]
struct Backup {
    id: u32,
    made_at: Option<Timestamp>,
    age_seconds: Option<i64>,
    update: Option<String>,
    directory: PathBuf,
    /// After this moment a check removes it; nothing where only a person does, or where the configuration cannot be read.
    kept_until: Option<Timestamp>,
    /// Why it is kept beyond that, or has no such moment.
    kept_because: Option<String>,
    held: Vec<Item>,
    left_aside: Vec<Left>,
}

/// What a backup holds.
#[derive(Debug, Serialize)]
struct Item {
    what: String,
    way: &'static str,
    bytes: u64,
    /// Tables and rows, where they were counted.
    contents: Option<Contents>,
    problem: Option<String>,
    #[serde(flatten)]
    presence: Presence,
}

/// A database that was left aside instead of being thrown away.
#[derive(Debug, Serialize)]
struct Left {
    database: Name,
    name: String,
    bytes: u64,
    at: Timestamp,
    age_seconds: i64,
    #[serde(flatten)]
    presence: Presence,
}

/// What the whole list rests on.
struct Facts<'a> {
    here: InstanceLayout,
    journals: &'a [Journal],
    /// The client's days; nothing where the configuration cannot be read.
    days: Option<u32>,
    /// Why nothing is removed by its age now.
    held_back: Option<String>,
    now: Timestamp,
}

pub(super) fn list(layout: &Layout, which: &Which, format: Format) -> Result<Exit, Failure> {
    let name = instances::one(layout, which)?;
    let journals = instances::journals(layout, &name)?;
    let now = Timestamp::now();
    let facts = Facts {
        here: layout.instance(&name),
        journals: &journals,
        days: config::select(layout, Some(name.as_str())).ok().map(|settings| settings.keep_previous_days),
        held_back: steady::look(&layout.clock(), Sight::take(now)).holds_back(),
        now,
    };
    let backups = backups(&facts)?;
    if format.json {
        print::json(&backups)?;
    } else if backups.is_empty() {
        print::text(&format!("{name}: there are no backups\n"))?;
    } else {
        print::text(&tell::render(&backups, print::Screen::of_stdout().width))?;
    }
    Ok(Exit::Ok)
}

/// Those that lie in the state, with those updates that left something aside.
fn backups(facts: &Facts<'_>) -> Result<Vec<Backup>, Failure> {
    let mut ids = stored(&facts.here.backups())?;
    ids.extend(facts.journals.iter().filter(|journal| has_left(journal)).map(|journal| journal.plan().id));
    ids.sort_unstable();
    ids.dedup();
    let mut servers = Servers::new(&facts.here);
    Ok(ids.into_iter().map(|id| backup(facts, &mut servers, id)).collect())
}

fn stored(directory: &Path) -> Result<Vec<u32>, Failure> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let reason = format!("cannot read {}: {error}: only root may read it, use sudo", directory.display());
            return Err(Failure::new(Exit::Unexpected, reason));
        }
    };
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

fn backup(facts: &Facts<'_>, servers: &mut Servers<'_>, id: u32) -> Backup {
    let journal = facts.journals.iter().find(|journal| journal.plan().id == id);
    let directory = facts.here.backup(id);
    let made_at = journal.map(made_at);
    Backup {
        id,
        made_at,
        age_seconds: made_at.map(|at| age(facts, at)),
        update: journal.map(update),
        kept_until: journal.zip(facts.days).and_then(|(journal, days)| keep::kept_until(journal, days)),
        kept_because: kept_because(facts, journal),
        held: held(servers, journal, &directory),
        left_aside: journal.map(|journal| left_aside(facts, servers, journal)).unwrap_or_default(),
        directory,
    }
}

fn update(journal: &Journal) -> String {
    let plan = journal.plan();
    let from = plan.from.as_ref().map(|side| side.version.to_string());
    history::what(plan.act, from.as_deref(), &plan.to.version.to_string())
}

/// When the last of its copies was made.
fn made_at(journal: &Journal) -> Timestamp {
    let plan = journal.plan();
    let is_backup = |step: usize| matches!(plan.steps.get(step), Some(Step::Backup { .. }));
    let made =
        journal.entries().iter().rfind(|entry| matches!(entry.record, Record::Applied { step } if is_backup(step)));
    made.map_or(plan.planned_at, |entry| entry.at)
}

fn age(facts: &Facts<'_>, at: Timestamp) -> i64 {
    facts.now.duration_since(at).as_secs().max(0)
}

fn kept_because(facts: &Facts<'_>, journal: Option<&Journal>) -> Option<String> {
    let Some(journal) = journal else {
        return Some("its update has no journal, so it is not known whose it is; remove it by hand".to_owned());
    };
    let Some(days) = facts.days else {
        return Some("until when it is kept says the configuration, which cannot be read".to_owned());
    };
    match keep::kept_until(journal, days) {
        None if past::status(journal) == Status::Abandoned => {
            Some("it is kept until somebody removes it, since the update was abandoned".to_owned())
        }
        None => Some("it is kept until the update has come to its end".to_owned()),
        Some(until) if until < facts.now => Some(match &facts.held_back {
            Some(why) => format!("old enough to go, and kept: {why}"),
            None => "old enough to go: the next check removes it".to_owned(),
        }),
        Some(_) => None,
    }
}

/// Whether a rollback left something aside that has not been removed since.
fn has_left(journal: &Journal) -> bool {
    let is_left = |record: &Record| matches!(record, Record::LeftAside { .. });
    journal.records().any(is_left) && !keep::is_expired(journal)
}

/// Each of them once: a restore that was cut off tells it again.
fn left_aside(facts: &Facts<'_>, servers: &mut Servers<'_>, journal: &Journal) -> Vec<Left> {
    let mut left: Vec<Left> = Vec::new();
    if !has_left(journal) {
        return left;
    }
    for entry in journal.entries() {
        let Record::LeftAside { database, name, bytes } = &entry.record else { continue };
        left.retain(|other| other.name != *name);
        left.push(Left {
            database: database.clone(),
            name: name.clone(),
            bytes: *bytes,
            at: entry.at,
            age_seconds: age(facts, entry.at),
            presence: servers.left(journal, database, name),
        });
    }
    left
}

/// Surviving files first, then each database. A record that cannot be read is told, not left out.
fn held(servers: &mut Servers<'_>, journal: Option<&Journal>, directory: &Path) -> Vec<Item> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut records: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    records.sort();
    let files = directory.join("files");
    let files = files.is_dir().then(|| Item {
        what: "files".to_owned(),
        way: "copy",
        bytes: size_below(&files),
        contents: None,
        problem: None,
        presence: Presence::There,
    });
    files.into_iter().chain(records.iter().map(|path| database(servers, journal, path))).collect()
}

fn database(servers: &mut Servers<'_>, journal: Option<&Journal>, path: &Path) -> Item {
    let read = || -> Result<BackupRecord, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    };
    match read() {
        Ok(record) => {
            let what = format!("database {}", record.database);
            let directory = path.parent().unwrap_or(path);
            let presence = servers.backup(journal, &record, directory);
            Item {
                what,
                way: way(&record.held),
                bytes: record.size,
                contents: record.contents,
                problem: None,
                presence,
            }
        }
        Err(problem) => {
            let what = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let why = "its record cannot be read".to_owned();
            let problem = Some(format!("{}: {problem}", path.display()));
            Item { what, way: "?", bytes: 0, contents: None, problem, presence: Presence::Unknown { why } }
        }
    }
}

fn way(held: &Held) -> &'static str {
    match held {
        Held::Clone { .. } => "clone",
        Held::Dump { .. } => "dump",
        Held::File { .. } => "file",
        Held::Directory { .. } => "command",
        Held::Nothing => "nothing",
    }
}

/// Bytes of all files below a directory; links are not followed.
pub(super) fn size_below(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size_below(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
