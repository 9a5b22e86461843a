//! The engine: applies the steps of a plan in their order, and reverts those begun in the reverse order when one fails.
//! Every intention is durable before it is acted on, every act before the next intention.

use std::time::Duration;

use super::around::Began;
use super::blame::Around;
use super::resume::{self, Next};
use super::{StepError, Walk, World, blame, keep, step};
use crate::event::Event;
use crate::exit::{Exit, chain};
use crate::journal::{Blame, Journal, JournalError, Record};
use crate::plan::Step;

/// The pauses between the tries of a revert, in seconds, before a person is needed. A database that starts together with the
/// machine is given its time.
const PAUSES: [u64; 6] = [0, 1, 2, 5, 15, 30];

/// How an update ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The new release stays.
    Completed,
    /// Everything is as before.
    RolledBack {
        /// Why, with its causes.
        error: String,
        /// Whether the old release had been stopped for it.
        touched: bool,
        /// What a script is told: [`Exit::RolledBack`], or why nothing was ever touched.
        exit: Exit,
        /// What is wrong with the old release, if it did not become healthy again.
        ill: Option<String>,
    },
    /// A person is needed.
    Stuck {
        /// Why, with its causes.
        reason: String,
    },
    /// It cannot be put back yet, for a reason that may pass by itself, such as a database server that is not up. The update
    /// stays open; who runs the engine tries again.
    Waiting {
        /// Why, with its causes.
        reason: String,
    },
}

/// Carries out the plan of a journal that has just begun.
///
/// # Errors
/// When the journal cannot be written: then nothing more is done, and the next start recovers.
pub fn run(journal: &mut Journal, world: &mut World<'_>) -> Result<Outcome, JournalError> {
    let mut walk = Walk::new(journal, world);
    match walk.forward()? {
        Ok(()) => walk.commit(),
        Err(failure) => walk.fail(failure),
    }
}

/// Finishes or undoes an update that a crash left open. Nothing is decided here that the records do not say.
///
/// # Errors
/// When the journal cannot be written.
pub fn recover(journal: &mut Journal, world: &mut World<'_>) -> Result<Option<Outcome>, JournalError> {
    let next = resume::next(journal);
    if next == Next::Nothing {
        return Ok(None);
    }
    if let Next::Stuck(reason) = next {
        // Written down, or a person who takes it up again would meet the same count of resumptions.
        if !journal.is_stuck() {
            journal.append(Record::Stuck { reason: reason.clone() }, world.clock.now())?;
        }
        return Ok(Some(Outcome::Stuck { reason }));
    }
    journal.append(Record::Resumed, world.clock.now())?;
    let mut walk = Walk::new(journal, world);
    if let Err(error) = walk.vendor.end_leftovers() {
        walk.note(chain(&error));
    }
    match next {
        Next::FinishForward => walk.finish(),
        Next::GoOnSoaking(_) => walk.go_on_soaking(),
        Next::Unwind if walk.has_failed() => walk.unwind(),
        Next::Unwind => walk.fail(Failure::cut_off("the agent or the machine stopped in the middle")),
        // Both have returned above.
        Next::Nothing | Next::Stuck(_) => Ok(Outcome::Completed),
    }
    .map(Some)
}

/// Lets a stuck update be tried again, because a person says that the cause is gone.
///
/// # Errors
/// When the journal cannot be written.
pub fn take_up(journal: &mut Journal, world: &mut World<'_>) -> Result<Option<Outcome>, JournalError> {
    journal.append(Failure::cut_off("taken up again by an admin").into(), world.clock.now())?;
    recover(journal, world)
}

/// What a journal is told of a failure.
struct Failure {
    step: Option<usize>,
    error: String,
    blame: Blame,
}

/// Why a revert does not succeed.
#[derive(Default)]
struct Hindrance {
    error: String,
    /// Whether it may be gone by itself in a while. How often that is hoped for is bounded as all resumptions are.
    may_pass: bool,
}

impl Failure {
    /// No step failed: somebody ended the agent, or the machine.
    fn cut_off(error: &str) -> Self {
        Self { step: None, error: error.to_owned(), blame: Blame::Agent }
    }
}

impl From<Failure> for Record {
    fn from(Failure { step, error, blame }: Failure) -> Self {
        Self::Failed { step, error, blame }
    }
}

impl Walk<'_, '_> {
    /// Applies all steps; answers the first that failed.
    fn forward(&mut self) -> Result<Result<(), Failure>, JournalError> {
        for number in 0..self.plan.steps.len() {
            self.announce(number);
            self.record(Record::Begun { step: number })?;
            let (planned, began) = (self.plan.steps[number].clone(), self.began());
            if let Err(error) = step::apply(self, &planned) {
                self.cause = step::cause(&planned, &error);
                return Ok(Err(self.judge(number, &error, began)));
            }
            self.record(Record::Applied { step: number })?;
        }
        Ok(Ok(()))
    }

