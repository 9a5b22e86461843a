//! `surefoot rollback`: what goes back and what that costs, as a picture; then the question; then it is done.

use jiff::{SignedDuration, Timestamp};
use manifest_schema::path::Name;

use super::ask::{Ended, act, agreed, finish, request, say};
use super::{print, words};
use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::request::Request;
use crate::worker::rollback::{Becomes, Cost};

/// Columns of a line's heading.
const HEADING: usize = 16;

/// What to do with what it costs.
pub(super) struct How {
    /// Only say it.
    pub(super) dry_run: bool,
    /// Say it in JSON.
    pub(super) json: bool,
    /// Even though the vendor says that there is no way back.
    pub(super) force: bool,
    /// Do not ask.
    pub(super) yes: bool,
}

/// Says what a rollback costs, asks, and does it.
pub(super) fn run(layout: &Layout, instance: Option<Name>, how: &How) -> Result<Exit, Failure> {
    let asked = Request::Rollback { instance: instance.clone(), dry_run: true, force: how.force };
    let cost = request(layout, &asked, &mut |_| {})?;
    if cost.exit != Exit::Ok {
        return finish(cost);
    }
    if how.json {
        print::json(&cost.answer)?;
        return Ok(Exit::Ok);
    }
    print::text(&picture(&cost))?;
    if how.dry_run {
        return Ok(Exit::Ok);
    }
    if !how.yes && !agreed("Go back?")? {
        say("nothing was done");
        return Ok(Exit::Ok);
    }
    act(layout, Request::Rollback { instance, dry_run: false, force: how.force })
}

/// The agent that runs may be an older one, which says it in a sentence only.
fn picture(ended: &Ended) -> String {
    let cost = ended.answer.clone().and_then(|answer| serde_json::from_value::<Cost>(answer).ok());
    cost.map_or_else(|| format!("{}\n", ended.message), |cost| tell(&cost, print::Screen::of_stdout().width))
}

fn tell(cost: &Cost, width: usize) -> String {
    let line = |what: &str, says: &str| words::wrap(&words::pad(&format!("  {what}"), HEADING), says, width);
    let mut text = words::wrap("", &cost.sentence(), width) + "\n";
    text += &line("code", &format!("{} → {}", cost.from, cost.to));
    if let Some(floor) = &cost.below_floor {
        let says = format!("{} has a known hole: the vendor lets nothing in below {floor}", cost.to);
        text += &line("SECURITY", &says);
    }
    for fate in &cost.databases {
        text += &words::wrap(
            &words::pad("  database", HEADING),
            &format!("{}: {}", fate.database, becomes(&fate.becomes)),
            width,
        );
    }
    if !cost.files.is_empty() {
        text += &line("files", &format!("stay as they are: {}", cost.files.join(", ")));
    }
    text + &line("services", &services(cost)) + "\n"
}

fn becomes(becomes: &Becomes) -> String {
    match becomes {
        Becomes::Stays { migrated: false } => "stays as it is; the update had not changed it".to_owned(),
        Becomes::Stays { migrated: true } => {
            "stays as it is, with all that was written since; the release before works with it".to_owned()
        }
        Becomes::Before { made_at, age_seconds, bytes, bytes_now, kept_as, kept_until } => format!(
            "goes back to its backup of {} ({} old, {}); what was written since is not in it\n\
             what is there now ({}) is kept until {} as\n{kept_as}",
            words::moment(*made_at),
            words::span(SignedDuration::from_secs(*age_seconds)),
            words::size(*bytes),
            words::size(*bytes_now),
            day(*kept_until),
        ),
    }
}

fn day(at: Timestamp) -> String {
    words::moment(at).split(' ').next().unwrap_or_default().to_owned()
}

fn services(cost: &Cost) -> String {
    let names: Vec<&str> = cost.services.iter().map(Name::as_str).collect();
    let stop = format!("{} stop and start", names.join(", "));
    match cost.downtime_seconds.and_then(|seconds| i64::try_from(seconds).ok()) {
        Some(seconds) => {
            let span = words::span(SignedDuration::from_secs(seconds));
            format!("{stop}; down for about {span}, as the update was")
        }
        None => format!("{stop}; for how long nothing tells"),
    }
}

#[cfg(test)]
mod tests;
