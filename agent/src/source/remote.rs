//! A configured source, read through the fetch process.
//!
//! Knows where each file is, that a broken transfer goes on where it stopped, and that who wants to be left alone is not asked.
//! Refuses to know HTTP.

mod limit;
mod private;

use std::thread;

use jiff::Timestamp;

pub use self::limit::Kept;
use self::limit::Limit;
use self::private::Private;
use super::spec::SourceSpec;
use super::wire::{Get, Location, Timeouts};
use super::{Fetched, Fetcher, ReleaseSource, Sink, SourceError, Token, TokenPlace, retry};

/// A source and the process that reads it.
#[derive(Debug)]
pub struct Remote {
    spec: SourceSpec,
    fetcher: Fetcher,
    /// Attempts at a metadata file.
    tries: u32,
    watched: Option<Watched>,
    limit: Limit,
    /// Where it is read with a token.
    private: Option<Private>,
}

/// A metadata file that is asked for again and again, and mostly is what it was.
#[derive(Debug)]
struct Watched {
    name: String,
    known: Option<Known>,
    /// The source's entity tag for what it gave last.
    etag: Option<String>,
}

/// What a source gave before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its entity tag for that.
    pub etag: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Remote {
    /// A source that `fetcher` reads.
    pub fn new(spec: SourceSpec, fetcher: Fetcher) -> Self {
        Self { spec, fetcher, tries: retry::TRIES, watched: None, limit: Limit::default(), private: None }
    }

    /// Reads it through GitHub's API, where it is a repository there that is to be read with a token. `place` is where that is
    /// kept, for messages.
    #[must_use]
    pub fn with_token(self, token: &Token, place: &TokenPlace) -> Self {
        let api = match &self.spec {
            SourceSpec::GitHub(repository) => repository.api(),
            SourceSpec::Mirror { .. } | SourceSpec::Directory { .. } => None,
        };
        let private = api.map(|api| Private::new(api, token.clone(), place.to_string()));
        Self { private, ..self }
    }

    /// Remembers what was kept of an earlier cycle. It is `now`.
    pub fn recall(&mut self, kept: Kept, now: Timestamp) {
        self.limit = Limit::recalled(&kept, now);
        if let Some(private) = &mut self.private {
            private.recall(kept.latest);
        }
    }

    /// What is to be kept until the next cycle. It is `now`.
    pub fn kept(&self, now: Timestamp) -> Kept {
        let latest = self.private.as_ref().and_then(Private::kept);
        Kept { latest, ..self.limit.kept(now) }
    }

    /// One of several that have the same metadata: one that fails is not asked again, the next is. So one that hangs costs
    /// [`Timeouts::head`] or [`Timeouts::total`] once.
    #[must_use]
    pub fn beside_others(self) -> Self {
        Self { tries: 1, ..self }
    }

    /// Remembers the entity tag of the metadata file `name`, and asks for it only if it is not what is `known`.
    pub fn watch(&mut self, name: &str, known: Option<Known>) {
        self.watched = Some(Watched { name: name.to_owned(), known, etag: None });
    }

    /// The source's entity tag for the watched file, where it gave one.
    pub fn etag(&self) -> Option<&str> {
        self.watched.as_ref()?.etag.as_deref()
    }

    /// What is read.
    pub fn spec(&self) -> &SourceSpec {
        &self.spec
    }

    /// The process that reads it, for health questions, or to be handed to another source.
    pub fn into_fetcher(self) -> Fetcher {
        self.fetcher
    }

    /// The rest of a file, whatever it takes within [`retry`]'s limits. An attempt continues after the last byte that
    /// the sink took, by asking the original URL again: a redirect's target is signed for minutes only.
    fn resume(&mut self, mut next: Get, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let end = next.from.saturating_add(next.cap);
        let mut failed = 0;
        while next.cap > 0 {
            let begin = next.from;
            let mut reached = begin;
            let outcome = self.get(&next, &mut |bytes| {
                sink(bytes)?;
                reached += bytes.len() as u64;
                Ok(())
            });
            let Err(error) = outcome else { return Ok(()) };
            failed = if reached - begin >= retry::PROGRESS { 1 } else { failed + 1 };
            rest(failed, error)?;
            next = Get { from: reached, cap: end - reached, ..next };
        }
        Ok(())
    }

    /// A whole small file. An attempt begins afresh: the file may have been replaced meanwhile, and halves of two
    /// versions are no version.
    fn whole(&mut self, get: &Get) -> Result<(Vec<u8>, Fetched), SourceError> {
        let mut failed = 0;
        loop {
            let mut bytes = Vec::new();
            let outcome = self.get(get, &mut |more| {
                bytes.extend_from_slice(more);
                Ok(())
            });
            let error = match outcome {
                Ok(fetched) => return Ok((bytes, fetched)),
                Err(error) => error,
            };
            failed += 1;
            if failed >= self.tries {
                return Err(error);
            }
            rest(failed, error)?;
        }
    }
}

