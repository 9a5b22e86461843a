//! What a trusted repository answers once it has been brought up to date.

use super::TrustedRepository;
use crate::digest::Sha256;
use crate::tuf::checks::not_before_signing;
use crate::tuf::targets::TargetDescription;
use crate::tuf::{Error, MetaFile, RoleName, Root, Snapshot, TargetPath, Targets, Timestamp, Verified};

impl TrustedRepository {
    /// Checks the bytes of a target (TUF 5.7.3), all of them at once: for manifests and other small
    /// files. Large artifacts are checked block by block against the manifest.
    ///
    /// # Errors
    /// When the current targets metadata does not vouch for exactly these bytes under this path.
    pub fn verify_target(&self, path: &TargetPath, bytes: Vec<u8>) -> Result<Verified<Vec<u8>>, Error> {
        let signed = self.target(path)?;
        let (path, found) = (path.clone(), bytes.len() as u64);
        if found != signed.length {
            return Err(Error::TargetLength { path, expected: signed.length, found });
        }
        let found = Sha256::of(&bytes);
        if found != signed.sha256 {
            return Err(Error::TargetDigest { path, expected: signed.sha256, found });
        }
        Ok(Verified::new(bytes))
    }

    /// What is signed of a target (TUF 5.7.1).
    ///
    /// # Errors
    /// Before current targets metadata is trusted, and when it does not have the path.
    pub fn target(&self, path: &TargetPath) -> Result<&TargetDescription, Error> {
        let targets = self.targets().ok_or(Error::NoTargets)?;
        targets.targets.get(path).ok_or_else(|| Error::UnknownTarget { path: path.clone() })
    }

    /// The trusted root.
    #[must_use]
    pub const fn root(&self) -> &Verified<Root> {
        &self.root
    }

    /// The timestamp trusted in this cycle.
    #[must_use]
    pub const fn timestamp(&self) -> Option<&Verified<Timestamp>> {
        self.timestamp.current.as_ref()
    }

    /// The snapshot trusted in this cycle.
    #[must_use]
    pub const fn snapshot(&self) -> Option<&Verified<Snapshot>> {
        self.snapshot.current.as_ref()
    }

    /// The targets trusted in this cycle: what may be installed.
    #[must_use]
    pub const fn targets(&self) -> Option<&Verified<Targets>> {
        self.targets.current.as_ref()
    }

    /// The newest targets that were ever verified here, expired or not: for status and notices. Nothing is installed by them.
    #[must_use]
    pub fn known_targets(&self) -> Option<&Verified<Targets>> {
        self.targets.newest()
    }

    /// The snapshot file that the current timestamp names: to be fetched, unless the stored one has
    /// this digest.
    #[must_use]
    pub fn wanted_snapshot(&self) -> Option<MetaFile> {
        self.timestamp().map(|timestamp| timestamp.snapshot)
    }

    /// The targets file that the current snapshot names: to be fetched, unless the stored one has
    /// this digest.
    #[must_use]
    pub fn wanted_targets(&self) -> Option<MetaFile> {
        self.snapshot().map(|snapshot| snapshot.meta.targets)
    }

    /// Version and expiry of the newest metadata of `role` that was ever verified here, expired or
    /// not: for status and notices.
    #[must_use]
    pub fn known(&self, role: RoleName) -> Option<(u64, jiff::Timestamp)> {
        match role {
            RoleName::Root => Some((self.root.version, self.root.expires)),
            RoleName::Targets => self.targets.known(),
            RoleName::Snapshot => self.snapshot.known(),
            RoleName::Timestamp => self.timestamp.known(),
        }
    }

    /// The time that counts while the machine's clock says `now`: never before the newest timestamp that was verified here was
    /// signed. So a clock that was set back makes nothing valid again that had expired by then.
    #[must_use]
    pub fn not_before_signing(&self, now: jiff::Timestamp) -> jiff::Timestamp {
        self.timestamp.newest().map_or(now, |timestamp| not_before_signing(timestamp, now))
    }
}
