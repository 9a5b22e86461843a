//! What was measured at one update. Times are in seconds, memory is in KiB.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::run::{Kind, Tool};
use super::story::Step;

/// One update by one tool.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sample {
    pub(super) tool: Tool,
    pub(super) kind: Kind,
    /// From the command's start to its end.
    pub(super) wall: f64,
    /// From the last good answer before to the first good answer after.
    pub(super) down: f64,
    /// Of a bad release: from its failure to the first good answer.
    pub(super) way_back: Option<f64>,
    /// The migration's own time, by the database's clock.
    pub(super) migration: f64,
    /// The phases of the script, or the steps of the agent.
    pub(super) steps: Vec<Step>,
    /// The most that all processes of the agent weighed together (PSS).
    pub(super) peak_kib: u64,
    /// What each of them weighed then.
    pub(super) peak_of: BTreeMap<String, u64>,
    /// The agent's daemon afterwards.
    pub(super) idle: Option<Idle>,
    /// How long the application is away when its units are only stopped and started, on the same machine.
    pub(super) restart: f64,
}

impl Sample {
    /// A line for who waits.
    pub(super) fn words(&self) -> String {
        let Self { wall, down, .. } = self;
        format!("{}, {}: {wall:.1} s, down {down:.2} s", self.kind.words(), self.tool.words())
    }
}

/// The daemon, doing nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Idle {
    /// Resident set.
    pub(super) rss: u64,
    /// The same, shared pages shared out.
    pub(super) pss: u64,
    /// For so long it was watched.
    pub(super) seconds: f64,
    /// CPU time meanwhile.
    pub(super) cpu: f64,
    /// How often it woke up meanwhile.
    pub(super) wakeups: u64,
}

/// What `measure.py watch` says.
#[derive(Debug, Deserialize)]
pub(super) struct Watched {
    pub(super) began: f64,
    pub(super) ended: f64,
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
    /// Last good answer before, and first good answer after.
    pub(super) away: Vec<(f64, f64)>,
    pub(super) peak: u64,
    pub(super) peak_of: BTreeMap<String, u64>,
}

impl Watched {
    /// How long the application was away, as a whole.
    pub(super) fn down(&self) -> Option<f64> {
        let ((from, _), (_, until)) = (self.away.first()?, self.away.last()?);
        Some(until - from)
    }
}
