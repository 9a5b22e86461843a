//! A directory as a repository: any static web server can then serve it, and it can be carried on a disk.
//!
//! ```text
//! DIR/metadata/   1.root.json … N.targets.json  N.snapshot.json  timestamp.json
//! DIR/targets/v1.1.0/   manifest.json  <sha256>.manifest.json  …
//! ```
//! Writing is a list of operations, each of which leaves a whole file or nothing. Nothing that a reader can find is
//! changed before the last one, which replaces `timestamp.json`: stopped anywhere, the repository is the one before,
//! and running the list again completes it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use manifest_schema::digest::{Hasher, Sha256};
use manifest_schema::tuf::RoleName;

use crate::disk::{self, DiskError, failed};
use crate::progress::{Amount, Progress};
use crate::publication::{Asset, Publication, Published, Repository, RepositoryError, TIMESTAMP, Visibility};

/// A directory that releases are published to.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

/// One change of the directory. Done twice it is as done once.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    /// Make the directory.
    MakeDir(PathBuf),
    /// Put a copy of the asset there.
    Place(Asset, PathBuf),
    /// Give the placed file a second name.
    Link(PathBuf, PathBuf),
}

impl Directory {
    /// The repository in `root`, which is made with the first release.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where metadata lies.
    pub fn metadata_path(&self, name: &str) -> PathBuf {
        self.root.join("metadata").join(name)
    }

    /// Where the targets of a release lie, by its tag and the name with or without the hash.
    pub fn target_path(&self, path: &str) -> PathBuf {
        self.root.join("targets").join(path)
    }

    fn operations(&self, publication: &Publication, visibility: Visibility) -> Vec<Operation> {
        let tag = publication.version.tag();
        let mut operations =
            vec![Operation::MakeDir(self.target_path(&tag)), Operation::MakeDir(self.root.join("metadata"))];
        let mut placed: BTreeMap<&Path, PathBuf> = BTreeMap::new();
        for asset in &publication.targets {
            let path = self.target_path(&tag).join(&asset.name);
            if let Some(first) = placed.get(asset.file.as_path()) {
                operations.push(Operation::Link(first.clone(), path));
            } else {
                placed.insert(&asset.file, path.clone());
                operations.push(Operation::Place(asset.clone(), path));
            }
        }
        let visible = |asset: &&Asset| visibility == Visibility::Public || asset.name != TIMESTAMP;
        operations.extend(
            publication
                .metadata
                .iter()
                .filter(visible)
                .map(|asset| Operation::Place(asset.clone(), self.metadata_path(&asset.name))),
        );
        operations
    }
}

impl Directory {
    fn carry_out(&self, operations: &[Operation], progress: &mut dyn Progress) -> Result<(), DiskError> {
        progress.begin(&format!("writing {}", self.name()), amount(operations));
        for operation in operations {
            perform(operation)?;
            progress.advance(weight(operation));
        }
        progress.done();
        Ok(())
    }
}

impl Repository for Directory {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn metadata(&mut self, name: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        Ok(disk::read(&self.metadata_path(name), RoleName::Targets.cap())?)
    }

    fn publish(
        &mut self,
        publication: &Publication,
        visibility: Visibility,
        progress: &mut dyn Progress,
    ) -> Result<Published, RepositoryError> {
        self.carry_out(&self.operations(publication, visibility), progress)?;
        let location = self.name();
        Ok(match visibility {
            Visibility::Public => Published::Public { location },
            Visibility::Draft => Published::Draft { location },
        })
    }

    fn renew(&mut self, metadata: &[Asset], progress: &mut dyn Progress) -> Result<Published, RepositoryError> {
        let place = |asset: &Asset| Operation::Place(asset.clone(), self.metadata_path(&asset.name));
        let operations: Vec<Operation> = metadata.iter().map(place).collect();
        self.carry_out(&operations, progress)?;
        Ok(Published::Public { location: self.name() })
    }

    fn describe(&self, publication: &Publication, visibility: Visibility) -> Vec<String> {
        self.operations(publication, visibility).iter().map(Operation::to_string).collect()
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MakeDir(path) => write!(f, "make directory {}", path.display()),
            Self::Place(asset, path) => {
                write!(f, "write {} ({})", path.display(), crate::progress::size(asset.length))
            }
            Self::Link(_, path) => write!(f, "link  {}", path.display()),
        }
    }
}

fn perform(operation: &Operation) -> Result<(), DiskError> {
    match operation {
        Operation::MakeDir(path) => disk::make_dirs(path),
        Operation::Place(asset, path) if holds(path, asset)? => disk::remove_partial(path),
        Operation::Place(asset, path) => disk::place(&asset.file, path),
        Operation::Link(existing, name) => disk::link(existing, name),
    }
}

/// Whether the asset is there already, from a run that was interrupted or is only repeated.
fn holds(path: &Path, asset: &Asset) -> Result<bool, DiskError> {
    let Ok(mut file) = File::open(path) else {
        return Ok(false);
    };
    let length = file.metadata().map_err(failed("look at", path))?.len();
    Ok(length == asset.length && hash(&mut file).map_err(failed("read", path))? == asset.sha256)
}

fn hash(file: &mut File) -> io::Result<Sha256> {
    let mut hasher = Hasher::new();
    io::copy(file, &mut hasher)?;
    Ok(hasher.finish())
}

fn weight(operation: &Operation) -> u64 {
    match operation {
        Operation::Place(asset, _) => asset.length,
        Operation::MakeDir(_) | Operation::Link(..) => 0,
    }
}

fn amount(operations: &[Operation]) -> Amount {
    Amount::Bytes(operations.iter().map(weight).sum())
}

#[cfg(test)]
mod tests;
