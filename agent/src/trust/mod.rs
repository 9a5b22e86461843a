//! Trust: the pinned root, the metadata on disk, and one cycle that makes them current. What comes out is `Verified`.
//!
//! It knows keys and versions; it does not know policy. Bytes are stored as they were received and verified again each
//! time they are loaded. Metadata that was refused is never stored, so it cannot stand in the way of the next cycle.

mod releases;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{self, Expiry, MetaFile, RoleName, RootUpdate, TrustedRepository, Update};

use crate::config::Settings;
use crate::durable;
use crate::exit::Exit;
use crate::source::{ReleaseSource, SourceError};

/// How often a cycle starts again when the source changed under it.
const MOST_RESTARTS: u32 = 3;

/// Why there is no current, verified metadata.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The vendor's root is not on this machine.
    #[error("cannot read the vendor's root metadata {}: copy it there and compare its fingerprint", path.display())]
    NoRoot {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The vendor's root on this machine is not the one whose fingerprint is configured, or is none at all.
    #[error("the vendor's root metadata {} is refused", path.display())]
    BadRoot {
        /// The file.
        path: PathBuf,
        /// Why.
        source: tuf::Error,
    },
    /// Stored metadata cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The source did not give it.
    #[error("the source of releases does not answer as it should")]
    Source(#[source] SourceError),
    /// It has none.
    #[error("the source has no {0}")]
    Missing(String),
    /// It is not what the vendor signed, or is too old.
    #[error("what the source gave is refused")]
    Refused(#[source] tuf::Error),
    /// It could not be stored.
    #[error("verified metadata cannot be stored")]
    Store(#[source] durable::Error),
    /// A release's manifest is not sound.
    #[error("the manifest of {version} is refused")]
    Manifest {
        /// Which release.
        version: String,
        /// Why.
        source: manifest_schema::manifest::ManifestError,
    },
    /// Signed metadata contradicts itself.
    #[error("the metadata of {version} is refused: {reason}")]
    Contradiction {
        /// Which release.
        version: String,
        /// Why.
        reason: String,
    },
}

impl TrustError {
    /// How a command ends that met this.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Source(_) | Self::Missing(_) => Exit::Unreachable,
            Self::NoRoot { .. } => Exit::Configuration,
            Self::Refused(tuf::Error::Expired { .. }) => Exit::Stale,
            Self::BadRoot { .. }
            | Self::Refused(_)
            | Self::Manifest { .. }
            | Self::Contradiction { .. }
            | Self::Read { .. } => Exit::NotTrusted,
            Self::Store(error) if error.is_no_space() => Exit::Refused,
            Self::Store(_) => Exit::Unexpected,
        }
    }
}

/// The metadata of one instance: in memory, and where it is stored.
pub struct Trust {
    directory: PathBuf,
    repository: TrustedRepository,
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
        let mut trust = Self { directory: directory.to_owned(), repository, left_out: Vec::new() };
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

    /// What was stored and could not be used, as sentences.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// One cycle (TUF 5.3 to 5.6) at the fixed time `now`. A source that changes in the middle, as a forge does while a
    /// release is made, has files missing for a moment: the cycle starts again, a few times.
    ///
    /// # Errors
    /// When the source does not answer or what it gave is refused. What was verified before that stays stored.
    pub fn refresh(&mut self, source: &mut dyn ReleaseSource, now: Timestamp) -> Result<(), TrustError> {
        let mut restarts = 0;
        loop {
            match self.cycle(source, now) {
                Err(TrustError::Missing(_)) if restarts < MOST_RESTARTS => restarts += 1,
                outcome => return outcome,
            }
        }
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

    fn cycle(&mut self, source: &mut dyn ReleaseSource, now: Timestamp) -> Result<(), TrustError> {
        if self.repository.timestamp().is_none() {
            self.follow_roots(source)?;
        }
        let expiry = Expiry::Enforce(now);
        let bytes = fetch(source, "timestamp.json", RoleName::Timestamp.cap())?;
        if self.repository.update_timestamp(&bytes, expiry).map_err(TrustError::Refused)? == Update::New {
            self.store(RoleName::Timestamp, &bytes)?;
        }
        let wanted = self.repository.wanted_snapshot().expect("a timestamp is current");
        let bytes = self.stored_or_fetched(source, RoleName::Snapshot, wanted)?;
        self.repository.update_snapshot(&bytes, expiry).map_err(TrustError::Refused)?;
        self.store(RoleName::Snapshot, &bytes)?;
        let wanted = self.repository.wanted_targets().expect("a snapshot is current");
        let bytes = self.stored_or_fetched(source, RoleName::Targets, wanted)?;
        self.repository.update_targets(&bytes, expiry).map_err(TrustError::Refused)?;
        self.store(RoleName::Targets, &bytes)
    }

    fn follow_roots(&mut self, source: &mut dyn ReleaseSource) -> Result<(), TrustError> {
        for _ in 0..tuf::MAX_ROOT_STEPS {
            let next = RoleName::Root.file_name(self.repository.root().version + 1);
            let Some(bytes) = source.metadata(&next, RoleName::Root.cap()).map_err(TrustError::Source)? else {
                return Ok(());
            };
            if self.repository.update_root(&bytes).map_err(TrustError::Refused)? == RootUpdate::ForgetCached {
                for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
                    durable::remove_file(&self.path(role)).map_err(TrustError::Store)?;
                }
            }
            self.store(RoleName::Root, &bytes)?;
        }
        Ok(())
    }

    fn stored_or_fetched(
        &self,
        source: &mut dyn ReleaseSource,
        role: RoleName,
        wanted: MetaFile,
    ) -> Result<Vec<u8>, TrustError> {
        match self.stored(role) {
            Ok(Some(bytes)) if Sha256::of(&bytes) == wanted.sha256 => Ok(bytes),
            Ok(_) | Err(_) => fetch(source, &role.file_name(wanted.version), wanted.length.min(role.cap())),
        }
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

fn fetch(source: &mut dyn ReleaseSource, name: &str, cap: u64) -> Result<Vec<u8>, TrustError> {
    source.metadata(name, cap).map_err(TrustError::Source)?.ok_or_else(|| TrustError::Missing(name.to_owned()))
}

#[cfg(test)]
mod tests;
