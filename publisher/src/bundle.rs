//! A bundle: what several people sign one after the other, in one file that is passed on.
//!
//! ```json
//! {"surefoot_bundle":1,"purpose":"release v1.1.0","targets":{"signatures":[…],"signed":{…}}}
//! ```
//! Each part is a metadata file as it will be served, with the signatures that it has so far. Reading one believes nothing:
//! what is in it is checked against this checkout and the repository, and shown, before anyone signs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use manifest_schema::canonical;
use manifest_schema::strict::{self, StrictError, Value};
use manifest_schema::tuf::{self, Partial, Role, Root};
use manifest_schema::version::ReleaseVersion;
use serde::Deserialize;

use crate::disk::{self, DiskError};
use crate::metadata::Proposal;

/// Larger files are no bundles.
const LARGEST: u64 = 24 << 20;

/// The version of the format.
const FORMAT: u64 = 1;

/// Why a file is no bundle, or not the one that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// No file.
    #[error("there is no bundle {}", .0.display())]
    Missing(PathBuf),
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Not JSON.
    #[error("{} is no bundle", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StrictError,
    },
    /// JSON of another form.
    #[error("{} is no bundle of this version of `publish`", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A part that is no metadata.
    #[error("{} cannot be used", path.display())]
    Part {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<tuf::Error>,
    },
    /// Parts that its purpose does not have, or lacks.
    #[error("{} says it is for {purpose}, and does not hold what that needs: do not sign it", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What it says it is for.
        purpose: String,
    },
    /// For something else.
    #[error("{} is for {found}, not for {wanted}: name another file with --bundle", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What it is for.
        found: String,
        /// What is wanted.
        wanted: String,
    },
    /// There is a file already.
    #[error("{} exists: finish it with `publish sign`, remove it, or name another file", .0.display())]
    Exists(PathBuf),
}

/// What the metadata in a bundle is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// New keys, or a longer life for the present ones.
    Root,
    /// A release.
    Release(ReleaseVersion),
    /// Snapshot and timestamp, and sometimes the targets, signed anew.
    Refresh,
}

/// What is being signed.
#[derive(Clone, Debug)]
pub enum Bundle {
    /// A new root.
    Root(Partial<Root>),
    /// New metadata of a repository.
    Metadata(Purpose, Proposal),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    surefoot_bundle: u64,
    purpose: String,
    root: Option<Value>,
    targets: Option<Value>,
    snapshot: Option<Value>,
    timestamp: Option<Value>,
}

impl Bundle {
    /// Reads the bundle in a file; `None` where there is no file.
    ///
    /// # Errors
    /// When the file is no bundle.
    pub fn read(path: &Path) -> Result<Option<Self>, BundleError> {
        let Some(bytes) = disk::read(path, LARGEST)? else {
            return Ok(None);
        };
        let unreadable = |source| BundleError::Unreadable { path: path.to_owned(), source };
        let form = |source| BundleError::Form { path: path.to_owned(), source };
        let file: File = strict::parse(&bytes, LARGEST).map_err(unreadable)?.to().map_err(form)?;
        let contents = || BundleError::Contents { path: path.to_owned(), purpose: file.purpose.clone() };
        let purpose: Purpose = file.purpose.parse().map_err(|()| contents())?;
        let (root, proposal) = parts(&file).map_err(|source| BundleError::Part { path: path.to_owned(), source })?;
        let metadata = proposal.targets.is_some() || proposal.snapshot.is_some() || proposal.timestamp.is_some();
        match (purpose, root) {
            (_, _) if file.surefoot_bundle != FORMAT => Err(contents()),
            (Purpose::Root, Some(root)) if !metadata => Ok(Some(Self::Root(root))),
            (purpose @ Purpose::Release(_), None) if proposal.targets.is_some() => {
                Ok(Some(Self::Metadata(purpose, proposal)))
            }
            (Purpose::Refresh, None) if metadata => Ok(Some(Self::Metadata(Purpose::Refresh, proposal))),
            (Purpose::Root | Purpose::Release(_) | Purpose::Refresh, Some(_) | None) => Err(contents()),
        }
    }

    /// The proposal in a file that is to be for `wanted`; `None` where there is no file.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when it is for something else.
    pub fn proposal(path: &Path, wanted: &Purpose) -> Result<Option<Proposal>, BundleError> {
        let other = |found: &Purpose| BundleError::Other {
            path: path.to_owned(),
            found: found.to_string(),
            wanted: wanted.to_string(),
        };
        match Self::read(path)? {
            None => Ok(None),
            Some(Self::Metadata(purpose, proposal)) if purpose == *wanted => Ok(Some(proposal)),
            Some(Self::Metadata(purpose, _)) => Err(other(&purpose)),
            Some(Self::Root(_)) => Err(other(&Purpose::Root)),
        }
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Root(_) => Purpose::Root,
            Self::Metadata(purpose, _) => purpose.clone(),
        }
    }

    /// Writes it, replacing what is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), BundleError> {
        let mut text = format!(r#"{{"surefoot_bundle":{FORMAT},"purpose":"{}""#, self.purpose()).into_bytes();
        let mut add = |name: &str, file: Option<Vec<u8>>| {
            if let Some(file) = file {
                text.extend_from_slice(format!(",\"{name}\":").as_bytes());
                text.extend_from_slice(&file);
            }
        };
        match self {
            Self::Root(root) => add("root", Some(root.file())),
            Self::Metadata(_, proposal) => {
                add("targets", proposal.targets.as_ref().map(Partial::file));
                add("snapshot", proposal.snapshot.as_ref().map(Partial::file));
                add("timestamp", proposal.timestamp.as_ref().map(Partial::file));
            }
        }
        text.extend_from_slice(b"}\n");
        Ok(disk::replace(path, &text)?)
    }
}

fn parts(file: &File) -> Result<(Option<Partial<Root>>, Proposal), Box<tuf::Error>> {
    let proposal =
        Proposal { targets: part(&file.targets)?, snapshot: part(&file.snapshot)?, timestamp: part(&file.timestamp)? };
    Ok((part(&file.root)?, proposal))
}

fn part<R: Role>(value: &Option<Value>) -> Result<Option<Partial<R>>, Box<tuf::Error>> {
    value.as_ref().map(|value| Partial::read(&canonical::encode(value)).map_err(Box::new)).transpose()
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Release(version) => write!(f, "release {}", version.tag()),
            Self::Refresh => f.write_str("refresh"),
        }
    }
}

impl FromStr for Purpose {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "root" => Ok(Self::Root),
            "refresh" => Ok(Self::Refresh),
            _ => {
                let tag = text.strip_prefix("release ").ok_or(())?;
                ReleaseVersion::from_tag(tag).map(Self::Release).map_err(|_| ())
            }
        }
    }
}
