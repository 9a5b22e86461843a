//! What the worker sees to besides the work itself: that no secret leaves it, and that an update that did not stand can be
//! explained afterwards.

use std::cell::OnceCell;

use super::Work;
use crate::event::Event;
use crate::evidence;
use crate::journal::Journal;
use crate::layout::Layout;
use crate::redact::Redactor;
use crate::update::Outcome;

/// The secrets of this machine's applications, looked up when the first text is told.
pub(super) struct Secrets<'a> {
    layout: &'a Layout,
    known: OnceCell<Redactor>,
}

impl<'a> Secrets<'a> {
    pub(super) fn of(layout: &'a Layout) -> Self {
        Self { layout, known: OnceCell::new() }
    }

    /// The text as it may be kept and shown.
    pub(super) fn hide(&self, text: &str) -> String {
        self.known.get_or_init(|| evidence::of_all(self.layout)).apply(text)
    }

    /// What is told goes to terminals and to the machine's journal. Answers for programs are the vendor's signed words.
    pub(super) fn hide_in(&self, event: Event) -> Event {
        match event {
            Event::Note { text } => Event::Note { text: self.hide(&text) },
            Event::Ended { exit, message, answer } => Event::Ended { exit, message: self.hide(&message), answer },
            Event::Step { .. } | Event::Progress { .. } => event,
        }
    }
}

impl Work<'_> {
    /// The machine before the first step.
    pub(super) fn look_before(&mut self, journal: &Journal) {
        let redactor = evidence::of_update(self.layout, journal.plan());
        if let Err(reason) = evidence::begin(self.layout, journal.plan(), journal.directory(), &redactor) {
            self.note(format!("how the machine is cannot be written down: {reason}"));
        }
    }

    /// An update that did not stand is explained when there is time: other instances may still be down.
    pub(super) fn explain_later(&mut self, journal: &Journal, outcome: &Outcome) {
        match outcome {
            Outcome::RolledBack { .. } | Outcome::Stuck { .. } => self.unexplained.push(journal.clone()),
            Outcome::Completed | Outcome::Waiting { .. } => {}
        }
    }

    /// Now there is time.
    pub(super) fn explain(&mut self) {
        for journal in std::mem::take(&mut self.unexplained) {
            let redactor = evidence::of_update(self.layout, journal.plan());
            if let Err(reason) = evidence::gather(self.layout, &journal, &redactor) {
                self.note(format!("not all that explains the failure could be kept: {reason}"));
            }
        }
    }
}
