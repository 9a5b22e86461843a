//! Vacuum: after the commit, what no way back needs any more goes.
//!
//! Kept are the current release, the one before it, and the backups of the last updates for as many days as the client
//! says. What a rollback left aside is kept as long.

use jiff::{SignedDuration, Timestamp};
use manifest_schema::version::ReleaseVersion;

use super::step::stage::check_home;
use super::{StepError, Walk, with_store};
use crate::durable;
use crate::journal::Journal;
use crate::plan::Act;
use crate::store::BackupTag;

/// Tidies up after a good update. Everything here can be done again.
pub(super) fn vacuum(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    durable::remove_tree(&walk.here.fetch())?;
    durable::remove_made(&walk.here.closed())?;
    check_home(&walk.app)?;
    if walk.plan.act == Act::Release {
        return give_up_home(walk);
    }
    remove_old_releases(walk)
}

/// After `release` the home holds nothing of the application's any more, unless it was put there by hand. Where this was put off
/// and the directory is managed again, it does.
fn give_up_home(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    if walk.app.current().is_symlink() {
        return Ok(());
    }
    Ok(durable::remove_tree(&walk.app.releases())?)
}

/// What runs now is kept as well: a vacuum that could not end is taken up again after later updates.
fn remove_old_releases(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let current = walk.app.current_version();
    let sides = std::iter::once(&walk.plan.to).chain(&walk.plan.from).map(|side| &side.version);
    let kept: Vec<String> = sides.chain(&current).map(ToString::to_string).collect();
    let Ok(entries) = std::fs::read_dir(walk.app.releases()) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_kept = name.to_str().is_some_and(|name| kept.iter().any(|kept| kept == name));
        if !is_kept && looks_like_ours(name.to_str()) {
            durable::remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// Only what the agent itself makes is removed: `X.Y.Z` and `X.Y.Z.pending`.
fn looks_like_ours(name: Option<&str>) -> bool {
    let version = name.map(|name| name.strip_suffix(".pending").unwrap_or(name));
    version.is_some_and(|version| version.parse::<ReleaseVersion>().is_ok())
}

/// Removes backups, and what was left aside, of updates that ended more than `days` ago. With its
/// backup an update can no longer be taken back where it had migrated. Called between updates.
///
/// # Errors
/// With the first that cannot be removed.
pub fn expire(
    journals: &[Journal],
    here: &crate::layout::InstanceLayout,
    days: u32,
    now: Timestamp,
) -> Result<(), StepError> {
    let oldest = now - SignedDuration::from_hours(24 * i64::from(days));
    for journal in journals.iter().filter(|journal| !journal.is_open()) {
        let ended = journal.entries().last().map_or(now, |entry| entry.at);
        // A mark and no record: the journal is over.
        let mark = journal.directory().join("expired");
        if ended < oldest && !mark.exists() {
            discard(journal, here)?;
            durable::remove_tree(&here.backup(journal.plan().id))?;
            durable::write_atomic(&mark, b"", 0o640)?;
        }
    }
    Ok(())
}

fn discard(journal: &Journal, here: &crate::layout::InstanceLayout) -> Result<(), StepError> {
    let plan = journal.plan();
    let app = crate::layout::AppLayout::new(&plan.instance.directory);
    let vendor = super::vendor(plan, here, journal.directory());
    let (tag, directory) = (BackupTag::of_update(plan.id), here.backup(plan.id));
    for name in plan.backups().map(|backup| backup.database.clone()) {
        let sides = std::iter::once(&plan.to).chain(&plan.from);
        let Some(database) = super::find_database(sides, &name) else { continue };
        with_store(&database, &vendor, &app, |store| {
            store.discard(&tag, &directory)?;
            store.forget_left(&tag, &directory)?;
            store.forget_left(&BackupTag::of_restore(plan.id), &directory)
        })
        .map_err(|source| StepError::Store { database: name, source: Box::new(source) })?;
    }
    Ok(())
}
