//! Where a repository is read from. Bytes only: whether they are good is decided elsewhere.

use std::fs::File;
use std::path::PathBuf;

use crate::directory::Directory;
use crate::disk::{self, DiskError};

/// A repository that can be read.
pub trait Source {
    /// What a person calls it.
    fn name(&self) -> String;

    /// The metadata file of this name, at most `cap` bytes; `None` where there is none.
    ///
    /// # Errors
    /// When the repository cannot be read, or the file is longer.
    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError>;

    /// The file `path` below the targets, such as `v1.1.0/<sha256>.manifest.json`, from its beginning; of a longer one
    /// not more than `cap` + 1 bytes need to be there. `None` where there is none.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn target(&mut self, path: &str, cap: u64) -> Result<Option<File>, SourceError>;

    /// Whether targets are also read under their people's names.
    fn reads_twice(&self) -> bool;
}

/// Why a repository cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file of a directory, or a temporary one.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The URL does not answer.
    #[error("cannot read {url}")]
    Http {
        /// The URL.
        url: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The server says no.
    #[error("cannot read {url}: the server answers {status}")]
    Status {
        /// The URL.
        url: String,
        /// Its answer.
        status: reqwest::StatusCode,
    },
    /// More bytes than there may be.
    #[error("{url} has more than the {cap} bytes that it may have")]
    TooLong {
        /// The URL.
        url: String,
        /// The most that is read.
        cap: u64,
    },
    /// Reading over the network cannot begin.
    #[error("cannot begin to read over the network")]
    Network(#[source] std::io::Error),
}

/// A directory.
pub struct DirectorySource {
    root: PathBuf,
    directory: Directory,
}

impl DirectorySource {
    /// The repository in `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { directory: Directory::new(root.clone()), root }
    }
}

impl Source for DirectorySource {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(disk::read(&self.directory.metadata_path(name), cap)?)
    }

    fn target(&mut self, path: &str, _: u64) -> Result<Option<File>, SourceError> {
        let path = self.directory.target_path(path);
        Ok(if path.exists() { Some(disk::open(&path)?) } else { None })
    }

    fn reads_twice(&self) -> bool {
        true
    }
}
