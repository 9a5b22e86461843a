//! Progress on standard error: bars on a terminal, elsewhere one plain line a step, so that a log stays readable.
//!
//! It shows what it is told and knows nothing of updates.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::SignedDuration;

use super::words;
use crate::event::{Event, Unit};

/// Shows what the daemon tells while it works.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    step: Option<(String, Instant)>,
    unit: Option<Unit>,
}

impl Progress {
    /// The renderer that fits standard error.
    pub(super) fn new() -> Self {
        let bar = stderr().is_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(150));
        }
        Self { bar, step: None, unit: None }
    }

    /// Shows an event.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Step { words, number, of, .. } => self.begin(format!("[{number}/{of}] {}", words::clean(words))),
            Event::Progress { done, total, unit } => self.advance(*done, *total, *unit),
            Event::Note { text } => self.say(&words::clean(text)),
            Event::Ended { .. } => self.finish(),
        }
    }

    /// Takes the bar away; what was said stays.
    pub(super) fn finish(&mut self) {
        self.end_step();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn begin(&mut self, label: String) {
        self.end_step();
        self.unit = None;
        match &self.bar {
            Some(bar) => {
                bar.set_style(style("{spinner} {msg}"));
                bar.set_message(label.clone());
            }
            None => self.say(&label),
        }
        self.step = Some((label, Instant::now()));
    }

    /// On a terminal a step leaves a line behind; elsewhere its line is there already.
    fn end_step(&mut self) {
        let Some((label, since)) = self.step.take() else { return };
        if self.bar.is_some() {
            let took = SignedDuration::try_from(since.elapsed()).unwrap_or_default();
            self.say(&format!("{label}: {}", words::span(took)));
        }
    }

    fn advance(&mut self, done: u64, total: u64, unit: Unit) {
        let Some(bar) = &self.bar else { return };
        if self.unit != Some(unit) {
            self.unit = Some(unit);
            bar.reset();
            bar.set_style(style(match unit {
                Unit::Bytes => "{spinner} {msg} {wide_bar} {binary_bytes} / {binary_total_bytes} {eta:>4}",
                Unit::Seconds => "{spinner} {msg} {wide_bar} {pos} / {len} s",
            }));
        }
        bar.set_length(total);
        bar.set_position(done);
    }

    /// A line above the bar. A terminal that has gone is no reason to stop watching.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => drop(writeln!(stderr(), "{line}")),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are legal")
}
