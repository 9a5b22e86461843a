//! Trust: the pinned root, the metadata on disk, and one cycle that makes them current. What comes out is `Verified`.
//!
//! It knows keys and versions; it does not know policy. Bytes are stored as they were received and verified again each
//! time they are loaded. Metadata that was refused is never stored, so it cannot stand in the way of the next cycle.

mod cycle;
mod error;
mod named;
mod releases;
mod reset;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{Expiry, RoleName, TrustedRepository};

pub use cycle::{Lent, Looked};
pub use error::TrustError;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use named::releases as releases_named_by;
pub use reset::NewRoot;

use crate::config::Settings;
use crate::durable;

/// The metadata of one instance: in memory, and where it is stored.
pub struct Trust {
    directory: PathBuf,
    repository: TrustedRepository,
    fingerprint: Sha256,
    left_out: Vec<String>,
}

impl Trust {
    /// Loads what was trusted before, or the pinned root where nothing was.
    ///
    /// # Errors
    /// When the root is missing or not the pinned one, or the stored root does not verify. It is never replaced by
    /// a fresh start: that would be a way to roll it back.
    pub fn load(settings: &Settings, directory: &Path) -> Result<Self, TrustError> {
        Self::open(directory, &settings.root, settings.root_fingerprint.as_ref())
    }

    /// Loads what is stored in `directory`, or where no root is stored, the root in the file `pinned` with the SHA-256
    /// `fingerprint`.
    ///
    /// # Errors
    /// As [`Trust::load`].
    pub fn open(directory: &Path, pinned: &Path, fingerprint: Option<&Sha256>) -> Result<Self, TrustError> {
        let stored = directory.join("root.json");
        let (path, bytes, fingerprint) = match read(&stored, RoleName::Root.cap())? {
            Some(bytes) => (stored, bytes, None),
            None => {
                let missing = |source| TrustError::NoRoot { path: pinned.to_owned(), source };
                let bytes = read_at_most(pinned, RoleName::Root.cap()).map_err(missing)?;
                (pinned.to_owned(), bytes, fingerprint)
            }
        };
        let repository =
            TrustedRepository::from_root(&bytes, fingerprint).map_err(|source| TrustError::BadRoot { path, source })?;
        let fingerprint = Sha256::of(&bytes);
        let mut trust = Self { directory: directory.to_owned(), repository, fingerprint, left_out: Vec::new() };
        trust.load_previous();
        Ok(trust)
    }

    /// What was trusted before guards against going back. Metadata that the current root's keys did not sign counts for
    /// nothing, as TUF 5.3.11 has it: after a key was replaced, a crash can leave such a file behind.
    /// What cannot be read at all counts for nothing either: it is fetched anew, and that is said.
    fn load_previous(&mut self) {
        let previous = Expiry::PreviousState;
        for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
            let bytes = match self.stored(role) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error) => {
                    self.leave_out(role, &error);
                    continue;
                }
            };
            let loaded = match role {
                RoleName::Timestamp => self.repository.update_timestamp(&bytes, previous).map(drop),
                RoleName::Snapshot => self.repository.update_snapshot(&bytes, previous),
                RoleName::Targets | RoleName::Root => self.repository.update_targets(&bytes, previous),
            };
            if let Err(error) = loaded {
                self.leave_out(role, &error);
            }
        }
    }

    fn leave_out(&mut self, role: RoleName, error: &dyn std::error::Error) {
        let reason = crate::exit::chain(error);
        self.left_out.push(format!("stored {role} metadata counts for nothing and is fetched anew: {reason}"));
    }

    /// What is trusted, for whoever only reads.
    pub const fn repository(&self) -> &TrustedRepository {
        &self.repository
    }

    /// The SHA-256 of the root that is followed.
    pub const fn fingerprint(&self) -> Sha256 {
        self.fingerprint
    }

    /// What was stored and could not be used, as sentences.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The stored timestamp metadata that is trusted, with its version.
    pub fn stored_timestamp(&self) -> Option<(u64, Vec<u8>)> {
        let (version, _) = self.repository.known(RoleName::Timestamp)?;
        Some((version, self.stored(RoleName::Timestamp).ok()??))
    }

    /// Makes the stored metadata current without a source: for reading verbs. Expired metadata is refused here as well.
    ///
    /// # Errors
    /// When there is none yet, or it has expired.
    pub fn resume(&mut self, now: Timestamp) -> Result<(), TrustError> {
        let stored = |name: RoleName| {
            self.stored(name)?.ok_or_else(|| TrustError::Missing(format!("stored {name} metadata: run surefoot check")))
        };
        let (timestamp, snapshot, targets) =
            (stored(RoleName::Timestamp)?, stored(RoleName::Snapshot)?, stored(RoleName::Targets)?);
        let expiry = Expiry::Enforce(now);
        let _ = self.repository.update_timestamp(&timestamp, expiry).map_err(TrustError::Refused)?;
        self.repository.update_snapshot(&snapshot, expiry).map_err(TrustError::Refused)?;
        self.repository.update_targets(&targets, expiry).map_err(TrustError::Refused)
    }

    fn path(&self, role: RoleName) -> PathBuf {
        self.directory.join(format!("{role}.json"))
    }

    fn stored(&self, role: RoleName) -> Result<Option<Vec<u8>>, TrustError> {
        read(&self.path(role), role.cap())
    }

    fn store(&self, role: RoleName, bytes: &[u8]) -> Result<(), TrustError> {
        if self.stored(role).is_ok_and(|stored| stored.is_some_and(|stored| stored == bytes)) {
            return Ok(());
        }
        durable::write_over(&self.path(role), bytes, 0o644).map_err(TrustError::Store)
    }
}

fn read(path: &Path, cap: u64) -> Result<Option<Vec<u8>>, TrustError> {
    match read_at_most(path, cap) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TrustError::Read { path: path.to_owned(), source }),
    }
}

/// One byte above the cap is enough for the reader of it to refuse the file.
fn read_at_most(path: &Path, cap: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(cap + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
