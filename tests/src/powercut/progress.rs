//! How far the runs are: a bar on a terminal, elsewhere a line each.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far the runs are.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// For so many runs.
    pub(super) fn of(runs: u64) -> Self {
        let bar = stdout().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len}, {eta} to go: {msg}");
            let bar = ProgressBar::new(runs).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self(bar)
    }

    /// What is done now.
    pub(super) fn begin(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }

    /// It is done and went well: worth a line in a log.
    pub(super) fn done(&self, line: &str) {
        match &self.0 {
            Some(bar) => bar.inc(1),
            None => println!("{line}"),
        }
    }

    /// It is done and went wrong: worth a line everywhere.
    pub(super) fn failed(&self, line: &str) {
        match &self.0 {
            Some(bar) => {
                bar.suspend(|| println!("{line}"));
                bar.inc(1);
            }
            None => println!("{line}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
