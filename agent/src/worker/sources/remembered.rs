//! What is remembered of the sources between two checks: until when each wants to be left alone, and what it had. A file that
//! cannot be read is as good as none: all that is lost is a question.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::durable;
use crate::layout::InstanceLayout;
use crate::source::{Kept, Remote, SourceSpec};

/// The file, and what it holds: for each source by its address.
pub(super) struct Remembered {
    path: PathBuf,
    all: BTreeMap<String, Kept>,
    /// When it was read, by the machine's clock and by one that nobody sets.
    read: (Timestamp, Instant),
}

impl Remembered {
    pub(super) fn read(here: &InstanceLayout, now: Timestamp) -> Self {
        let path = here.sources();
        let all = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path, all, read: (now, Instant::now()) }
    }

    pub(super) fn of(&self, source: &SourceSpec) -> Kept {
        self.all.get(&source.to_string()).cloned().unwrap_or_default()
    }

    /// Writes down what has changed. That this does not work is told and stops nothing.
    pub(super) fn keep(&mut self, remotes: &[Remote]) {
        let (now, since) = self.read;
        let now = SignedDuration::try_from(since.elapsed()).ok().and_then(|passed| now.checked_add(passed).ok());
        let Some(now) = now else { return };
        let kept = remotes.iter().map(|remote| (remote.spec().to_string(), remote.kept(now)));
        let all: BTreeMap<String, Kept> = kept.filter(|(_, kept)| *kept != Kept::default()).collect();
        if all == self.all {
            return;
        }
        self.all = all;
        let text = serde_json::to_vec_pretty(&self.all).expect("the sources have only text keys");
        if let Err(error) = durable::write_over(&self.path, &text, 0o644) {
            tracing::warn!("{}", crate::exit::chain(&error));
        }
    }
}
