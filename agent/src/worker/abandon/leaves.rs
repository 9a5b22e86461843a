//! What an abandoned update leaves: where the directory leads, what runs, and where copies of the data lie. It looks, and changes
//! nothing.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use manifest_schema::version::ReleaseVersion;

use crate::journal::{Journal, Record, Stands};
use crate::layout::{AppLayout, InstanceLayout};
use crate::plan::{Act, Plan, Side};
use crate::store::{BackupRecord, Held};
use crate::worker::services;

/// Where the directory leads that the application's units name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To the tree of a release.
    To(ReleaseVersion),
    /// It is not there.
    Nowhere,
    /// It is a directory of its own.
    Plain,
    /// To something that is no release's tree.
    Astray(PathBuf),
}

/// Looks where the directory leads. A link with the right name that leads to nothing is astray.
pub(super) fn leads(app: &AppLayout) -> Leads {
    let current = app.current();
    match std::fs::symlink_metadata(current) {
        Ok(meta) if meta.is_symlink() => {}
        Ok(meta) if meta.is_dir() => return Leads::Plain,
        Ok(_) => return Leads::Astray(current.to_owned()),
        Err(_) => return Leads::Nowhere,
    }
    let target = std::fs::read_link(current).unwrap_or_default();
    let is_tree = |version: &ReleaseVersion| {
        let tree = app.release(version);
        tree.is_dir() && std::fs::canonicalize(&tree).ok() == std::fs::canonicalize(current).ok()
    };
    app.current_version().filter(is_tree).map_or(Leads::Astray(target), Leads::To)
}

/// What counts as installed where an update is left like this, or what a person must do first. `is_superseded` says that a
/// later update has the word anyway.
pub(super) fn stands(plan: &Plan, leads: &Leads, is_superseded: bool) -> Result<Stands, String> {
    let leads_to = |side: &Side| *leads == Leads::To(side.version.clone());
    if plan.act != Act::Release && leads_to(&plan.to) {
        return Ok(Stands::New);
    }
    if plan.from.as_ref().is_some_and(leads_to) {
        return Ok(Stands::Old);
    }
    let may_be_plain = matches!(plan.act, Act::Install | Act::Adopt | Act::Release);
    if may_be_plain && matches!(leads, Leads::Nowhere | Leads::Plain) {
        return Ok(Stands::Nothing);
    }
    if is_superseded { Ok(Stands::Other) } else { Err(what_first(plan, leads)) }
}

fn what_first(plan: &Plan, leads: &Leads) -> String {
    let directory = plan.instance.directory.display();
    let found = match leads {
        Leads::To(version) => format!("leads to {version}"),
        Leads::Nowhere => "is not there".to_owned(),
        Leads::Plain => "is a plain directory".to_owned(),
        Leads::Astray(target) => format!("leads to {}, which is no release's tree", target.display()),
    };
    let app = AppLayout::new(&plan.instance.directory);
    let wanted: Vec<String> = [plan.from.as_ref(), Some(&plan.to)]
        .into_iter()
        .flatten()
        .map(|side| format!("'ln -sfn {} {directory}' for {}", app.link_to(&side.version).display(), side.version))
        .collect();
    let away = if *leads == Leads::Plain { "move it away and " } else { "" };
    format!(
        "{directory} {found}, so that nobody could say what is installed: {away}let it lead to the release that is to stay \
         ({}), then run 'surefoot abandon' again",
        wanted.join(", ")
    )
}

/// What is installed from here on, as a sentence.
pub(super) fn sentence(plan: &Plan, stands: Stands) -> String {
    let (id, directory) = (plan.id, plan.instance.directory.display());
    match (stands, &plan.from) {
        (Stands::New, _) => format!("update {id} is abandoned; {} counts as installed", plan.to.version),
        (Stands::Old, Some(from)) => format!("update {id} is abandoned; {} counts as installed", from.version),
        (Stands::Old | Stands::Nothing, _) => format!("update {id} is abandoned; {directory} is not managed"),
        (Stands::Other, _) => format!("update {id} is closed; what is installed is a later update's"),
    }
}

