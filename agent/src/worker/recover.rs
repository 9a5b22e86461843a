//! Before anything else: whatever a crash left open is finished or undone, in every instance. What cannot be is no reason to leave
//! the next one down; it is remembered for whoever asks for that instance.

use manifest_schema::path::Name;

use super::outcome::told;
use super::update::manifest_of;
use super::{Asker, Reply, Work, services};
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::journal::{self, Journal, history};
use crate::layout::InstanceLayout;
use crate::request::Request;
use crate::update::resume::{self, Next};
use crate::update::{self, Outcome, World, engine};

/// What recovering came to.
#[derive(Default)]
pub(super) struct Recovered {
    /// The instances that could not be put right, and why.
    troubles: Vec<(Name, Failure)>,
    /// What became of the stuck update that a person wants taken up again.
    resumed: Option<Reply>,
    /// What became of the others.
    done: Vec<String>,
}

/// Recovers every instance that the state knows, whether it is still configured or not: the plan is in the journal.
pub(super) fn every_instance(work: &mut Work<'_>, request: &Request) -> Result<Recovered, Failure> {
    let resume =
        if let Request::Resume { instance } = request { Some(stuck_one(work, instance.as_ref())) } else { None };
    let resume = resume.and_then(Result::ok);
    let mut recovered = Recovered::default();
    for name in known(work)? {
        match one_instance(work, &name, resume.as_ref() == Some(&name)) {
            Ok(Some(reply)) if resume.as_ref() == Some(&name) => recovered.resumed = Some(reply),
            Ok(Some(reply)) => recovered.done.push(reply.message),
            Ok(None) => {}
            Err(failure) => recovered.troubles.push((name, failure)),
        }
    }
    // Whoever asked for something else hears of it beside the answer.
    if *request != Request::Recover {
        recovered.done.iter().for_each(|message| work.note(message));
    }
    Ok(recovered)
}

fn one_instance(work: &mut Work<'_>, name: &Name, resume: bool) -> Result<Option<Reply>, Failure> {
    let here = work.layout.instance(name);
    let journals = journals(&here, name)?;
    let Some(open) = history::open(&journals) else {
        // Whoever brought the last update to its end may have been cut off before the door was open again.
        return durable::remove_made(&here.closed()).map(|()| None).map_err(|error| Failure::early(&error));
    };
    match recover(work, open.clone(), resume)? {
        Some(Outcome::Stuck { reason }) => Err(stuck(name, &reason)),
        Some(outcome @ Outcome::Waiting { .. }) => {
            let Reply { exit, message, .. } = told(open.plan(), outcome);
            Err(Failure::new(exit, message))
        }
        Some(outcome @ (Outcome::Completed | Outcome::RolledBack { .. })) => Ok(Some(told(open.plan(), outcome))),
        None => Ok(None),
    }
}

impl Recovered {
    /// Nothing is done to an instance whose last update is neither finished nor undone.
    pub(super) fn is_free(&self, name: &Name) -> Result<(), Failure> {
        let trouble = self.troubles.iter().find(|(troubled, _)| troubled == name);
        trouble.map_or(Ok(()), |(_, failure)| Err(Failure::new(failure.exit, failure.message.clone())))
    }

    /// The instances in trouble other than these.
    pub(super) fn others<'a>(&'a self, known: &'a [&Name]) -> impl Iterator<Item = &'a Failure> {
        self.troubles.iter().filter(|(name, _)| !known.contains(&name)).map(|(_, failure)| failure)
    }

    /// What is said of all of it: that something may pass counts first, since then it is worth trying again.
    pub(super) fn all(&self) -> Result<Reply, Failure> {
        let failures = || self.troubles.iter().map(|(_, failure)| failure);
        let Some(worst) = failures().find(|failure| failure.exit != Exit::Stuck).or(failures().next()) else {
            let done = self.done.join("; ");
            return Ok(Reply::well(if done.is_empty() { "nothing is open".to_owned() } else { done }));
        };
        let messages: Vec<&str> = failures().map(|failure| failure.message.as_str()).collect();
        Err(Failure::new(worst.exit, messages.join("; ")))
    }
}

