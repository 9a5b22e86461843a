//! `surefoot rollback`: back to the release before, because an admin says so; and what that costs, said before it is done.
//! What would stand in its way is found before anything is touched: a backup that is not whole, a database that does not answer, no
//! room.

mod cost;
mod scene;

pub use cost::{Becomes, Cost, Fate};

use manifest_schema::manifest::Manifest;

use super::update::{begin, execute, manifest_of};
use super::{Reply, Work, check, room, vendor};
use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::journal::{Journal, history};
use crate::plan::Side;
use scene::Scene;

/// Takes the last good update back. One whose vendor says that there is no way back is taken back only by force: what it has
/// done outside of its databases and files, nobody here can undo.
pub(super) fn rollback(
    work: &mut Work<'_>,
    settings: &Settings,
    dry_run: bool,
    force: bool,
    by: &str,
) -> Result<Reply, Failure> {
    let journals = check::journals(work, settings)?;
    let (update, previous) = taken_back(settings, &journals)?;
    if !force {
        refuse_without_a_way_back(settings, update, &previous)?;
    }
    let id = work.next_id(settings, &journals)?;
    let scene = Scene { work, settings, update, id, vendor: vendor(&settings.instance, &work.here(settings)) };
    let found = scene.examine()?;
    let cost = scene.cost(&previous, &found);
    let noted: Vec<String> = found.iter().filter_map(|found| found.noted.clone()).collect();
    let plan = scene.plan(previous, found, by);
    room::check(work, settings, &plan, 0, "the rollback")?;
    if dry_run {
        let answer = serde_json::to_value(&cost).expect("a cost has only text keys");
        return Ok(Reply { exit: Exit::Ok, message: cost.sentence(), answer: Some(answer) });
    }
    noted.into_iter().for_each(|text| work.note(text));
    let mut journal = begin(work, settings, plan)?;
    execute(work, &mut journal, None)
}

fn taken_back<'a>(settings: &Settings, journals: &'a [Journal]) -> Result<(&'a Journal, Side), Failure> {
    let nothing = |reason: &str| Failure::new(Exit::NotFound, format!("{}: {reason}", settings.instance.name));
    let update = history::can_be_taken_back(journals).ok_or_else(|| nothing("there is no update to take back"))?;
    let previous = update.plan().from.clone().ok_or_else(|| nothing("there is no release before"))?;
    if !settings.app().release(&previous.version).is_dir() {
        return Err(nothing(&format!("release {} is not kept any more", previous.version)));
    }
    Ok((update, previous))
}

/// # Errors
/// Where the vendor says that what `update` brought cannot be taken back, and that `--force` is the way for who knows better.
fn refuse_without_a_way_back(settings: &Settings, update: &Journal, previous: &Side) -> Result<(), Failure> {
    if !has_no_way_back(update) {
        return Ok(());
    }
    let (name, version, previous) = (&settings.instance.name, &update.plan().to.version, &previous.version);
    let text = format!(
        "{name}: the vendor says that {version} cannot be rolled back: {previous} may not work with what it has done. \
         If you know that it does: 'surefoot rollback --force'"
    );
    Err(Failure::new(Exit::Refused, text))
}

/// What the manifest says that lies beside the journal. Where it does not any more, nobody has said so.
fn has_no_way_back(update: &Journal) -> bool {
    let bytes = std::fs::read(manifest_of(update.directory())).unwrap_or_default();
    Manifest::read(&bytes).is_ok_and(|manifest| !manifest.rollback_supported)
}
