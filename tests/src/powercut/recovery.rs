//! How long it takes until all is well again, and what of it is whose.

use std::time::Duration;

/// From the blow until the application serves; after a power cut, from the moment when the disks are there again. What the
/// harness looks at meanwhile does not count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recovery {
    /// The file systems' own recovery: mounting them.
    pub(super) disks: Duration,
    /// The database server's own, from its start until it serves.
    pub(super) database: Duration,
    /// The door is minded, and the application starts by itself where it may.
    pub(super) boot: Duration,
    /// The agent's own.
    pub(super) agent: Duration,
    /// From the agent's end until the application is well.
    pub(super) health: Duration,
}

impl Recovery {
    /// All of it.
    pub(super) fn whole(self) -> Duration {
        self.disks + self.database + self.boot + self.agent + self.health
    }
}

/// The one in the middle and the longest.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    pub(super) fn longest(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }
}

impl Extend<Duration> for Times {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, more: T) {
        self.0.extend(more);
    }
}

impl<'t> IntoIterator for &'t Times {
    type Item = Duration;
    type IntoIter = std::iter::Copied<std::slice::Iter<'t, Duration>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().copied()
    }
}
