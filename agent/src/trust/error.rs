//! Why there is no current, verified metadata, and how a command ends that met it.

use std::path::PathBuf;

use manifest_schema::tuf;

use crate::durable;
use crate::exit::Exit;
use crate::source::SourceError;

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
