//! Stage: the artifact's files → `releases/X.Y.Z.pending` → `releases/X.Y.Z`, complete and durable, used by nobody yet.

use std::path::{Path, PathBuf};

use manifest_schema::path::ReleasePath;
use manifest_schema::profile::{Kept, KeptType};

use super::{StepError, fetch};
use crate::durable::{self, TreeWriter};
use crate::event::{Event, Unit};
use crate::layout::AppLayout;
use crate::plan::ArtifactRef;
use crate::unpack;
use crate::update::Walk;

/// The name gets its meaning last: until the rename nothing takes the tree for a release.
pub(super) fn apply(walk: &mut Walk<'_, '_>, wanted: &ArtifactRef) -> Result<(), StepError> {
    let artifact = fetch::listed(walk, wanted)?;
    let (release, pending) = (walk.release(), pending(walk));
    is_not_current(walk)?;
    check_home(&walk.app)?;
    remove_release(&release)?;
    make_home(&walk.app)?;
    for kept in &walk.plan.to.profile.keep {
        make_kept(walk, kept)?;
    }
    let mut tree = TreeWriter::create(&pending, walk.owner())?;
    let file = fetch::pending(walk, wanted);
    let delivery = walk.world.delivery.as_ref().ok_or_else(|| StepError::Missing("there is no source".to_owned()))?;
    let (manifest, tell) = (delivery.manifest, &mut *walk.world.tell);
    let total = manifest.unpacked_size;
    unpack::unpack(&file, &artifact, &manifest.files, &mut tree, &mut |done| {
        tell(Event::Progress { done, total, unit: Unit::Bytes });
    })?;
    link_kept(&mut tree, &walk.plan.to.profile.keep)?;
    durable::sync_tree(&pending)?;
    durable::rename(&pending, &release)?;
    Ok(())
}

/// Invalid first, then gone. What runs now was not staged here: the apply has refused it.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    if is_not_current(walk).is_err() {
        return Ok(());
    }
    match check_home(&walk.app) {
        // What is there was not staged by the agent: the apply has refused it, or cannot be found any more.
        Err(error) if error.is_foreign() => return Ok(()),
        checked => checked?,
    }
    Ok(remove_release(&walk.release())?)
}

fn pending(walk: &Walk<'_, '_>) -> PathBuf {
    beside(&walk.release())
}

fn beside(release: &Path) -> PathBuf {
    durable::beside(release, ".pending")
}

/// Removes a tree whose name says that it is whole, and what an attempt that was cut off left beside it. The name goes first:
/// at no instant does half a tree have it.
pub(in crate::update) fn remove_release(release: &Path) -> durable::Result<()> {
    let pending = beside(release);
    durable::remove_tree(&pending)?;
    if std::fs::symlink_metadata(release).is_ok() {
        durable::rename(release, &pending)?;
        durable::remove_tree(&pending)?;
    }
    Ok(())
}

/// A belt besides the braces of the plan: the tree that serves is never touched.
fn is_not_current(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    if walk.app.current_version().as_ref() == Some(&walk.plan.to.version) {
        return Err(StepError::Missing(format!("{} is what runs now", walk.plan.to.version)));
    }
    Ok(())
}

/// Refuses places beside the application's directory that are not the agent's own: they lie in a directory that may be
/// the application's user's, who can then put a link or another directory under their names. That they are not there is
/// fine.
///
/// Who owns the directory above can still do so after this look (see [`durable::own_dir`]).
pub(in crate::update) fn check_home(app: &AppLayout) -> Result<(), durable::Error> {
    places(app).iter().try_for_each(|directory| durable::own_dir(directory))
}

/// Makes the places beside the application's directory. They are the agent's: the application may write into what
/// survives, and into its own releases, not beside them.
pub(super) fn make_home(app: &AppLayout) -> Result<(), durable::Error> {
    for directory in places(app) {
        durable::own_dir(&directory)?;
        durable::make_dirs(&directory, 0o755)?;
        durable::own_dir(&directory)?;
    }
    Ok(())
}

fn places(app: &AppLayout) -> [PathBuf; 3] {
    [app.home(), app.releases(), app.shared()]
}

/// A directory that survives exists from the first release on; a file is the admin's to bring.
fn make_kept(walk: &Walk<'_, '_>, kept: &Kept) -> Result<(), StepError> {
    let path = walk.app.shared().join(&kept.path);
    if let Some(parent) = path.parent() {
        durable::make_dirs(parent, 0o755)?;
    }
    if kept.kind == KeptType::Directory && !path.exists() {
        // Only what was made just now is given away.
        TreeWriter::create(&path, walk.owner())?;
    }
    Ok(())
}

fn link_kept(tree: &mut TreeWriter, keep: &[Kept]) -> Result<(), StepError> {
    for kept in keep {
        tree.create_link(kept.path.as_ref(), &link_to_shared(&kept.path))?;
    }
    Ok(())
}

/// From its place in `releases/X.Y.Z` to its place in `shared`: relative, so that a home can be moved as a whole.
pub(in crate::update) fn link_to_shared(path: &ReleasePath) -> PathBuf {
    let up = path.components().count() + 1;
    let mut link: PathBuf = std::iter::repeat_n("..", up).collect();
    link.push("shared");
    link.push(Path::new(path.as_str()));
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_from_any_depth_to_what_survives() {
        assert_eq!(link_to_shared(&".env".parse().unwrap()), Path::new("../../shared/.env"));
        assert_eq!(link_to_shared(&"data/uploads".parse().unwrap()), Path::new("../../../shared/data/uploads"));
    }
}
