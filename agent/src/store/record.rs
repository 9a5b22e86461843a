//! What is written down about a backup, so that it can be found, proved and brought back by a process that knows nothing else.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use manifest_schema::digest::{Hasher, Sha256};
use manifest_schema::path::Name;
use serde::{Deserialize, Deserializer, Serialize};

use super::error::{Reading, StoreError};
use super::postgres::Properties;

/// Which update (or occasion) a backup belongs to: 1 to 16 of `a-z` and `0-9`. It becomes part of database and file names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BackupTag(String);

impl BackupTag {
    /// The tag of an update's backup, such as `0007`.
    #[must_use]
    pub fn of_update(number: u32) -> Self {
        Self(format!("{number:04}"))
    }

    /// The tag of what an update that brings another's backup back does for it, such as `0008r`.
    #[must_use]
    pub fn of_restore(number: u32) -> Self {
        Self(format!("{number:04}r"))
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackupTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BackupTag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if (1..=16).contains(&text.len()) && text.chars().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TagError(text.chars().take(40).collect()))
        }
    }
}

impl<'de> Deserialize<'de> for BackupTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not the tag of a backup.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not the tag of a backup: use 1 to 16 of a-z and 0-9")]
pub struct TagError(String);

/// A complete, verified backup of one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRecord {
    /// The database's name in the profile.
    pub database: Name,
    /// Which backup it is.
    pub tag: BackupTag,
    /// Bytes that it takes where it lies.
    pub size: u64,
    /// How much is in it, as found when it was verified; `None`: nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    /// Where and what it is.
    pub held: Held,
}

/// How much is in a database or its backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Tables, the server's own left out.
    pub tables: u64,
    /// Rows in all of them.
    pub rows: u64,
    /// Whether the rows were counted.
    pub counted: Counted,
}

/// How a number of rows was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// One by one.
    Exactly,
    /// In the smaller tables; for the others it is the server's estimate.
    InPart,
}

/// Where a backup lies and how it is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "lowercase", deny_unknown_fields)]
pub enum Held {
    /// A PostgreSQL database on the same server.
    Clone {
        /// Its name while it is a backup.
        name: String,
        /// Its object id, which a renaming does not change: the live name with this id is the backup brought back.
        oid: u32,
    },
    /// A PostgreSQL dump in the backup's directory: `pg_dump --format=custom`, compressed as a whole with zstd.
    Dump {
        /// The file's name.
        file: String,
        /// SHA-256 of the file.
        sha256: Sha256,
        /// Object id of the database that was dumped: when the live name has another, it has been replaced.
        oid: u32,
        /// What a dump does not hold: owner, grants, settings, limits of the database itself.
        properties: Properties,
    },
    /// An SQLite file in the backup's directory.
    File {
        /// The file's name.
        file: String,
        /// SHA-256 of the file.
        sha256: Sha256,
    },
    /// A directory in the backup's directory, written by the vendor's command.
    Directory {
        /// The directory's name.
        name: String,
        /// SHA-256 over the paths, lengths and contents in it.
        sha256: Sha256,
    },
    /// There was no database yet, and going back means that there is none.
    Nothing,
}

impl BackupRecord {
    /// Looks whether the files that it names lie in `dir` and are as large as they were made.
    pub(super) fn check_files(&self, dir: &Path) -> Result<(), StoreError> {
        let path = match &self.held {
            Held::Dump { file, .. } | Held::File { file, .. } => dir.join(file),
            Held::Directory { name, .. } => dir.join(name),
            Held::Clone { .. } | Held::Nothing => return Ok(()),
        };
        let found = size_below(&path)?;
        if found == self.size {
            return Ok(());
        }
        let reason = format!("it has {found} bytes instead of {}", self.size);
        Err(StoreError::Damaged { path, reason })
    }
}

/// What a restore does with the database that it takes away.
#[derive(Clone, Copy)]
pub struct Aside<'a> {
    /// The directory of the act that restores: what is kept as a file lies there.
    pub dir: &'a Path,
    /// Whether it goes ahead without a copy.
    pub keep: Keep,
    /// Is told what is noteworthy on the way.
    pub tell: &'a dyn Fn(String),
}

/// Whether something can be lost by a restore. It matters only where keeping means copying, which can fail: by the vendor's
/// command, and where contents are replaced in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// People may have worked in the database since the backup: without a copy of it nothing is brought back.
    Always,
    /// Only a migration has, and it did not come to its end: that its half cannot be copied does not stop the way back.
    WherePossible,
}

impl Aside<'_> {
    /// Passes on what was kept. That it could not be is an error, or told, as [`Keep`] says.
    pub(super) fn kept<T>(&self, database: &str, kept: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match (kept, self.keep) {
            (Ok(kept), _) => Ok(Some(kept)),
            (Err(error), Keep::Always) => Err(error),
            (Err(error), Keep::WherePossible) if error.is_passing() => Err(error),
            (Err(error), Keep::WherePossible) => {
                let reason = crate::exit::chain(&error);
                (self.tell)(format!("what the migration left of database {database} could not be kept: {reason}"));
                Ok(None)
            }
        }
    }
}

/// What a restore put aside instead of removing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftAside {
    /// The name under which the admin finds it: of a database, or the path of a file.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

/// SHA-256 of a file.
pub(super) fn hash_file(path: &Path) -> Result<Sha256, StoreError> {
    let mut file = std::fs::File::open(path).reading("open", path)?;
    let mut hasher = Hasher::new();
    std::io::copy(&mut file, &mut hasher).reading("read", path)?;
    Ok(hasher.finish())
}

/// Looks whether a file is the one that was written.
pub(super) fn verify_file(path: &Path, sha256: &Sha256) -> Result<(), StoreError> {
    if hash_file(path)? == *sha256 {
        return Ok(());
    }
    let reason = "its contents are not those that were written".to_owned();
    Err(StoreError::Damaged { path: path.to_owned(), reason })
}

/// Bytes of a file, or of all files below a directory.
pub(super) fn size_below(path: &Path) -> Result<u64, StoreError> {
    let meta = std::fs::symlink_metadata(path).reading("look at", path)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    let entries = std::fs::read_dir(path).reading("list", path)?;
    entries.map(|entry| size_below(&entry.reading("list", path)?.path())).sum()
}

/// Length of a file in bytes.
pub(super) fn size_of(path: &Path) -> Result<u64, StoreError> {
    Ok(std::fs::metadata(path).reading("look at", path)?.len())
}
