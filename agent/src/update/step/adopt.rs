//! Adopt: a plain directory becomes a link to the first release, while it serves.
//!
//! One exchange of two names does it: no instant has no application at its path. What survives an update then moves
//! beside the release, each path by an exchange of its own. Running processes notice nothing: they work in the
//! directory, whatever its name.

use std::path::PathBuf;

use manifest_schema::profile::Kept;

use super::StepError;
use super::stage::link_to_shared;
use super::stop::put_door_in;
use crate::durable;
use crate::host::guard;
use crate::update::Walk;

/// Adopts the directory, or what is left to do of it.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    let release = walk.release();
    for directory in [walk.app.home(), walk.app.releases(), walk.app.shared()] {
        durable::make_dirs(&directory, 0o755)?;
    }
    if !walk.app.current().is_symlink() {
        durable::replace_link(&release, &walk.app.link_to(&walk.plan.to.version))?;
        durable::exchange(walk.app.current(), &release)?;
    }
    for kept in walk.plan.to.profile.keep.clone() {
        move_out(walk, &kept)?;
    }
    let to = walk.plan.to.clone();
    put_door_in(walk, &to)
}

/// Makes it a plain directory again. Also what `surefoot release` does.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    guard::remove(&walk.world.layout.units(), &walk.plan.to.profile.services)?;
    for kept in walk.plan.to.profile.keep.clone() {
        move_back(walk, &kept)?;
    }
    let release = walk.release();
    if walk.app.current().is_symlink() && release.is_dir() && !release.is_symlink() {
        durable::exchange(walk.app.current(), &release)?;
    }
    if release.is_symlink() || !release.exists() {
        durable::remove_made(&release)?;
    }
    Ok(())
}

fn places(walk: &Walk<'_, '_>, kept: &Kept) -> (PathBuf, PathBuf) {
    (walk.release().join(&kept.path), walk.app.shared().join(&kept.path))
}

fn move_out(walk: &Walk<'_, '_>, kept: &Kept) -> Result<(), StepError> {
    let (inside, outside) = places(walk, kept);
    if inside.is_symlink() || !inside.exists() {
        return Ok(());
    }
    if let Some(parent) = outside.parent() {
        durable::make_dirs(parent, 0o755)?;
    }
    durable::replace_link(&outside, &link_to_shared(&kept.path))?;
    Ok(durable::exchange(&inside, &outside)?)
}

fn move_back(walk: &Walk<'_, '_>, kept: &Kept) -> Result<(), StepError> {
    let (inside, outside) = places(walk, kept);
    if inside.is_symlink() && outside.exists() && !outside.is_symlink() {
        durable::exchange(&inside, &outside)?;
    }
    if outside.is_symlink() || !outside.exists() {
        durable::remove_made(&outside)?;
    }
    Ok(())
}
