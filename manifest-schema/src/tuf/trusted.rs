//! What a client trusts, and how that changes: the client workflow of TUF 5.3 to 5.7.
//!
//! A cycle begins with the root that was trusted last. What was stored from earlier cycles is
//! loaded as [`Expiry::PreviousState`]: verified again, and good only for seeing that nothing goes
//! back. Then come new roots one by one, the timestamp, the snapshot, the targets, each under
//! [`Expiry::Enforce`]. A refusal changes nothing. Fetching, storing and the choice of the time are
//! the caller's.

mod answers;

use super::checks::{
    goes_on, is_file, is_fresh, is_version, newer_timestamp, not_before_signing, revokes_freshness_keys,
    snapshot_goes_on,
};
use super::envelope::Envelope;
use super::error::Error;
use super::meta_file::MetaFile;
use super::role::{Role, RoleName};
use super::root::Root;
use super::slot::Slot;
use super::snapshot::Snapshot;
use super::targets::Targets;
use super::timestamp::Timestamp;
use super::verified::Verified;
use crate::digest::Sha256;

/// How many roots a client follows in one cycle (TUF 5.3.3); the next cycle goes on.
pub const MAX_ROOT_STEPS: usize = 64;

/// What metadata is loaded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// To act on: refused if it has expired at this time, the fixed start time of the cycle (TUF
    /// 5.1).
    Enforce(jiff::Timestamp),
    /// To know what was trusted before: it may have expired, and nothing is ever installed by it.
    PreviousState,
}

/// What became of new timestamp metadata that was valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Update {
    /// It is trusted now: store it.
    New,
    /// It has the version that was trusted already, so that one stays (TUF 5.4.3): do not store it.
    Unchanged,
}

/// What a new root asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RootUpdate {
    /// Store the root.
    KeepCached,
    /// A timestamp or snapshot key was revoked: delete the stored timestamp, snapshot and targets
    /// first and store the root then. Whoever had that key may have signed versions so high that
    /// the real ones would look old (TUF 5.3.11).
    ForgetCached,
}

/// The metadata that a client trusts.
#[derive(Debug, Clone)]
pub struct TrustedRepository {
    root: Verified<Root>,
    timestamp: Slot<Timestamp>,
    snapshot: Slot<Snapshot>,
    targets: Slot<Targets>,
}

impl TrustedRepository {
    /// Begins with root metadata that is trusted already: because it was stored by an earlier
    /// cycle, or because its file has the SHA-256 `fingerprint` that a person pinned. It may have
    /// expired.
    ///
    /// # Errors
    /// When the fingerprint differs, or the root is not signed by its own keys.
    pub fn from_root(bytes: &[u8], fingerprint: Option<&Sha256>) -> Result<Self, Error> {
        let found = Sha256::of(bytes);
        if let Some(&expected) = fingerprint.filter(|expected| **expected != found) {
            return Err(Error::Fingerprint { expected, found });
        }
        Ok(Self {
            root: Envelope::read(RoleName::Root, bytes, RoleName::Root.cap())?.open_by_itself()?,
            timestamp: Slot::default(),
            snapshot: Slot::default(),
            targets: Slot::default(),
        })
    }

    /// Begins another cycle: what is trusted stays the measure, and must be offered again to be acted on.
    pub fn begin_cycle(&mut self) {
        self.timestamp.demote();
        self.snapshot.demote();
        self.targets.demote();
    }

    /// Follows the chain of roots by one version (TUF 5.3.4 to 5.3.7). The new root may have
    /// expired; whether the last one has is asked with the timestamp (5.3.10).
    ///
    /// # Errors
    /// When it is not the next version, or is not signed by enough of the old and of the new keys.
    pub fn update_root(&mut self, bytes: &[u8]) -> Result<RootUpdate, Error> {
        if self.timestamp.current.is_some() {
            return Err(Error::LateRoot);
        }
        let envelope = Envelope::read(RoleName::Root, bytes, RoleName::Root.cap())?;
        envelope.verify(&self.root)?;
        let offered = envelope.open_by_itself()?;
        is_version(&*offered, self.root.version + 1)?;
        let revoked = revokes_freshness_keys(&self.root, &offered);
        self.root = offered;
        Ok(if revoked { self.forget() } else { RootUpdate::KeepCached })
    }

