//! Beginning anew from another root: for a vendor whose root keys are lost or stolen, so that no chain leads to the new ones.
//!
//! Only a person who has the fingerprint from the vendor can decide that, and by another way than the one releases come on.

use std::path::Path;

use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{RoleName, TrustedRepository};

use super::{TrustError, read_at_most};
use crate::durable;

/// Another root, read and held against its fingerprint, that nothing follows yet.
#[derive(Debug)]
pub struct NewRoot {
    bytes: Vec<u8>,
    repository: TrustedRepository,
}

impl NewRoot {
    /// Reads the root in `file`, which must have the SHA-256 `fingerprint` and be signed by its own keys. It may have expired: the
    /// next check follows it to newer ones.
    ///
    /// # Errors
    /// When the file cannot be read or is another one.
    pub fn read(file: &Path, fingerprint: &Sha256) -> Result<Self, TrustError> {
        let unread = |source| TrustError::Read { path: file.to_owned(), source };
        let bytes = read_at_most(file, RoleName::Root.cap()).map_err(unread)?;
        let bad = |source| TrustError::BadRoot { path: file.to_owned(), source };
        let repository = TrustedRepository::from_root(&bytes, Some(fingerprint)).map_err(bad)?;
        Ok(Self { bytes, repository })
    }

    /// Its version.
    pub fn version(&self) -> u64 {
        self.repository.root().version
    }

    /// Trusts it in `directory`, and nothing that was trusted there before.
    ///
    /// The root comes first: whatever a crash leaves beside it is verified by the new keys, and the command is given again.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn replace(self, directory: &Path) -> Result<(), TrustError> {
        durable::make_dirs(directory, 0o755).map_err(TrustError::Store)?;
        durable::write_over(&directory.join("root.json"), &self.bytes, 0o644).map_err(TrustError::Store)?;
        for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
            durable::remove_file(&directory.join(format!("{role}.json"))).map_err(TrustError::Store)?;
        }
        Ok(())
    }
}
