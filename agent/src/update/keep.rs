//! Vacuum: after the commit, what no way back needs any more goes.
//!
//! Kept are the current release, the one before it, and the backups of the last updates for as many days as the client
//! says ([`expire`]). What a rollback left aside is kept as long.

mod expire;

use manifest_schema::version::ReleaseVersion;

pub use expire::{days_after, expire, is_expired, kept_until};

use super::step::reserve::give_up_all;
use super::step::stage::{check_home, remove_release};
use super::{StepError, Walk};
use crate::durable;
use crate::plan::Act;

/// Tidies up after a good update. Everything here can be done again.
pub(super) fn vacuum(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    durable::remove_tree(&walk.here.fetch())?;
    durable::remove_made(&walk.here.closed())?;
    give_up_all(walk)?;
    check_home(&walk.app)?;
    if walk.plan.act == Act::Release {
        return give_up_home(walk);
    }
    remove_old_releases(walk)
}

/// After `release` the home holds nothing of the application's any more, unless it was put there by hand. Where this was put off
/// and the directory is managed again, it does.
fn give_up_home(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let releases = walk.app.releases();
    if walk.app.current().is_symlink() {
        // Only what an attempt that was cut off left of it.
        return Ok(durable::remove_tree(&durable::beside(&releases, ".pending"))?);
    }
    Ok(remove_release(&releases)?)
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
        match name.to_str().filter(|name| !is_kept && looks_like_ours(Some(name))) {
            Some(name) if name.ends_with(".pending") => durable::remove_tree(&entry.path())?,
            Some(_) => remove_release(&entry.path())?,
            None => {}
        }
    }
    // What an attempt that was cut off had removed is not listed any more, and may not come back either.
    Ok(durable::sync_dir(&walk.app.releases())?)
}

/// Only what the agent itself makes is removed: `X.Y.Z` and `X.Y.Z.pending`.
fn looks_like_ours(name: Option<&str>) -> bool {
    let version = name.map(|name| name.strip_suffix(".pending").unwrap_or(name));
    version.is_some_and(|version| version.parse::<ReleaseVersion>().is_ok())
}
