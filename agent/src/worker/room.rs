//! Room: what an act will take on which file system, asked before anything is begun.
//!
//! This look can be overtaken by whoever else writes; what the downtime needs is set aside by a step of the act itself.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use manifest_schema::manifest::Manifest;
use manifest_schema::path::Name;

use super::Work;
use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::plan::space::{Extent, Reserve, Shelf};
use crate::plan::{Plan, Step};
use crate::store::Condition;

/// What room a database needs, and on which of the agent's file systems it lies.
pub(super) fn extent(work: &Work<'_>, settings: &Settings, database: &Name, condition: &Condition) -> Extent {
    let place = condition.place.as_deref().and_then(device);
    let is_on = |path: &Path| place.is_some() && place == device(path);
    let lies = if is_on(work.here(settings).state()) {
        Some(Shelf::State)
    } else {
        is_on(&settings.app().home()).then_some(Shelf::Home)
    };
    let Condition { needed, beside, aside, .. } = *condition;
    Extent { database: database.clone(), backup: needed, beside, aside, lies }
}

/// Room for the artifact, the unpacked release, as much again for what is built in it, and for what will be set aside.
pub(super) fn check_release(
    work: &Work<'_>,
    settings: &Settings,
    manifest: &Manifest,
    plan: &Plan,
) -> Result<(), Failure> {
    let artifact = manifest.artifacts.iter().map(|artifact| artifact.length).max().unwrap_or(0);
    let tree = manifest.unpacked_size.saturating_mul(2).saturating_add(artifact);
    check(work, settings, plan, tree, &manifest.version.to_string())?;
    let place = settings.instance.directory.parent().unwrap_or(&settings.instance.directory);
    let Ok(room) = rustix::fs::statvfs(place) else { return Ok(()) };
    let files = manifest.files.len() as u64;
    if room.f_files > 0 && room.f_favail < files.saturating_mul(2) {
        return Err(Failure::new(
            Exit::Refused,
            format!("{} has {} inodes free, {} needs {}", place.display(), room.f_favail, manifest.version, files * 2),
        ));
    }
    Ok(())
}

/// Room for `tree` bytes beside the application, and for what the plan will set aside, wherever these lie.
pub(super) fn check(work: &Work<'_>, settings: &Settings, plan: &Plan, tree: u64, what: &str) -> Result<(), Failure> {
    let (here, app) = (work.here(settings), settings.app());
    let beside = app.home().parent().map_or_else(|| app.home(), Path::to_owned);
    let (state, home) = (set_aside(plan, Shelf::State), set_aside(plan, Shelf::Home).saturating_add(tree));
    let with_way_back = format!("{what}, with the room that is set aside for its way back,");
    let what = if state == 0 && set_aside(plan, Shelf::Home) == 0 { what } else { &with_way_back };
    if device(&beside).is_some() && device(&beside) == device(here.state()) {
        return has_room(&beside, home.saturating_add(state), what);
    }
    has_room(&beside, home, what)?;
    has_room(here.state(), state, "the backup")
}

fn set_aside(plan: &Plan, shelf: Shelf) -> u64 {
    let reserves = plan
        .steps
        .iter()
        .flat_map(|step| if let Step::Reserve { reserves } = step { reserves.as_slice() } else { &[] });
    reserves.filter(|reserve: &&Reserve| reserve.shelf == shelf).map(|reserve| reserve.bytes).sum()
}

/// Refuses with both figures where `place` has less than `needed` bytes free.
pub(super) fn has_room(place: &Path, needed: u64, what: &str) -> Result<(), Failure> {
    let Ok(room) = rustix::fs::statvfs(place) else { return Ok(()) };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free >= needed {
        return Ok(());
    }
    let (place, free, needed) = (place.display(), mebibytes(free), mebibytes(needed));
    Err(Failure::new(Exit::Refused, format!("there is no room: {place} has {free} free, {what} needs {needed}")))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// The file system that a path lies on, or will.
fn device(path: &Path) -> Option<u64> {
    let there: Option<PathBuf> = path.ancestors().find(|path| path.exists()).map(Path::to_owned);
    std::fs::metadata(there?).ok().map(|meta| meta.dev())
}
