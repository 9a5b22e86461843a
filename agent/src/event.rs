//! What a running update tells those who watch: the daemon, which feeds its watchdog with it, and any terminal.

use serde::{Deserialize, Serialize};

use crate::exit::Exit;

/// One line from the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step begins.
    Step {
        /// Its name.
        step: String,
        /// What it does, for people.
        words: String,
        /// Its place, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// Work within a step.
    Progress {
        /// Done so far.
        done: u64,
        /// In all.
        total: u64,
        /// `bytes` or `seconds`.
        unit: Unit,
    },
    /// Something that people should know.
    Note {
        /// A sentence.
        text: String,
    },
    /// The last event of a request.
    Ended {
        /// How a command line should end.
        exit: Exit,
        /// A sentence, or several lines.
        message: String,
        /// What a reading request was for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<serde_json::Value>,
    },
}

/// What [`Event::Progress`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bytes of an artifact.
    Bytes,
    /// Seconds of a soak.
    Seconds,
}