    fn go_on_soaking(&mut self) -> Result<Outcome, JournalError> {
        let began = self.began();
        match step::probe::soak(self) {
            Ok(()) => self.commit(),
            Err(error) => {
                let failure = self.judge(self.plan.steps.len().saturating_sub(1), &error, began);
                self.fail(failure)
            }
        }
    }

    /// Says whose fault it is that a step failed.
    fn judge(&mut self, number: usize, error: &StepError, began: Began) -> Failure {
        let step = self.plan.steps.get(number).cloned().unwrap_or(Step::Probe);
        let told = self.told(error);
        let around = if blame::may_be_excused(&step, error) { self.around(began) } else { Around::default() };
        let (blame, error) = match blame::excuse(&step, &around) {
            Some(excuse) => (Blame::Environment, format!("{told}; {excuse}")),
            None => (blame::of(&step, error), told),
        };
        Failure { step: Some(number), error, blame }
    }

    /// The commit is this one append. No work happens in it.
    fn commit(&mut self) -> Result<Outcome, JournalError> {
        self.record(Record::Committed)?;
        self.finish()
    }

    /// What is left over is tidied up. A failure here changes nothing for the application; the next start tries again.
    fn finish(&mut self) -> Result<Outcome, JournalError> {
        match keep::vacuum(self) {
            Ok(()) => self.record(Record::Finished)?,
            Err(error) => self.note(format!("not everything could be tidied up: {}", chain(&error))),
        }
        Ok(Outcome::Completed)
    }

    fn fail(&mut self, failure: Failure) -> Result<Outcome, JournalError> {
        self.note(format!("{}; putting everything back", failure.error));
        self.record(failure.into())?;
        self.unwind()
    }

    fn unwind(&mut self) -> Result<Outcome, JournalError> {
        for (number, applied) in resume::to_revert(self.journal) {
            self.note(format!("undoing: {}", self.plan.steps[number].words()));
            if let Err(hindrance) = self.revert(number, applied)? {
                let reason = format!("{} cannot be reverted: {}", self.plan.steps[number].name(), hindrance.error);
                if hindrance.may_pass {
                    return Ok(Outcome::Waiting { reason });
                }
                self.record(Record::Stuck { reason: reason.clone() })?;
                return Ok(Outcome::Stuck { reason });
            }
            self.record(Record::Reverted { step: number })?;
        }
        self.record(Record::RolledBack)?;
        let touched = crate::journal::history::touched_the_service(self.journal);
        let exit = if touched { Exit::RolledBack } else { self.cause };
        let ill = if touched { self.problem_of_the_old() } else { None };
        Ok(Outcome::RolledBack { error: self.first_error(), touched, exit, ill })
    }

    /// After everything was put back: whether the release before really serves again. The record is written already, since
    /// nothing is left to be undone whatever the answer is.
    fn problem_of_the_old(&mut self) -> Option<String> {
        let from = self.plan.from.clone()?;
        self.note(format!("looking whether {} is healthy again", from.version));
        let problem = step::probe::problem_after(self, &from)?;
        Some(self.vendor.redactor.apply(&problem))
    }

    fn revert(&mut self, number: usize, applied: bool) -> Result<Result<(), Hindrance>, JournalError> {
        let planned = self.plan.steps[number].clone();
        let mut last = Hindrance::default();
        for pause in PAUSES {
            self.world.clock.pause(Duration::from_secs(pause));
            match step::revert(self, &planned, applied) {
                Ok(()) => return Ok(Ok(())),
                Err(error) => last = Hindrance { error: self.told(&error), may_pass: error.may_pass() },
            }
            self.journal.give_up_reserve();
            self.record(Record::RevertFailed { step: number, error: last.error.clone() })?;
        }
        Ok(Err(last))
    }

    pub(super) fn record(&mut self, record: Record) -> Result<(), JournalError> {
        self.journal.append(record, self.world.clock.now())
    }

    pub(super) fn has_failed(&self) -> bool {
        self.journal.records().any(|record| matches!(record, Record::Failed { .. }))
    }

    fn first_error(&self) -> String {
        let error = self
            .journal
            .records()
            .find_map(|record| if let Record::Failed { error, .. } = record { Some(error.clone()) } else { None });
        error.unwrap_or_default()
    }

    fn announce(&mut self, number: usize) {
        let planned = &self.plan.steps[number];
        let event = Event::Step {
            step: planned.name().to_owned(),
            words: planned.words().to_owned(),
            number: number + 1,
            of: self.plan.steps.len(),
        };
        (self.world.tell)(event);
    }
}
