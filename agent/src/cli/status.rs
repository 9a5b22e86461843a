//! `surefoot status`: what runs, what is open, what is new, what waits. Read from files, so that it works whatever the agent does.

mod facts;
mod note;
mod problems;
mod standing;
mod vendor;

use serde::Serialize;

use super::{Format, Which, instances, print};
use crate::exit::{Exit, Failure};
use crate::layout::Layout;

use facts::{Agent, Status};

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    agent: Agent,
    instances: &'a [Status],
}

pub(super) fn run(layout: &Layout, which: &Which, format: Format) -> Result<Exit, Failure> {
    let now = jiff::Timestamp::now();
    let agent = facts::agent(layout);
    let settings = instances::some(layout, which)?;
    let all: Vec<Status> =
        settings.iter().map(|settings| facts::of(layout, settings, now)).collect::<Result<_, _>>()?;
    if format.json {
        print::json(&Answer { agent, instances: &all })?;
    } else {
        print::text(&note::tell(agent, &all, &print::Screen::of_stdout()))?;
    }
    Ok(exit(&all))
}

/// The worst of all: stuck, then files that stop an instance, then stale metadata.
fn exit(all: &[Status]) -> Exit {
    let problems = || all.iter().flat_map(|status| &status.problems).map(|problem| problem.exit);
    if all.iter().any(Status::is_stuck) || problems().any(|exit| exit == Exit::Stuck) {
        Exit::Stuck
    } else if let Some(exit) = problems().find(|exit| *exit != Exit::Ok) {
        exit
    } else if all.iter().any(|status| status.metadata.stale) {
        Exit::Stale
    } else {
        Exit::Ok
    }
}