    fn forget(&mut self) -> RootUpdate {
        self.timestamp = Slot::default();
        self.snapshot = Slot::default();
        // TUF names the first two only, but we hold targets metadata against its predecessor as
        // well.
        self.targets = Slot::default();
        RootUpdate::ForgetCached
    }

    /// Takes timestamp metadata (TUF 5.4).
    ///
    /// # Errors
    /// When it is not signed by enough keys, is older than what was trusted or names an older
    /// snapshot; under [`Expiry::Enforce`] also when it, or the root, has expired.
    pub fn update_timestamp(&mut self, bytes: &[u8], expiry: Expiry) -> Result<Update, Error> {
        let envelope = Envelope::read(RoleName::Timestamp, bytes, RoleName::Timestamp.cap())?;
        let offered: Verified<Timestamp> = envelope.open(&self.root)?;
        let now = match expiry {
            Expiry::Enforce(now) => now,
            Expiry::PreviousState => return Ok(self.timestamp.remember(offered)),
        };
        let (newest, update) = newer_timestamp(self.timestamp.newest(), offered)?;
        let now = not_before_signing(&newest, now);
        is_fresh(&*self.root, now)?;
        is_fresh(&*newest, now)?;
        self.timestamp.current = Some(newest);
        self.snapshot.demote();
        self.targets.demote();
        Ok(update)
    }

    /// Takes snapshot metadata (TUF 5.5).
    ///
    /// # Errors
    /// When it is not signed by enough keys; under [`Expiry::Enforce`] also when the current
    /// timestamp does not vouch for exactly these bytes, when it or what it lists is older than
    /// what was trusted, or when it has expired.
    pub fn update_snapshot(&mut self, bytes: &[u8], expiry: Expiry) -> Result<(), Error> {
        let now = match expiry {
            Expiry::Enforce(now) => now,
            Expiry::PreviousState => {
                let _ = self.snapshot.remember(self.open(bytes)?);
                return Ok(());
            }
        };
        let early = Error::Early { role: RoleName::Snapshot, needs: RoleName::Timestamp };
        let offered = self.open_child(bytes, self.wanted_snapshot().ok_or(early)?)?;
        self.snapshot.newest().map_or(Ok(()), |trusted| snapshot_goes_on(trusted, &offered))?;
        is_fresh(&*offered, self.not_before_signing(now))?;
        self.snapshot.current = Some(offered);
        self.targets.demote();
        Ok(())
    }

    /// Takes targets metadata (TUF 5.6).
    ///
    /// # Errors
    /// When it is not signed by enough keys; under [`Expiry::Enforce`] also when the current
    /// snapshot does not vouch for exactly these bytes, when it is older than what was trusted, or
    /// when it has expired.
    pub fn update_targets(&mut self, bytes: &[u8], expiry: Expiry) -> Result<(), Error> {
        let now = match expiry {
            Expiry::Enforce(now) => now,
            Expiry::PreviousState => {
                let _ = self.targets.remember(self.open(bytes)?);
                return Ok(());
            }
        };
        let early = Error::Early { role: RoleName::Targets, needs: RoleName::Snapshot };
        let offered: Verified<Targets> = self.open_child(bytes, self.wanted_targets().ok_or(early)?)?;
        self.targets.newest().map_or(Ok(()), |trusted| goes_on(&**trusted, &*offered))?;
        is_fresh(&*offered, self.not_before_signing(now))?;
        self.targets.current = Some(offered);
        Ok(())
    }

    /// Opens metadata by the root's keys alone.
    fn open<R: Role>(&self, bytes: &[u8]) -> Result<Verified<R>, Error> {
        Envelope::read(R::NAME, bytes, R::NAME.cap())?.open(&self.root)
    }

    /// Opens metadata whose bytes and version its parent has signed.
    fn open_child<R: Role>(&self, bytes: &[u8], signed: MetaFile) -> Result<Verified<R>, Error> {
        is_file(R::NAME, bytes, signed)?;
        let offered: Verified<R> = self.open(bytes)?;
        is_version(&*offered, signed.version)?;
        Ok(offered)
    }
}
