//! A proposal that came from elsewhere, held against what is published now. What does not follow from it is not signed.

use manifest_schema::tuf::{Partial, Role, RoleName};

use super::proposal::finished;
use super::{Ground, MetadataError, MetadataFile, Proposal};

/// Why a proposal cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// Made before something else was published, or for another repository.
    #[error(
        "the {role} metadata in it has version {found}, and {expected} would follow what is published: something else was published since, or it is for another repository; begin it again"
    )]
    Version {
        /// Whose metadata.
        role: RoleName,
        /// The version in the proposal.
        found: u64,
        /// The version that would follow.
        expected: u64,
    },
    /// Valid for too long.
    #[error(
        "the {role} metadata in it expires at {found}, later than the {days} days of publish.toml allow: do not sign it; begin it again"
    )]
    TooLong {
        /// Whose metadata.
        role: RoleName,
        /// Its expiry.
        found: jiff::Timestamp,
        /// What publish.toml says.
        days: u16,
    },
    /// Too old by now.
    #[error("the {role} metadata in it has expired at {found}: begin it again")]
    Expired {
        /// Whose metadata.
        role: RoleName,
        /// Its expiry.
        found: jiff::Timestamp,
    },
    /// A part that does not belong to the others.
    #[error("the {role} metadata in it does not follow from the rest of it: do not sign it; begin it again")]
    Inconsistent {
        /// Whose metadata.
        role: RoleName,
    },
    /// Nothing to refresh.
    #[error("nothing is published that it could renew")]
    Nothing,
    /// Snapshot and timestamp for what nobody vouches for any more.
    #[error(
        "the published targets are the word of a key that was replaced: they must be signed anew (`publish refresh --sign-targets`)"
    )]
    OldTargets,
}

impl Proposal {
    /// Whether it is what `publish` itself would propose on this ground, but for the moment and for the targets, which a
    /// person must look at. Drops signatures that do not count.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&mut self, ground: &Ground<'_>) -> Result<(), MetadataError> {
        let targets = match &mut self.targets {
            None => Some(ground.targets_file()?.clone()),
            Some(targets) => part(ground, targets)?,
        };
        let Some(snapshot) = self.snapshot.take() else {
            return if self.timestamp.is_none() { Ok(()) } else { Err(inconsistent(RoleName::Timestamp)) };
        };
        let targets = targets.ok_or_else(|| inconsistent(RoleName::Snapshot))?;
        let mut expected = self.next_snapshot(ground, &targets)?;
        expected.expires = snapshot.metadata().expires;
        let snapshot_file = part(ground, self.snapshot.insert(snapshot))?;
        if self.snapshot.as_ref().is_none_or(|snapshot| *snapshot.metadata() != expected) {
            return Err(inconsistent(RoleName::Snapshot));
        }
        let Some(timestamp) = &mut self.timestamp else {
            return Ok(());
        };
        part(ground, timestamp)?;
        let found = timestamp.metadata().clone();
        let snapshot = snapshot_file.ok_or_else(|| inconsistent(RoleName::Timestamp))?;
        let mut expected = self.next_timestamp(ground, &snapshot)?;
        (expected.expires, expected.signed_at) = (found.expires, found.signed_at);
        let is_possible = found.signed_at.is_none_or(|at| at.as_second() <= latest(ground.now));
        if found == expected && is_possible { Ok(()) } else { Err(inconsistent(RoleName::Timestamp)) }
    }
}

fn inconsistent(role: RoleName) -> MetadataError {
    ProposalError::Inconsistent { role }.into()
}

/// Version and expiry of one part; its file, where it is fully signed.
fn part<R: Role>(ground: &Ground<'_>, partial: &mut Partial<R>) -> Result<Option<MetadataFile>, MetadataError> {
    let role = R::NAME;
    let (found, expected) = (partial.metadata().version(), ground.version(role)?);
    if found != expected {
        return Err(ProposalError::Version { role, found, expected }.into());
    }
    valid_for(role, partial.metadata().expires(), ground.now, ground.expiry.of(role))?;
    partial.keep_signers(&[ground.roots.newest()]);
    Ok(finished(ground, partial).ok())
}

/// An hour more than configured is not a lie but two clocks.
const TWO_CLOCKS: i64 = 3600;

/// The latest second that another clock may tell now. Clients would take a moment beyond it for the time.
fn latest(now: jiff::Timestamp) -> i64 {
    now.as_second().saturating_add(TWO_CLOCKS)
}

/// Metadata that is neither expired nor valid for longer than configured.
pub fn valid_for(role: RoleName, found: jiff::Timestamp, now: jiff::Timestamp, days: u16) -> Result<(), ProposalError> {
    if found <= now {
        return Err(ProposalError::Expired { role, found });
    }
    if found.as_second() > super::days(now, days).as_second().saturating_add(TWO_CLOCKS) {
        return Err(ProposalError::TooLong { role, found, days });
    }
    Ok(())
}