impl Remote {
    /// One attempt, unless the source wants to be left alone.
    fn get(&mut self, get: &Get, sink: &mut Sink<'_>) -> Result<Fetched, SourceError> {
        self.limit.allows(&get.location)?;
        let outcome = self.fetcher.get(get, sink);
        self.limit.heard(outcome.as_ref().err());
        outcome.map_err(|error| match &self.private {
            Some(private) => private.denied(get, error),
            None => error,
        })
    }

    /// A metadata file that is to be found at `location`; nothing where it is not there.
    fn file(&mut self, name: &str, location: Location, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let known = self.known(name);
        let api = self.private.as_ref().map(Private::bytes);
        let if_none_match = known.as_ref().map(|known| known.etag.clone()).filter(|_| api.is_none());
        let timeouts = Timeouts::for_length(cap);
        let get = Get { location, from: 0, cap, expect_length: None, if_none_match, api, timeouts };
        let (bytes, fetched) = match self.whole(&get) {
            Ok(answer) => answer,
            Err(SourceError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.tag(name, fetched.etag);
        Ok(Some(known.filter(|_| fetched.unchanged).map_or(bytes, |known| known.bytes)))
    }

    /// What is here already of a watched file.
    fn known(&self, name: &str) -> Option<Known> {
        self.watched.as_ref().filter(|watched| watched.name == name)?.known.clone()
    }

    fn tag(&mut self, name: &str, etag: Option<String>) {
        if let Some(watched) = self.watched.as_mut().filter(|watched| watched.name == name) {
            watched.etag = etag;
        }
    }
}

impl ReleaseSource for Remote {
    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        if self.private.is_some() {
            return self.private_metadata(name, cap);
        }
        self.file(name, self.spec.metadata_url(name)?, cap)
    }

    fn target(&mut self, hashed_path: &str, from: u64, length: u64, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let location = if self.private.is_some() {
            self.private_target(hashed_path)?
        } else {
            self.spec.target_url(hashed_path)?
        };
        let Some(cap) = length.checked_sub(from) else {
            let reason = format!("{from} bytes are there already, more than its length of {length}");
            return Err(SourceError::Unusable { location: location.to_string(), reason });
        };
        let api = self.private.as_ref().map(Private::bytes);
        let timeouts = Timeouts::for_length(cap);
        let expect_length = Some(length);
        self.resume(Get { location, from, cap, expect_length, if_none_match: None, api, timeouts }, sink)
    }
}

/// Waits before the next attempt, or gives the failure back where there is to be none.
fn rest(failed: u32, error: SourceError) -> Result<(), SourceError> {
    match retry::pause(failed, &error, chance()) {
        Some(pause) => {
            thread::sleep(pause);
            Ok(())
        }
        None => Err(error),
    }
}

/// Good enough to keep a fleet apart: the standard library seeds each hasher anew.
fn chance() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    let [a, b, c, d, ..] = RandomState::new().hash_one(0_u8).to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}
