//! The sources of an instance's releases: the configured one and its mirrors, asked in their order, and what each came to.
//!
//! Knows their names and whose answer counts. Refuses to know keys and versions: that is `trust`.

mod remembered;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::remembered::Remembered;
use super::fetcher;
use crate::config::Settings;
use crate::exit::{Exit, Failure, chain};
use crate::layout::Layout;
use crate::source::{Known, Remote, Token, TokenPlace};
use crate::trust::{Lent, Looked, Trust, TrustError};

/// What a source came to when it was asked for metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Its address.
    pub source: String,
    /// The version of the timestamp metadata that it gave, with all that belongs to it.
    pub timestamp: Option<u64>,
    /// Whether what it gave is what counts now.
    pub used: bool,
    /// Why it does not count.
    pub failed: Option<String>,
    /// Its entity tag for that timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// The sources of one instance, each with a fetch process.
pub(super) struct Sources {
    remotes: Vec<Remote>,
    kept: Remembered,
}

impl Sources {
    /// It is `now`.
    pub(super) fn open(layout: &Layout, settings: &Settings, now: Timestamp) -> Result<Self, Failure> {
        let alone = settings.mirrors.is_empty();
        let kept = Remembered::read(&layout.instance(&settings.instance.name), now);
        let token = token(settings)?;
        let open = |spec: &crate::source::SourceSpec| {
            let mut remote = Remote::new(spec.clone(), fetcher(layout)?);
            if let Some((token, place)) = &token {
                remote = remote.with_token(token, place);
            }
            remote.recall(kept.of(spec), now);
            Ok(if alone { remote } else { remote.beside_others() })
        };
        let remotes = settings.sources().map(open).collect::<Result<_, _>>()?;
        Ok(Self { remotes, kept })
    }

    /// One cycle of the metadata, after one that came to `before`. What each source came to is written to `heard`, also
    /// where the whole fails. From then on the source that was used comes first, and those that failed last.
    pub(super) fn refresh(
        &mut self,
        trust: &mut Trust,
        now: Timestamp,
        before: &[Heard],
        heard: &mut Vec<Heard>,
    ) -> Result<(), Failure> {
        self.watch(trust, before);
        let looked = trust.refresh_from(&mut self.each(), now);
        self.kept.keep(&self.remotes);
        let looked = looked.map_err(|error| Failure::of(error.exit(), &error))?;
        *heard = self.remotes.iter().zip(0..).map(|(remote, at)| hear(remote, at, &looked)).collect();
        if looked.used.is_none() {
            return Err(none_counts(heard, looked));
        }
        let mut ranked: Vec<_> = std::mem::take(&mut self.remotes).into_iter().zip(heard.iter().map(rank)).collect();
        ranked.sort_by_key(|(_, rank)| *rank);
        self.remotes = ranked.into_iter().map(|(remote, _)| remote).collect();
        Ok(())
    }

    /// A source that gave the stored timestamp the last time needs not give it again.
    fn watch(&mut self, trust: &Trust, before: &[Heard]) {
        let stored = trust.stored_timestamp();
        for remote in &mut self.remotes {
            let source = remote.spec().to_string();
            let known = stored.as_ref().and_then(|(version, bytes)| {
                let same = |heard: &&Heard| heard.source == source && heard.timestamp == Some(*version);
                let etag = before.iter().find(same)?.etag.clone()?;
                Some(Known { etag, bytes: bytes.clone() })
            });
            remote.watch("timestamp.json", known);
        }
    }

    /// All of them, the best one first.
    pub(super) fn each(&mut self) -> Vec<Lent<'_>> {
        self.remotes.iter_mut().map(|remote| -> Lent<'_> { remote }).collect()
    }
}

impl Drop for Sources {
    /// A source may have asked to be left alone while an artifact came.
    fn drop(&mut self) {
        self.kept.keep(&self.remotes);
    }
}

fn token(settings: &Settings) -> Result<Option<(Token, &TokenPlace)>, Failure> {
    let Some(place) = &settings.token else { return Ok(None) };
    let token = place.read().map_err(|error| Failure::of(Exit::Configuration, &error))?;
    Ok(Some((token, place)))
}

fn hear(remote: &Remote, at: usize, looked: &Looked) -> Heard {
    let outcome = &looked.each[at];
    Heard {
        source: remote.spec().to_string(),
        timestamp: outcome.as_ref().ok().copied(),
        used: looked.used == Some(at),
        failed: outcome.as_ref().err().map(|error| chain(error)),
        etag: outcome.as_ref().ok().and_then(|_| remote.etag()).map(str::to_owned),
    }
}

fn rank(heard: &Heard) -> u8 {
    match (heard.used, &heard.failed) {
        (true, _) => 0,
        (false, None) => 1,
        (false, Some(_)) => 2,
    }
}

/// A source that answers with something wrong says more than one that does not answer.
fn none_counts(heard: &[Heard], looked: Looked) -> Failure {
    let errors: Vec<TrustError> = looked.each.into_iter().filter_map(Result::err).collect();
    if let [error] = &errors[..] {
        return Failure::of(error.exit(), error);
    }
    let exit = errors.iter().map(TrustError::exit).find(|exit| *exit != Exit::Unreachable);
    let told = heard.iter().filter_map(|heard| Some(format!("{}: {}", heard.source, heard.failed.as_ref()?)));
    let told: Vec<String> = told.collect();
    Failure::new(exit.unwrap_or(Exit::Unreachable), format!("no source gave current metadata: {}", told.join("; ")))
}
