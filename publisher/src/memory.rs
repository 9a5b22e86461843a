//! What was published from this checkout: so that an older state that somebody has put back is noticed, and not signed anew.
//!
//! Whoever holds the place of the releases could otherwise have the scheduled `publish refresh` give old metadata a new life,
//! and no expiry would ever tell those clients. It lies inside git's own directory and is a memory of this machine only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;

use crate::disk::{self, DiskError};
use crate::metadata::Roots;

const FILE: &str = "published.json";

/// Larger files are no memory.
const LARGEST: u64 = 1 << 20;

/// Why a repository is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Older than what was published.
    #[error(
        "{repository} has version {found}, and {known} was published from here: somebody has put an older state back, or begun anew. Bring the newer one back from a copy; where it is gone for good, remove {}", file.display()
    )]
    Older {
        /// The repository.
        repository: String,
        /// The version of its timestamp; 0 where it has none.
        found: u64,
        /// The version that was published.
        known: u64,
        /// Where this is remembered.
        file: PathBuf,
    },
    /// The file holds something else.
    #[error("{} is damaged: look whether the repositories are as they were, and remove it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The versions of the timestamps that were published, by the first root and the repository.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    root: Sha256,
    known: BTreeMap<String, u64>,
}

impl Memory {
    /// What is remembered in `private`, of the chain of `roots`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(private: &Path, roots: &Roots) -> Result<Self, MemoryError> {
        let path = private.join(FILE);
        let known = match disk::read(&path, LARGEST)? {
            None => BTreeMap::new(),
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|source| MemoryError::Damaged { path: path.clone(), source })?
            }
        };
        Ok(Self { path, root: Sha256::of(&roots.first().bytes), known })
    }

    /// Refuses a timestamp of a version below the one that was published; 0 is none at all.
    ///
    /// # Errors
    /// [`MemoryError::Older`].
    pub fn check(&self, repository: &str, found: u64) -> Result<(), MemoryError> {
        match self.known.get(&self.key(repository)) {
            Some(known) if *known > found => Err(MemoryError::Older {
                repository: repository.to_owned(),
                found,
                known: *known,
                file: self.path.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Remembers what is published now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&mut self, repository: &str, version: u64) -> Result<(), MemoryError> {
        self.known.insert(self.key(repository), version);
        let text = serde_json::to_vec_pretty(&self.known).expect("it has text keys only");
        Ok(disk::replace(&self.path, &text)?)
    }

    fn key(&self, repository: &str) -> String {
        format!("{} {repository}", self.root)
    }
}
