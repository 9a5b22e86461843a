//! The records of a journal.

use manifest_schema::path::Name;
use serde::{Deserialize, Serialize};

use crate::health::Lives;
use crate::plan::Plan;

/// A record and when it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// By the machine's clock. For people: no decision rests on it.
    pub at: jiff::Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub record: Record,
}

/// What happened. Steps are named by their place in the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The update exists from here on.
    Planned {
        /// What it will do.
        plan: Box<Plan>,
    },
    /// A step is about to be applied: from here on it must be reverted.
    Begun {
        /// Which.
        step: usize,
    },
    /// A step was applied.
    Applied {
        /// Which.
        step: usize,
    },
    /// The new release was healthy for the first time: code, data and services agree. A crash from here on goes on soaking.
    Soaking,
    /// What the soak watches, and what it has seen of it. Written before [`Record::Soaking`], after a reboot, and at each fall; the
    /// last one counts.
    Watched {
        /// Which run of the machine.
        boot: String,
        /// Which run of each service.
        lives: Lives,
        /// How often it has fallen ill.
        falls: u32,
    },
    /// It has been healthy for this long, counted only while it was watched.
    Soaked {
        /// In seconds, in all.
        seconds: u64,
    },
    /// A step failed, and the unwinding begins. Without a step: somebody asked for it, or a crash did.
    Failed {
        /// Which.
        step: Option<usize>,
        /// What happened, with its causes.
        error: String,
        /// Whose fault it is. A journal from before there was this word blames the release, as was done then; where no
        /// step is named nothing but a cut is meant, whatever stands here.
        #[serde(default)]
        blame: Blame,
    },
    /// A step was reverted.
    Reverted {
        /// Which.
        step: usize,
    },
    /// A revert failed; it will be tried again.
    RevertFailed {
        /// Which.
        step: usize,
        /// What happened, with its causes.
        error: String,
    },
    /// A database was left aside instead of being thrown away.
    LeftAside {
        /// The profile's name for it.
        database: Name,
        /// Where it is now.
        name: String,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The new release stays. Written once; no work happens in it.
    Committed,
    /// What the update needed only for itself is gone. The last record of a good update.
    Finished,
    /// Everything is as before. The last record of a bad one.
    RolledBack,
    /// Neither finished nor undone: a person is needed.
    Stuck {
        /// Why.
        reason: String,
    },
    /// The agent started again and took the update up.
    Resumed,
    /// A person has put things right by hand and says so: neither finished nor undone, and over all the same.
    Abandoned {
        /// Who said it.
        by: String,
        /// What counts as installed from here on.
        stands: Stands,
    },
}

/// What a person leaves installed who abandons an update: where the directory led at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// The release that the update was to bring.
    New,
    /// The release that it was to leave.
    Old,
    /// Nothing that is managed: a first install or an adoption that did not come about, or a directory given back.
    Nothing,
    /// Neither of its sides: another, later update has the word. Only of an old journal that was damaged long after its end.
    Other,
}

/// Whose fault a failure is. Only a release that failed by its own fault is remembered as bad; how each failure is classed
/// is told by [`crate::update::blame`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The release's: its own code failed, or it does not stand.
    #[default]
    Release,
    /// This machine's, or what it depends on: disk, network, database server, service manager.
    Environment,
    /// The agent's, or whoever cut it off: a kill, a power cut, a mistake in this program.
    Agent,
}

impl Blame {
    /// For people, to be read after 'it is'.
    pub fn words(self) -> &'static str {
        match self {
            Self::Release => "the release's fault",
            Self::Environment => "this machine's fault",
            Self::Agent => "the agent's fault",
        }
    }
}

impl Record {
    /// The words of all records that this version knows. One that is not among them was written by a newer one.
    pub const WORDS: [&str; 16] = [
        "planned",
        "begun",
        "applied",
        "soaking",
        "watched",
        "soaked",
        "failed",
        "reverted",
        "revert_failed",
        "left_aside",
        "committed",
        "finished",
        "rolled_back",
        "stuck",
        "resumed",
        "abandoned",
    ];

    /// Whether nothing follows it: the update is over.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished | Self::RolledBack | Self::Abandoned { .. })
    }

    /// Its word in the journal, and the step that it is about.
    pub fn word(&self) -> (&'static str, Option<usize>) {
        match self {
            Self::Planned { .. } => ("planned", None),
            Self::Begun { step } => ("begun", Some(*step)),
            Self::Applied { step } => ("applied", Some(*step)),
            Self::Soaking => ("soaking", None),
            Self::Watched { .. } => ("watched", None),
            Self::Soaked { .. } => ("soaked", None),
            Self::Failed { step, .. } => ("failed", *step),
            Self::Reverted { step } => ("reverted", Some(*step)),
            Self::RevertFailed { step, .. } => ("revert_failed", Some(*step)),
            Self::LeftAside { .. } => ("left_aside", None),
            Self::Committed => ("committed", None),
            Self::Finished => ("finished", None),
            Self::RolledBack => ("rolled_back", None),
            Self::Stuck { .. } => ("stuck", None),
            Self::Resumed => ("resumed", None),
            Self::Abandoned { .. } => ("abandoned", None),
        }
    }
}
