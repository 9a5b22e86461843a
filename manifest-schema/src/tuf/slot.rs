//! One role's place in a trusted repository: what is trusted now, and what was trusted before.

use super::role::Role;
use super::trusted::Update;
use super::verified::Verified;

/// What is known of a role. Only `current` is ever acted on.
#[derive(Debug, Clone)]
pub(super) struct Slot<R> {
    /// Verified in an earlier cycle or at an earlier step; only to see that nothing goes back.
    previous: Option<Verified<R>>,
    /// Passed every check of this cycle.
    pub(super) current: Option<Verified<R>>,
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        Self { previous: None, current: None }
    }
}

impl<R: Role> Slot<R> {
    /// The newest that was ever verified.
    pub(super) fn newest(&self) -> Option<&Verified<R>> {
        self.current.as_ref().or(self.previous.as_ref())
    }

    /// Takes what was trusted before; the higher version stays.
    pub(super) fn remember(&mut self, loaded: Verified<R>) -> Update {
        if self.newest().is_some_and(|known| known.version() >= loaded.version()) {
            return Update::Unchanged;
        }
        self.previous = Some(loaded);
        Update::New
    }

    /// What was current is not any more, since its parent has changed.
    pub(super) fn demote(&mut self) {
        if let Some(current) = self.current.take() {
            self.previous = Some(current);
        }
    }

    /// Version and expiry of the newest.
    pub(super) fn known(&self) -> Option<(u64, jiff::Timestamp)> {
        self.newest().map(|newest| (newest.version(), newest.expires()))
    }
}
