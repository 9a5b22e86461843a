//! What strikes, and when.

use std::fmt;
use std::time::Duration;

/// What strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// SIGKILL for the worker alone: the application and the database live on.
    Kill,
    /// The power: every process ends, and the disks hold what had been made durable.
    Power,
}

/// When it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At the n-th point that the worker passes, counted from 0.
    Point(usize),
    /// When it first passes the point or boundary of this name, such as `begun migrate`.
    Named(String),
    /// At no place, so long after the start.
    After(Duration),
    /// Not at all.
    Never,
}

impl Blow {
    /// As the command line and the report have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Power => "power",
        }
    }
}

impl Moment {
    /// The place where the worker must stop by itself, if it is one.
    pub(super) fn place(&self) -> Option<String> {
        match self {
            Self::Point(number) => Some(number.to_string()),
            Self::Named(name) => Some(name.clone()),
            Self::After(_) | Self::Never => None,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(number) => write!(f, "at point {number}"),
            Self::Named(name) => write!(f, "at '{name}'"),
            Self::After(time) => write!(f, "after {} ms", time.as_millis()),
            Self::Never => write!(f, "never"),
        }
    }
}
