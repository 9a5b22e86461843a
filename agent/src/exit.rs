//! Exit codes: what a script can tell apart. Documented in surefoot(8).

/// How a command of `surefoot` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Done, or nothing to do.
    Ok,
    /// Something that nobody thought of.
    Unexpected,
    /// The command line is wrong.
    Usage,
    /// A configuration file is wrong.
    Configuration,
    /// The source of releases cannot be reached.
    Unreachable,
    /// What was received cannot be verified.
    NotTrusted,
    /// Refused before anything was touched: no space, a database that cannot be reached, an application that is ill.
    Refused,
    /// The update failed and everything was put back.
    RolledBack,
    /// An update could neither be finished nor undone: a person is needed.
    Stuck,
    /// Another update is running.
    Busy,
    /// What was named does not exist.
    NotFound,
    /// The daemon does not run.
    NotRunning,
    /// The metadata has expired: nothing is installed until the vendor renews it.
    Stale,
}

impl Exit {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Unreachable => 4,
            Self::NotTrusted => 5,
            Self::Refused => 6,
            Self::RolledBack => 7,
            Self::Stuck => 8,
            Self::Busy => 9,
            Self::NotFound => 10,
            Self::NotRunning => 11,
            Self::Stale => 12,
        }
    }
}

/// A sentence for a person and a code for a script.
#[derive(Debug)]
pub struct Failure {
    /// How to exit.
    pub exit: Exit,
    /// What happened, with its causes.
    pub message: String,
}

impl Failure {
    /// A failure that is told by its own sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A failure before anything was touched: a full disk makes the machine unfit for the act, anything else nobody thought of.
    pub fn early(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::of(if is_no_space(error) { Exit::Refused } else { Exit::Unexpected }, error)
    }

    /// A failure that is told by an error and all its causes.
    pub fn of(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self { exit, message: chain(error) }
    }
}

fn is_no_space(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| matches!(error.kind(), StorageFull | QuotaExceeded))
    })
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
