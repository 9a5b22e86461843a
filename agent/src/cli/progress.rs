//! Progress on a terminal, and plain lines elsewhere.

use crate::event::Event;

pub(super) struct Progress;

impl Progress {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn event(&mut self, event: &Event) {
        eprintln!("{event:?}");
    }

    pub(super) fn finish(&mut self) {}
}
