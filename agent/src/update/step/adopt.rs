//! Adopt: a plain directory becomes a link to the first release, while it serves.
//!
//! One exchange of two names does it: no instant has no application at its path. What survives an update then moves
//! beside the release, each path by an exchange of its own. Running processes notice nothing: they work in the
//! directory, whatever its name.

use std::path::{Path, PathBuf};

use manifest_schema::profile::Kept;

use super::StepError;
use super::stage::{check_home, link_to_shared, make_home};
use super::stop::put_door_in;
use crate::durable;
use crate::host::guard;
use crate::update::Walk;

/// Adopts the directory, or what is left to do of it.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    let release = walk.release();
    check_home(&walk.app)?;
    walk.plan.to.profile.keep.iter().try_for_each(|kept| can_move_out(walk, kept))?;
    make_home(&walk.app)?;
    if !walk.app.current().is_symlink() {
        durable::replace_link(&release, &walk.app.link_to(&walk.plan.to.version))?;
        durable::exchange(walk.app.current(), &release)?;
    }
    for kept in walk.plan.to.profile.keep.clone() {
        move_out(walk, &kept)?;
    }
    let to = walk.plan.to.clone();
    put_door_in(walk, &to)?;
    settle(walk)
}

/// Makes it a plain directory again. Also what `surefoot release` does.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    guard::remove(&walk.world.layout.units(), &walk.plan.to.profile.services)?;
    match check_home(&walk.app) {
        // Nothing was adopted into what is there: the apply has refused it.
        Err(error) if error.is_foreign() && !walk.app.current().is_symlink() => return Ok(()),
        checked => checked?,
    }
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
    settle(walk)
}

/// What an attempt that was cut off had exchanged is seen as done, and was perhaps not durable.
fn settle(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    Ok(durable::sync_tree(walk.app.current().parent().expect("the application's directory is not the root"))?)
}

fn places(walk: &Walk<'_, '_>, kept: &Kept) -> (PathBuf, PathBuf) {
    (walk.release().join(&kept.path), walk.app.shared().join(&kept.path))
}

/// Refuses, before anything is touched, what the move would destroy or lead elsewhere.
fn can_move_out(walk: &Walk<'_, '_>, kept: &Kept) -> Result<(), StepError> {
    let top = if walk.app.current().is_symlink() { walk.release() } else { walk.app.current().to_owned() };
    let (inside, outside) = (top.join(&kept.path), walk.app.shared().join(&kept.path));
    if inside.is_symlink() || !inside.exists() {
        return Ok(());
    }
    let mut above = Path::new(kept.path.as_str()).ancestors().skip(1).map(|above| top.join(above));
    if let Some(link) = above.find(|above| above != &top && above.is_symlink()) {
        return Err(StepError::Missing(format!("{} leads through a link, {}", inside.display(), link.display())));
    }
    let is_ours = std::fs::read_link(&outside).is_ok_and(|target| target == link_to_shared(&kept.path));
    if is_ours || std::fs::symlink_metadata(&outside).is_err() {
        return Ok(());
    }
    let (outside, inside) = (outside.display(), inside.display());
    Err(StepError::Missing(format!("{outside} is there already and would be lost to {inside}: move one of them away")))
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
