//! Before anything else: whatever a crash left open is finished or undone.

use manifest_schema::path::Name;

use super::outcome::told;
use super::{Asker, Reply, Work, services};
use crate::exit::{Exit, Failure};
use crate::journal::{self, Journal, history};
use crate::layout::InstanceLayout;
use crate::request::Request;
use crate::update::{self, Outcome, World, engine};

/// Recovers every instance that the state knows, whether it is still configured or not: the plan is in the journal.
pub(super) fn every_instance(work: &mut Work<'_>, resume: Option<&Request>) -> Result<(), Failure> {
    let mut first = Ok(());
    for here in known(work)? {
        // One that cannot be put right is no reason to leave the next one down.
        first = first.and(one_instance(work, &here, resume));
    }
    first
}

fn one_instance(work: &mut Work<'_>, here: &InstanceLayout, resume: Option<&Request>) -> Result<(), Failure> {
    let journals = journals(here)?;
    let Some(open) = history::open(&journals) else { return Ok(()) };
    let instance = &open.plan().instance.name;
    let resume = resume.is_some_and(|request| request.instance().is_none_or(|wanted| wanted == instance));
    match recover(work, open.clone(), resume)? {
        Some(Outcome::Stuck { reason }) => Err(stuck(instance, &reason)),
        Some(outcome) => {
            let Reply { message, .. } = told(open.plan(), outcome);
            work.note(message);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Nothing is done to an instance whose last update is neither finished nor undone.
pub(super) fn is_free(here: &InstanceLayout) -> Result<(), Failure> {
    let journals = journals(here)?;
    match history::open(&journals).map(|open| (open, update::resume::next(open))) {
        Some((open, update::resume::Next::Stuck(reason))) => Err(stuck(&open.plan().instance.name, &reason)),
        Some(_) | None => Ok(()),
    }
}

fn journals(here: &InstanceLayout) -> Result<Vec<Journal>, Failure> {
    journal::read_all(&here.updates()).map_err(|error| Failure::of(Exit::Stuck, &error))
}

fn stuck(instance: &Name, reason: &str) -> Failure {
    Failure::new(Exit::Stuck, format!("{instance}: an update is stuck: {reason}"))
}

fn recover(work: &mut Work<'_>, mut open: Journal, resume: bool) -> Result<Option<Outcome>, Failure> {
    let (plan, written) = (open.plan().clone(), open.entries().len());
    let mut services = services(&plan.instance, open.directory().to_owned());
    let mut world = World {
        layout: work.layout,
        services: &mut *services,
        ask: &mut Asker::default(),
        clock: &work.clock,
        tell: &mut *work.tell,
        delivery: None,
    };
    let is_stuck = matches!(update::resume::next(&open), update::resume::Next::Stuck(_));
    let outcome = if resume && is_stuck {
        engine::take_up(&mut open, &mut world)
    } else {
        update::recover(&mut open, &mut world)
    };
    let outcome = outcome.map_err(|error| Failure::of(Exit::Unexpected, &error))?;
    // One that was stuck before has been explained before.
    if let Some(outcome) = outcome.as_ref().filter(|_| open.entries().len() > written) {
        work.explain_later(&open, outcome);
    }
    Ok(outcome)
}

/// The instances that have a state.
fn known(work: &Work<'_>) -> Result<Vec<InstanceLayout>, Failure> {
    let state = work.layout.state();
    let read =
        |error: std::io::Error| Failure::new(Exit::Unexpected, format!("cannot read {}: {error}", state.display()));
    let mut known = Vec::new();
    for entry in std::fs::read_dir(&state).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
        known.extend(name.filter(|_| entry.path().is_dir()).map(|name| work.layout.instance(&name)));
    }
    Ok(known)
}
