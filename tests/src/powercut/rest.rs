//! What holds at rest: code, data, services and journals agree, nothing is lost and nothing is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::act::{self, Stand};
use super::cluster::DATABASE;
use super::instant::{linked_version, what_survives_is_there};
use super::{agent, application, database, journal, place, releases};

/// Insists on the whole list. `live` are the rows that must be in the live database, `all` those that must be in some.
pub(super) fn insist(stand: Stand, live: &BTreeSet<u32>, all: &BTreeSet<u32>) -> anyhow::Result<()> {
    journals_are_over()
        .and_then(|()| code_is_whole(stand))
        .and_then(|()| data_agrees(stand, live))
        .context("at rest")?;
    nothing_is_lost(all).and_then(|()| nothing_is_left_over()).and_then(|()| serves(stand)).context("at rest")
}

fn journals_are_over() -> anyhow::Result<()> {
    for journal in journal::all()? {
        ensure!(journal.is_over(), "{} is still open: {:?}", journal.name, journal.words());
    }
    Ok(())
}

fn code_is_whole(stand: Stand) -> anyhow::Result<()> {
    let application = place::application();
    match stand {
        Stand::Nothing => {
            ensure!(fs::symlink_metadata(&application).is_err(), "something stands at the application's path");
            return Ok(());
        }
        Stand::Plain => ensure!(!application.is_symlink(), "the directory is not plain again"),
        Stand::Managed(version) => {
            let found = linked_version()?;
            ensure!(found == version, "{found} is current instead of {version}");
        }
    }
    releases::insist_whole(&application, stand.version().unwrap_or_default())?;
    what_survives_is_there(place::application().join("uploads/picture").exists())
}

fn data_agrees(stand: Stand, rows: &BTreeSet<u32>) -> anyhow::Result<()> {
    let data = database::live()?;
    let Some(version) = stand.version() else {
        ensure!(data.columns.is_empty(), "nothing is installed and the database has {:?}", data.columns);
        return Ok(());
    };
    ensure!(data.goes_with(version), "{version} meets {data:?}");
    let lost: Vec<&u32> = rows.difference(&data.rows).collect();
    ensure!(lost.is_empty(), "rows {lost:?} are not in the live database of {version}: {:?}", data.rows);
    Ok(())
}

/// What was confirmed by a release that went again is kept under a name.
fn nothing_is_lost(rows: &BTreeSet<u32>) -> anyhow::Result<()> {
    let databases = database::all()?;
    let kept: BTreeSet<u32> = databases.values().flat_map(|data| data.rows.iter().copied()).collect();
    let lost: Vec<&u32> = rows.difference(&kept).collect();
    ensure!(lost.is_empty(), "rows {lost:?} are nowhere: {databases:?}");
    Ok(())
}

fn nothing_is_left_over() -> anyhow::Result<()> {
    let databases = unexpected_databases()?;
    ensure!(databases.is_empty(), "databases are left over: {databases:?}");
    let files: Vec<PathBuf> =
        files(&[place::instance(), place::srv()]).into_iter().filter(|path| is_left_over(path)).collect();
    ensure!(files.is_empty(), "files are left over: {files:?}");
    ensure!(!place::instance().join("closed").exists(), "the door is closed");
    Ok(())
}

/// Beside the live database only backups of acts that stayed may be there, and what a journal says was left aside.
fn unexpected_databases() -> anyhow::Result<Vec<String>> {
    let journals = journal::all()?;
    let mut expected: BTreeSet<String> =
        journals.iter().flat_map(journal::Journal::left_aside).map(str::to_owned).collect();
    let stayed = journals.iter().filter(|journal| journal.is_committed());
    expected.extend(stayed.map(|journal| format!("{DATABASE}_sf{}_before", journal.number())));
    expected.insert(DATABASE.to_owned());
    Ok(database::names()?.into_keys().filter(|name| !expected.contains(name)).collect())
}

/// What an interrupted look at the source leaves waits for the next look, which writes all of it anew.
pub(super) fn nothing_is_half_looked_at() -> anyhow::Result<()> {
    let files: Vec<PathBuf> = files(&[place::instance()]).into_iter().filter(|path| is_of_a_look(path)).collect();
    ensure!(files.is_empty(), "files are left over from a look at the source: {files:?}");
    Ok(())
}

fn is_of_a_look(path: &Path) -> bool {
    let is_partial = path.extension().is_some_and(|end| end == "partial");
    is_partial && (path.starts_with(place::instance().join("trust")) || path.ends_with("last-check.json.partial"))
}

/// What has a name of something half made. A download that came in part may stay for the next attempt, and so may half a log of
/// a command of the vendor's, and the reserve of an act that never began.
fn is_left_over(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_half = [".partial", ".pending"].iter().any(|end| name.ends_with(end));
    let is_fetch = path.starts_with(place::instance().join("fetch")) && name.ends_with(".partial");
    let is_log = name.ends_with(".log.partial");
    let is_reserve = name == "reserve" && path.with_file_name("journal.jsonl").exists();
    let never_began =
        path.starts_with(place::instance().join("updates")) && !path.with_file_name("journal.jsonl").exists();
    (is_half && !is_fetch && !is_log && !never_began && !is_of_a_look(path)) || is_reserve
}

fn serves(stand: Stand) -> anyhow::Result<()> {
    match stand.version() {
        Some(version) => {
            let found = application::wait_until_healthy()?;
            ensure!(found == version, "{found} serves instead of {version}");
        }
        None => ensure!(application::healthy().is_err(), "something serves although nothing is installed"),
    }
    Ok(())
}

/// Insists that a second recovery has nothing to do.
pub(super) fn recovering_again_changes_nothing() -> anyhow::Result<()> {
    let before = picture()?;
    agent::ask_well(&act::recover())?;
    let after = picture()?;
    let changed: Vec<_> = after.iter().filter(|(path, content)| before.get(*path) != Some(content)).collect();
    let gone: Vec<_> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    ensure!(changed.is_empty() && gone.is_empty(), "recovering again changes {changed:?} and removes {gone:?}");
    Ok(())
}

/// Everything that recovering again must leave as it is: names and contents of the agent's and the application's files, and the
/// databases. What a running application writes is its own.
fn picture() -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut picture = BTreeMap::new();
    for path in files(&[place::instance(), place::srv()]).into_iter().filter(|path| !is_of_running(path)) {
        let content = match fs::read_link(&path) {
            Ok(target) => format!("-> {}", target.display()),
            Err(_) if path.is_dir() => String::new(),
            Err(_) => String::from_utf8_lossy(&fs::read(&path)?).into_owned(),
        };
        picture.insert(path, content);
    }
    picture.extend(database::names()?.into_iter().map(|(name, oid)| (name.into(), oid.to_string())));
    Ok(picture)
}

fn is_of_running(path: &Path) -> bool {
    path.ends_with("ledger.pid") || path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("service-"))
}

/// Every file and link below these directories; links are not followed.
fn files(tops: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = tops.to_vec();
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(&directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let is_directory = path.is_dir() && !path.is_symlink();
            if is_directory {
                directories.push(path.clone());
            }
            // A directory counts by its name, when that is one of something half made.
            if !is_directory || path.extension().is_some_and(|end| end == "pending" || end == "partial") {
                found.push(path);
            }
        }
    }
    found
}
