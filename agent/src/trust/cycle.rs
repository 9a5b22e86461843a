//! One cycle (TUF 5.3 to 5.6) over one source or several that have the same releases: the newest metadata that is valid counts.
//!
//! A source can only add: a higher root, or a higher timestamp with all that it names. What hangs, lies or is behind adds
//! nothing. Nothing of an attempt is trusted or stored before all of it is verified; only where no source gave all of it, the
//! newest timestamp is kept, as TUF 5.4.5 has it: going back behind it would not be noticed otherwise.

use jiff::Timestamp;
use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{self, Expiry, MetaFile, RoleName, RootUpdate, TrustedRepository, Update};

use super::{Trust, TrustError};
use crate::durable;
use crate::source::ReleaseSource;

/// How often an attempt starts again when the source changed under it.
const MOST_RESTARTS: u32 = 3;

/// A source, borrowed.
pub type Lent<'a> = &'a mut (dyn ReleaseSource + 'static);

/// What a cycle over sources came to.
#[derive(Debug)]
pub struct Looked {
    /// For each source in its order: the version of the timestamp that it gave with all that belongs to it, or why it does not
    /// count.
    pub each: Vec<Result<u64, TrustError>>,
    /// Which of them gave what is current now; none where no source gave all of it.
    pub used: Option<usize>,
}

/// Metadata that is being verified.
struct Attempt {
    repository: TrustedRepository,
    /// What is verified and to be stored, in the order of TUF.
    fresh: Vec<(RoleName, Vec<u8>)>,
}

impl Attempt {
    fn on(repository: &TrustedRepository) -> Self {
        Self { repository: repository.clone(), fresh: Vec::new() }
    }

    fn keep(&mut self, role: RoleName, bytes: Vec<u8>) {
        self.fresh.retain(|(known, _)| *known != role);
        self.fresh.push((role, bytes));
    }

    /// Goes on over a repository that may have followed another root; a timestamp that it still counts stays the measure.
    fn move_to(&mut self, repository: &TrustedRepository) {
        self.repository = repository.clone();
        self.fresh.retain(|(role, bytes)| {
            let mut held = || self.repository.update_timestamp(bytes, Expiry::PreviousState);
            *role == RoleName::Timestamp && held().is_ok_and(|update| update == Update::New)
        });
    }

    /// The version of its timestamp.
    fn version(&self) -> u64 {
        self.repository.known(RoleName::Timestamp).map_or(0, |(version, _)| version)
    }
}

impl Trust {
    /// One cycle at the fixed time `now`, from one source. A source that changes in the middle, as a forge does while a release
    /// is made, has files missing for a moment: the cycle starts again, a few times.
    ///
    /// # Errors
    /// When the source does not answer or what it gave is refused. What was verified before that stays stored.
    pub fn refresh(&mut self, source: Lent<'_>, now: Timestamp) -> Result<(), TrustError> {
        let mut looked = self.refresh_from(&mut [source], now)?;
        looked.each.remove(0).map(drop)
    }

    /// One cycle at the fixed time `now`, from all of the sources in their order.
    ///
    /// # Errors
    /// Only where this machine is at fault. What the sources did wrong is in the answer.
    pub fn refresh_from(&mut self, sources: &mut [Lent<'_>], now: Timestamp) -> Result<Looked, TrustError> {
        let mut looked = Looked { each: Vec::new(), used: None };
        let mut cut_off: Option<Attempt> = None;
        let mut roots = tuf::MAX_ROOT_STEPS;
        self.repository.begin_cycle();
        let followed = self.follow_all_roots(sources, &mut roots)?;
        for (index, (source, followed)) in sources.iter_mut().zip(followed).enumerate() {
            let mut attempt = Attempt::on(&self.repository);
            let before = self.repository.timestamp().map(|timestamp| timestamp.version);
            let outcome = match followed {
                Ok(()) => blame_source(self.complete(&mut attempt, *source, now, &mut roots))?,
                Err(error) => Err(error),
            };
            if outcome.is_ok() {
                if before.is_none_or(|before| before < attempt.version()) {
                    looked.used = Some(index);
                }
                self.adopt(attempt)?;
            } else if cut_off.as_ref().is_none_or(|other| other.version() < attempt.version()) {
                cut_off = Some(attempt);
            }
            looked.each.push(outcome);
        }
        if let (None, Some(mut attempt)) = (looked.used, cut_off) {
            if attempt.repository.root().version < self.repository.root().version {
                attempt.move_to(&self.repository);
            }
            self.adopt(attempt)?;
        }
        Ok(looked)
    }

    /// The chain of roots goes on wherever a source has its next link: one that withholds it holds nobody back.
    fn follow_all_roots(
        &mut self,
        sources: &mut [Lent<'_>],
        left: &mut usize,
    ) -> Result<Vec<Result<(), TrustError>>, TrustError> {
        sources.iter_mut().map(|source| blame_source(self.follow_roots(*source, left))).collect()
    }

    /// Each root is stored before the next one is asked for; `left` is how many more may be followed in this cycle. What was
    /// trusted before is then held against the keys of the last, exactly as the next start will do it: one cycle must not
    /// refuse what the next one takes.
    fn follow_roots(&mut self, source: Lent<'_>, left: &mut usize) -> Result<(), TrustError> {
        let mut last = None;
        let outcome = self.follow_each_root(source, left, &mut last);
        if let Some(root) = last {
            self.repository = TrustedRepository::from_root(&root, None).map_err(TrustError::Refused)?;
            self.fingerprint = Sha256::of(&root);
            self.load_previous();
        }
        outcome
    }

    fn follow_each_root(
        &mut self,
        source: Lent<'_>,
        left: &mut usize,
        last: &mut Option<Vec<u8>>,
    ) -> Result<(), TrustError> {
        while *left > 0 {
            let next = RoleName::Root.file_name(self.repository.root().version + 1);
            let Some(bytes) = source.metadata(&next, RoleName::Root.cap()).map_err(TrustError::Source)? else { break };
            if self.repository.update_root(&bytes).map_err(TrustError::Refused)? == RootUpdate::ForgetCached {
                for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
                    durable::remove_file(&self.path(role)).map_err(TrustError::Store)?;
                }
            }
            self.store(RoleName::Root, &bytes)?;
            *left -= 1;
            *last = Some(bytes);
        }
        Ok(())
    }

    /// All of an attempt, from one source. Where a file is missing, the source may have been given a new root meanwhile.
    fn complete(
        &mut self,
        attempt: &mut Attempt,
        source: Lent<'_>,
        now: Timestamp,
        roots: &mut usize,
    ) -> Result<u64, TrustError> {
        for _ in 0..MOST_RESTARTS {
            match self.below_root(attempt, source, now) {
                Err(TrustError::Missing(_)) => {}
                outcome => return outcome.map(|()| attempt.version()),
            }
            // Where another source has given all that is current, its root stays until the next cycle.
            if self.repository.timestamp().is_none() {
                self.follow_roots(source, roots)?;
                attempt.move_to(&self.repository);
            }
        }
        self.below_root(attempt, source, now).map(|()| attempt.version())
    }

    fn below_root(&self, attempt: &mut Attempt, source: Lent<'_>, now: Timestamp) -> Result<(), TrustError> {
        let expiry = Expiry::Enforce(now);
        let bytes = fetch(source, "timestamp.json", RoleName::Timestamp.cap())?;
        if attempt.repository.update_timestamp(&bytes, expiry).map_err(TrustError::Refused)? == Update::New {
            attempt.keep(RoleName::Timestamp, bytes);
        }
        let wanted = attempt.repository.wanted_snapshot().expect("a timestamp is current");
        let bytes = self.stored_or_fetched(source, RoleName::Snapshot, wanted)?;
        attempt.repository.update_snapshot(&bytes, expiry).map_err(TrustError::Refused)?;
        attempt.keep(RoleName::Snapshot, bytes);
        let wanted = attempt.repository.wanted_targets().expect("a snapshot is current");
        let bytes = self.stored_or_fetched(source, RoleName::Targets, wanted)?;
        attempt.repository.update_targets(&bytes, expiry).map_err(TrustError::Refused)?;
        attempt.keep(RoleName::Targets, bytes);
        Ok(())
    }

    /// What is stored serves where it is known to be signed by keys that still count.
    fn stored_or_fetched(&self, source: Lent<'_>, role: RoleName, wanted: MetaFile) -> Result<Vec<u8>, TrustError> {
        let is_kept = self.repository.known(role).is_some_and(|(version, _)| version == wanted.version);
        match self.stored(role) {
            Ok(Some(bytes)) if is_kept && wanted.is_digest_of(&bytes) => Ok(bytes),
            Ok(_) | Err(_) => fetch(source, &role.file_name(wanted.version), wanted.cap(role)),
        }
    }

    fn adopt(&mut self, attempt: Attempt) -> Result<(), TrustError> {
        for (role, bytes) in &attempt.fresh {
            self.store(*role, bytes)?;
        }
        self.repository = attempt.repository;
        Ok(())
    }
}

/// What a source did wrong is inside; what this machine cannot do ends the cycle.
fn blame_source<T>(outcome: Result<T, TrustError>) -> Result<Result<T, TrustError>, TrustError> {
    match outcome {
        Err(error @ (TrustError::Store(_) | TrustError::Read { .. })) => Err(error),
        outcome => Ok(outcome),
    }
}

fn fetch(source: Lent<'_>, name: &str, cap: u64) -> Result<Vec<u8>, TrustError> {
    source.metadata(name, cap).map_err(TrustError::Source)?.ok_or_else(|| TrustError::Missing(name.to_owned()))
}

#[cfg(test)]
mod tests;
