//! `surefoot backup list`: the backups that are kept, and what rollbacks left aside. Read from the records beside them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::table::Table;
use super::{Format, Which, history, instances, print, words};
use crate::exit::{Exit, Failure};
use crate::journal::{Journal, Record};
use crate::layout::{InstanceLayout, Layout};
use crate::store::{BackupRecord, Held};

/// One backup.
#[derive(Debug, Serialize)]
struct Backup {
    id: u32,
    made_at: Option<jiff::Timestamp>,
    update: Option<String>,
    directory: PathBuf,
    held: Vec<Item>,
    left_aside: Vec<Left>,
}

/// What a backup holds.
#[derive(Debug, Serialize)]
struct Item {
    what: String,
    way: &'static str,
    bytes: u64,
    problem: Option<String>,
}

/// A database that was left aside instead of being thrown away.
#[derive(Debug, Serialize)]
struct Left {
    database: String,
    name: String,
    bytes: u64,
    at: jiff::Timestamp,
}

pub(super) fn list(layout: &Layout, which: &Which, format: Format) -> Result<Exit, Failure> {
    let name = instances::one(layout, which)?;
    let journals = instances::journals(layout, &name)?;
    let backups = backups(&layout.instance(&name), &journals)?;
    if format.json {
        print::json(&backups)?;
    } else if backups.is_empty() {
        print::text(&format!("{name}: there are no backups\n"))?;
    } else {
        print::text(&render(&backups, print::Screen::of_stdout().width))?;
    }
    Ok(Exit::Ok)
}

/// Those that lie in the state, with those updates that left something aside.
fn backups(here: &InstanceLayout, journals: &[Journal]) -> Result<Vec<Backup>, Failure> {
    let mut ids = stored(&here.backups())?;
    ids.extend(journals.iter().filter(|journal| !left_aside(journal).is_empty()).map(|journal| journal.plan().id));
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.into_iter().map(|id| backup(here, journals, id)).collect())
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

fn backup(here: &InstanceLayout, journals: &[Journal], id: u32) -> Backup {
    let journal = journals.iter().find(|journal| journal.plan().id == id);
    let directory = here.backup(id);
    Backup {
        id,
        made_at: journal.map(|journal| journal.plan().planned_at),
        update: journal.map(|journal| {
            let plan = journal.plan();
            let from = plan.from.as_ref().map(|side| side.version.to_string());
            history::what(plan.act, from.as_deref(), &plan.to.version.to_string())
        }),
        held: held(&directory),
        left_aside: journal.map(left_aside).unwrap_or_default(),
        directory,
    }
}

fn left_aside(journal: &Journal) -> Vec<Left> {
    let mut left = Vec::new();
    for entry in journal.entries() {
        if let Record::LeftAside { database, name, bytes } = &entry.record {
            left.push(Left { database: database.to_string(), name: name.clone(), bytes: *bytes, at: entry.at });
        }
    }
    left
}

/// Surviving files first, then each database. A record that cannot be read is told, not left out.
fn held(directory: &Path) -> Vec<Item> {
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
        problem: None,
    });
    files.into_iter().chain(records.iter().map(|path| database(path))).collect()
}

fn database(path: &Path) -> Item {
    let read = || -> Result<BackupRecord, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    };
    match read() {
        Ok(record) => {
            let what = format!("database {}", record.database);
            Item { what, way: way(&record.held), bytes: record.size, problem: None }
        }
        Err(problem) => {
            let what = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Item { what, way: "?", bytes: 0, problem: Some(format!("{}: {problem}", path.display())) }
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

fn render(backups: &[Backup], width: usize) -> String {
    let mut table = Table::new(["ID", "MADE", "BEFORE", "SIZE", "HOW", "WHAT"]);
    for backup in backups {
        let made = backup.made_at.map_or_else(|| "?".to_owned(), words::moment);
        let update = backup.update.clone().unwrap_or_else(|| "?".to_owned());
        for item in &backup.held {
            table.row([
                backup.id.to_string(),
                made.clone(),
                update.clone(),
                words::size(item.bytes),
                item.way.to_owned(),
                item.what.clone(),
            ]);
            if let Some(problem) = &item.problem {
                table.below(words::wrap("    CANNOT BE READ: ", problem, width));
            }
        }
        for left in &backup.left_aside {
            table.row([
                backup.id.to_string(),
                words::moment(left.at),
                update.clone(),
                words::size(left.bytes),
                "aside".to_owned(),
                format!("database {}", left.database),
            ]);
            table.below(words::wrap("    left aside as ", &left.name, width));
        }
    }
    table.render(width)
}
