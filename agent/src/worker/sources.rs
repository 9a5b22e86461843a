//! The sources of an instance's releases: the configured one and its mirrors, asked in their order, and what each came to.
//!
//! Knows their names and whose answer counts. Refuses to know keys and versions: that is `trust`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fetcher;
use crate::config::Settings;
use crate::exit::{Exit, Failure, chain};
use crate::layout::Layout;
use crate::source::{Known, Remote};
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
pub(super) struct Sources(Vec<Remote>);

impl Sources {
    pub(super) fn open(layout: &Layout, settings: &Settings) -> Result<Self, Failure> {
        let alone = settings.mirrors.is_empty();
        let open = |spec: &crate::source::SourceSpec| {
            let remote = Remote::new(spec.clone(), fetcher(layout)?);
            Ok(if alone { remote } else { remote.beside_others() })
        };
        settings.sources().map(open).collect::<Result<_, _>>().map(Self)
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
        let looked = trust.refresh_from(&mut self.each(), now).map_err(|error| Failure::of(error.exit(), &error))?;
        *heard = self.0.iter().zip(0..).map(|(remote, at)| hear(remote, at, &looked)).collect();
        if looked.used.is_none() {
            return Err(none_counts(heard, looked));
        }
        let mut ranked: Vec<_> = std::mem::take(&mut self.0).into_iter().zip(heard.iter().map(rank)).collect();
        ranked.sort_by_key(|(_, rank)| *rank);
        self.0 = ranked.into_iter().map(|(remote, _)| remote).collect();
        Ok(())
    }

    /// A source that gave the stored timestamp the last time needs not give it again.
    fn watch(&mut self, trust: &Trust, before: &[Heard]) {
        let stored = trust.stored_timestamp();
        for remote in &mut self.0 {
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
        self.0.iter_mut().map(|remote| -> Lent<'_> { remote }).collect()
    }
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