/// `surefoot resume`: the update was taken up with everything else; this says what came of it. That it was put back is what was
/// asked for.
pub(super) fn resumed(work: &mut Work<'_>, wanted: Option<&Name>) -> Result<Reply, Failure> {
    if let Some(reply) = work.recovered.resumed.take() {
        return Ok(Reply::well(reply.message));
    }
    let name = stuck_one(work, wanted)?;
    work.recovered.is_free(&name).map(|()| Reply::well(format!("{name}: nothing is stuck any more")))
}

/// The instance that a person means who speaks of a stuck update: the named one, or the only one with such an update.
pub(super) fn stuck_one(work: &Work<'_>, wanted: Option<&Name>) -> Result<Name, Failure> {
    let mut stuck = known(work)?;
    stuck.retain(|name| wanted.is_none_or(|wanted| wanted == name) && needs_a_person(work, name));
    match (stuck.pop(), wanted) {
        (Some(name), _) if stuck.is_empty() => Ok(name),
        (Some(name), _) => {
            let all: Vec<&str> = stuck.iter().chain([&name]).map(Name::as_str).collect();
            Err(Failure::new(
                Exit::Usage,
                format!("more than one is stuck ({}): name one with --instance", all.join(", ")),
            ))
        }
        (None, Some(wanted)) => Err(Failure::new(Exit::NotFound, format!("{wanted}: no update is stuck"))),
        (None, None) => Err(Failure::new(Exit::NotFound, "no update is stuck")),
    }
}

fn needs_a_person(work: &Work<'_>, name: &Name) -> bool {
    match journal::read_all(&work.layout.instance(name).updates()) {
        Ok(journals) => history::open(&journals).is_some_and(|open| matches!(resume::next(open), Next::Stuck(_))),
        Err(_) => true,
    }
}

pub(super) fn journals(here: &InstanceLayout, name: &Name) -> Result<Vec<Journal>, Failure> {
    journal::read_all(&here.updates()).map_err(|error| {
        Failure::new(Exit::Stuck, format!("{name}: {}{}", crate::exit::chain(&error), error.way_out("")))
    })
}

fn stuck(instance: &Name, reason: &str) -> Failure {
    let ways = "See 'surefoot log'; mend the cause and run 'surefoot resume', \
                or put it right by hand and run 'surefoot abandon'";
    Failure::new(Exit::Stuck, format!("{instance}: an update is stuck: {reason}. {ways}"))
}

fn recover(work: &mut Work<'_>, mut open: Journal, resume: bool) -> Result<Option<Outcome>, Failure> {
    // Half a copy of the manifest, which was written when nothing had been begun yet, is of no use to anybody.
    durable::remove_file(&durable::beside(&manifest_of(open.directory()), ".partial"))
        .map_err(|error| Failure::early(&error))?;
    let (plan, written) = (open.plan().clone(), open.entries().len());
    let mut services = services(&plan.instance, open.directory().to_owned());
    let mut world = World {
        layout: work.layout,
        services: &mut *services,
        ask: &mut Asker::new(work.layout),
        clock: &work.clock,
        tell: &mut *work.tell,
        delivery: None,
    };
    let is_stuck = matches!(resume::next(&open), Next::Stuck(_));
    let outcome = if resume && is_stuck {
        engine::take_up(&mut open, &mut world)
    } else {
        update::recover(&mut open, &mut world)
    };
    let outcome = outcome.map_err(|error| Failure::of(Exit::Unexpected, &error))?;
    // One that was stuck before has been explained before.
    if let Some(outcome) = outcome.as_ref().filter(|_| open.entries().len() > written) {
        work.explain_later(&open, outcome);
        let Reply { exit, message, .. } = told(&plan, outcome.clone());
        work.audit_ended(&plan, exit, &message);
    }
    Ok(outcome)
}

/// The instances that have a state, in the order of their names.
fn known(work: &Work<'_>) -> Result<Vec<Name>, Failure> {
    let state = work.layout.state();
    let read =
        |error: std::io::Error| Failure::new(Exit::Unexpected, format!("cannot read {}: {error}", state.display()));
    let mut known: Vec<Name> = Vec::new();
    for entry in std::fs::read_dir(&state).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
        known.extend(name.filter(|_| entry.path().is_dir()));
    }
    known.sort();
    Ok(known)
}
