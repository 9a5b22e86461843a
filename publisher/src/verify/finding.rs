//! What can be wrong with a target.

use manifest_schema::manifest::ManifestError;
use manifest_schema::tuf;
use manifest_schema::version::ReleaseVersion;

/// One thing that a client would refuse, or a person would miss.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// It is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// It is longer or shorter.
    #[error("{path} has {found} bytes, and {signed} are signed")]
    Length {
        /// The file.
        path: String,
        /// Its length.
        found: u64,
        /// What it should be.
        signed: u64,
    },
    /// Its content is another.
    #[error("{0} has not the content that is signed")]
    Content(String),
    /// It changed while it was read.
    #[error("{path} changed while it was read")]
    Changed {
        /// The file.
        path: String,
        /// What is wrong.
        source: Box<tuf::Error>,
    },
    /// The manifest is no manifest.
    #[error("{path} is no sound manifest")]
    Manifest {
        /// The file.
        path: String,
        /// What is wrong.
        source: ManifestError,
    },
    /// Manifest and metadata say different things.
    #[error("the manifest of {version} does not agree with the signed metadata: {what}")]
    Disagrees {
        /// The release.
        version: ReleaseVersion,
        /// On what.
        what: &'static str,
    },
    /// The manifest describes another archive than the metadata.
    #[error("the manifest describes {0} otherwise than the signed metadata")]
    Artifact(String),
    /// A block's hash in the manifest is wrong.
    #[error("block {block} of {path} has not the hash that the manifest lists")]
    Block {
        /// The archive.
        path: String,
        /// The block, from 0.
        block: usize,
    },
    /// The archive does not hold the manifest's files.
    #[error("{path} does not hold exactly the files of the manifest: {what}")]
    Files {
        /// The archive.
        path: String,
        /// The first difference.
        what: String,
    },
}
