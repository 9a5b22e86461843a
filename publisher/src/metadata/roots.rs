//! The roots in the checkout: the one that clients pin, and the chain that leads from it to the newest.

use std::path::{Path, PathBuf};

use manifest_schema::tuf::{RoleName, Root, TrustedRepository};

use super::{MetadataError, MetadataFile};
use crate::disk::{self, DiskError};

/// The chain of roots that this checkout trusts, from the pinned first one.
#[derive(Clone, Debug)]
pub struct Roots {
    pub(super) files: Vec<MetadataFile>,
    pub(super) trusted: TrustedRepository,
    /// As it was at each root before the newest, oldest first.
    older: Vec<TrustedRepository>,
}

impl Roots {
    /// Reads `1.root.json`, `2.root.json` … in `directory` and follows the chain.
    ///
    /// # Errors
    /// When the first is missing, or one does not follow the one before.
    pub fn read(directory: &Path) -> Result<Self, MetadataError> {
        let first = file_in(directory, 1)?.ok_or_else(|| MetadataError::NoRoot(root_path(directory, 1)))?;
        let broken =
            |version| move |error| MetadataError::Root { path: root_path(directory, version), source: Box::new(error) };
        let mut trusted = TrustedRepository::from_root(&first.bytes, None).map_err(broken(1))?;
        let (mut files, mut older) = (vec![first], Vec::new());
        while let Some(next) = file_in(directory, files.len() as u64 + 1)? {
            older.push(trusted.clone());
            let _ = trusted.update_root(&next.bytes).map_err(broken(files.len() as u64 + 1))?;
            files.push(next);
        }
        Ok(Self { files, trusted, older })
    }

    /// The newest root.
    pub fn newest(&self) -> &Root {
        self.trusted.root()
    }

    /// The chain as it was at each older root, the newest of them first.
    pub(super) fn before_newest(&self) -> impl Iterator<Item = TrustedRepository> {
        self.older.iter().rev().cloned()
    }

    /// The file that clients pin.
    pub fn first(&self) -> &MetadataFile {
        &self.files[0]
    }
}

/// Puts the root that follows the newest one into the directory.
///
/// # Errors
/// When it does not follow, or the file cannot be written.
pub fn install(directory: &Path, roots: &Roots, bytes: &[u8]) -> Result<PathBuf, MetadataError> {
    let path = root_path(directory, roots.newest().version + 1);
    let follows = roots.trusted.clone().update_root(bytes);
    let _ = follows.map_err(|error| MetadataError::Refused(Box::new(error)))?;
    disk::write_new(&path, bytes, 0o644)?;
    Ok(path)
}

fn root_path(directory: &Path, version: u64) -> PathBuf {
    directory.join(RoleName::Root.file_name(version))
}

fn file_in(directory: &Path, version: u64) -> Result<Option<MetadataFile>, DiskError> {
    let name = RoleName::Root.file_name(version);
    let bytes = disk::read(&directory.join(&name), RoleName::Root.cap())?;
    Ok(bytes.map(|bytes| MetadataFile { name, bytes }))
}