/// Everything that a person should know before they agree, a line each.
pub(super) fn words(journal: &Journal, stands: Stands, here: &InstanceLayout, now: Timestamp) -> String {
    let plan = journal.plan();
    let from = plan.from.as_ref().map_or_else(|| "nothing".to_owned(), |side| side.version.to_string());
    let mut lines = vec![format!(
        "{}: update {} ({from} → {}) stays as it is: {}",
        plan.instance.name,
        plan.id,
        plan.to.version,
        found(plan, stands)
    )];
    lines.extend(running(plan, stands, journal));
    lines.extend(left_aside(journal, now));
    lines.extend(backups(&here.backup(plan.id), now));
    lines.push(
        "What was backed up or left aside stays. Nothing is started or stopped; units may start again.".to_owned(),
    );
    lines.join("\n  ")
}

fn found(plan: &Plan, stands: Stands) -> String {
    let directory = plan.instance.directory.display();
    match (stands, &plan.from) {
        (Stands::New, _) => format!("{directory} leads to {}, which counts as installed then", plan.to.version),
        (Stands::Old, Some(from)) => format!("{directory} leads to {}, which counts as installed then", from.version),
        (Stands::Old | Stands::Nothing, _) => format!("{directory} leads to no release and is not managed then"),
        (Stands::Other, _) => "a later update says what is installed".to_owned(),
    }
}

fn running(plan: &Plan, stands: Stands, journal: &Journal) -> Vec<String> {
    let side = match stands {
        Stands::New | Stands::Nothing | Stands::Other => &plan.to,
        Stands::Old => plan.from.as_ref().unwrap_or(&plan.to),
    };
    let mut manager = services(&plan.instance, journal.directory().to_owned());
    let mut observe = |service| match manager.observe(service) {
        Ok(observed) if observed.running => format!("runs ({})", observed.words),
        Ok(observed) => format!("DOES NOT RUN ({})", observed.words),
        Err(error) => format!("cannot be looked at: {}", crate::exit::chain(&error)),
    };
    side.profile.services.iter().map(|service| format!("service {} {}", service.name, observe(service))).collect()
}

fn left_aside(journal: &Journal, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in journal.entries() {
        if let Record::LeftAside { database, name, .. } = &entry.record {
            lines.push(format!("database {database} was left aside {} ago as {name}", age(entry.at, now)));
        }
    }
    lines
}

/// The backups that the update made, from the records beside them.
fn backups(directory: &Path, now: Timestamp) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| backup(path, now)).collect()
}

fn backup(path: &Path, now: Timestamp) -> Option<String> {
    let made = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let made = made.and_then(|made| Timestamp::try_from(made).ok()).unwrap_or(now);
    let ago = age(made, now);
    if path.file_name()? == "files" {
        return Some(format!("files were backed up {ago} ago in {}", path.display()));
    }
    if path.extension()? != "json" {
        return None;
    }
    let record = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<BackupRecord>(&bytes).ok());
    Some(match record {
        Some(record) => {
            format!("database {} was backed up {ago} ago as {}", record.database, place(path, &record.held))
        }
        None => format!("{} cannot be read: a backup that may be whole all the same", path.display()),
    })
}

fn place(record: &Path, held: &Held) -> String {
    let beside = |name: &str| record.with_file_name(name).display().to_string();
    match held {
        Held::Clone { name, .. } => format!("database {name} on its server"),
        Held::Dump { file, .. } | Held::File { file, .. } => beside(file),
        Held::Directory { name, .. } => beside(name),
        Held::Nothing => "nothing, since there was none".to_owned(),
    }
}

/// In the one unit that matters.
fn age(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(at).as_mins().max(0);
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}
