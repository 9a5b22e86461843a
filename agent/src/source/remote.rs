//! A configured source, read through the fetch process.
//!
//! Knows where each file is and that a broken transfer goes on where it stopped. Refuses to know HTTP.

use std::thread;

use super::spec::SourceSpec;
use super::wire::{Get, Location, Timeouts};
use super::{Fetcher, ReleaseSource, Sink, SourceError, retry};

/// A source and the process that reads it.
#[derive(Debug)]
pub struct Remote {
    spec: SourceSpec,
    fetcher: Fetcher,
}

impl Remote {
    /// A source that `fetcher` reads.
    pub fn new(spec: SourceSpec, fetcher: Fetcher) -> Self {
        Self { spec, fetcher }
    }

    /// What is read.
    pub fn spec(&self) -> &SourceSpec {
        &self.spec
    }

    /// The process that reads it, for health questions, or to be handed to another source.
    pub fn into_fetcher(self) -> Fetcher {
        self.fetcher
    }

    /// One file, whatever it takes within [`retry`]'s limits. An attempt continues after the last byte that the
    /// sink took, by asking the original URL again: a redirect's target is signed for minutes only.
    fn fetch(&mut self, first: Get, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let end = first.from.saturating_add(first.cap);
        let (mut next, mut failed) = (first, 0);
        loop {
            let begin = next.from;
            let mut reached = begin;
            let outcome = self.fetcher.get(&next, &mut |bytes| {
                sink(bytes)?;
                reached += bytes.len() as u64;
                Ok(())
            });
            let Err(error) = outcome else { return Ok(()) };
            failed = if reached - begin >= retry::PROGRESS {
                1
            } else {
                failed + 1
            };
            let Some(pause) = retry::pause(failed, &error, chance()) else {
                return Err(error);
            };
            thread::sleep(pause);
            next = Get {
                from: reached,
                cap: end - reached,
                ..next
            };
        }
    }
}

impl ReleaseSource for Remote {
    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let location = self.spec.metadata_url(name)?;
        let mut bytes = Vec::new();
        match self.fetch(whole(location, cap), &mut |more| {
            bytes.extend_from_slice(more);
            Ok(())
        }) {
            Ok(()) => Ok(Some(bytes)),
            Err(SourceError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn target(
        &mut self,
        hashed_path: &str,
        from: u64,
        length: u64,
        sink: &mut Sink<'_>,
    ) -> Result<(), SourceError> {
        let location = self.spec.target_url(hashed_path)?;
        let Some(cap) = length.checked_sub(from) else {
            let reason =
                format!("{from} bytes are there already, more than its length of {length}");
            return Err(SourceError::Unusable {
                location: location.to_string(),
                reason,
            });
        };
        if cap == 0 && length > 0 {
            return Ok(());
        }
        let timeouts = Timeouts::for_length(cap);
        self.fetch(
            Get {
                location,
                from,
                cap,
                expect_length: Some(length),
                timeouts,
            },
            sink,
        )
    }
}

fn whole(location: Location, cap: u64) -> Get {
    Get {
        location,
        from: 0,
        cap,
        expect_length: None,
        timeouts: Timeouts::for_length(cap),
    }
}

/// Good enough to keep a fleet apart: the standard library seeds each hasher anew.
fn chance() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    let [a, b, c, d, ..] = RandomState::new().hash_one(0_u8).to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}
