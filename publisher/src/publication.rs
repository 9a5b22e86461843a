//! A finished release on its way out, and the places it can go to.
//!
//! [`Publication`] is what packing and signing hand over: files that are complete, named and hashed. [`Repository`] is
//! what a place must be able to do with them. Nothing here knows how a release is made or how a place is reached.

use std::error::Error;
use std::path::PathBuf;

use manifest_schema::digest::Sha256;
use manifest_schema::version::ReleaseVersion;

use crate::disk::DiskError;
use crate::progress::Progress;

/// The name of the one metadata file that is replaced: what it says is what readers see.
pub const TIMESTAMP: &str = "timestamp.json";

/// A release, complete in the staging directory.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The release's version; its tag is `v` and this.
    pub version: ReleaseVersion,
    /// The section of the changelog, as Markdown without its heading.
    pub notes: String,
    /// The targets, each twice: under the people's name and under the name with its hash in front.
    pub targets: Vec<Asset>,
    /// The metadata, in the order in which it must appear: versioned files first, `timestamp.json` last.
    pub metadata: Vec<Asset>,
}

/// One finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its file name as served, such as `manifest.json` or `<sha256>.manifest.json`.
    pub name: String,
    /// Where it lies now. Two assets may share one file.
    pub file: PathBuf,
    /// Its length in bytes.
    pub length: u64,
    /// The hash of its content.
    pub sha256: Sha256,
}

/// How a publication appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// For everyone, at once.
    Public,
    /// Prepared and verified, but not yet visible: a person makes it so.
    Draft,
}

/// What a repository did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is visible now.
    Public {
        /// Where a person looks at it: a URL or a path.
        location: String,
    },
    /// It waits as a draft.
    Draft {
        /// Where a person looks at it.
        location: String,
    },
}

/// A place that releases are published to.
pub trait Repository {
    /// What a person calls it: a path or `github:OWNER/REPO`.
    fn name(&self) -> String;

    /// The published metadata file `name`, such as `timestamp.json` or `3.targets.json`; `None` where there is none.
    ///
    /// # Errors
    /// When the place cannot be asked, or the file is larger than any metadata may be.
    fn metadata(&mut self, name: &str) -> Result<Option<Vec<u8>>, RepositoryError>;

    /// Brings the publication there. It may be called again after any interruption, and a reader who comes in the
    /// middle sees the repository as it was before.
    ///
    /// # Errors
    /// When the place cannot be reached or refuses; nothing is visible then that was not before.
    fn publish(
        &mut self,
        publication: &Publication,
        visibility: Visibility,
        progress: &mut dyn Progress,
    ) -> Result<Published, RepositoryError>;

    /// Replaces the metadata of what is published already, without a release: versioned files first, `timestamp.json` last. It
    /// may be called again after any interruption.
    ///
    /// # Errors
    /// When the place cannot be reached or refuses.
    fn renew(&mut self, metadata: &[Asset], progress: &mut dyn Progress) -> Result<Published, RepositoryError>;

    /// What [`publish`](Self::publish) would do, a line for each call or file, for `--dry-run`.
    fn describe(&self, publication: &Publication, visibility: Visibility) -> Vec<String>;
}

/// Why a repository could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It did not answer; the same command may succeed later.
    #[error("cannot reach {repository}: {what}")]
    Unreachable {
        /// The place.
        repository: String,
        /// What was tried, with the URL.
        what: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It answered, and the answer was no.
    #[error("{repository} refuses: {reason}")]
    Refused {
        /// The place.
        repository: String,
        /// A sentence that says what to do.
        reason: String,
    },
    /// It already has something else under this name.
    #[error("{repository} already has {name} with other content: {advice}")]
    Conflict {
        /// The place.
        repository: String,
        /// The file or release.
        name: String,
        /// What to do.
        advice: String,
    },
    /// What it serves is not what was sent.
    #[error("{repository} does not serve what was published: {what}")]
    NotVerified {
        /// The place.
        repository: String,
        /// What differs.
        what: String,
    },
    /// A file of ours or of a directory repository.
    #[error(transparent)]
    Disk(#[from] DiskError),
}
