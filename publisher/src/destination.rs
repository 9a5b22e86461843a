//! Where a release goes to or is read from, as a person writes it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::config::Config;
use crate::directory::Directory;
use crate::github::GithubRepository;
use crate::publication::{Repository, RepositoryError};
use crate::secret;

/// A repository named by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A directory that a web server serves, or that is carried on a disk.
    Directory(PathBuf),
    /// The releases of a repository on GitHub.
    GitHub {
        /// The user or organisation.
        owner: String,
        /// The repository.
        repo: String,
    },
}

impl Destination {
    /// The same, with a relative directory understood from `base`.
    pub fn from_base(self, base: &Path) -> Self {
        match self {
            Self::Directory(path) => Self::Directory(base.join(path)),
            Self::GitHub { .. } => self,
        }
    }

    /// The directory, where it is one.
    pub fn directory(&self) -> Option<PathBuf> {
        match self {
            Self::Directory(path) => Some(path.clone()),
            Self::GitHub { .. } => None,
        }
    }

    /// The URL under which people find `v1.1.0/NAME-v1.1.0.tar.gz`, where it follows from the place.
    pub fn targets_url(&self, config: &Config) -> Option<String> {
        match self {
            Self::Directory(_) => None,
            Self::GitHub { owner, repo } => {
                let base = config.github.downloads.as_ref().map_or("https://github.com", url::Url::as_str);
                Some(format!("{}/{owner}/{repo}/releases/download/", base.trim_end_matches('/')))
            }
        }
    }

    /// The repository, to read and to write.
    ///
    /// # Errors
    /// When it cannot be used at all, as with a GitHub token that is none.
    pub fn repository(&self, config: &Config) -> Result<Box<dyn Repository>, RepositoryError> {
        match self {
            Self::Directory(path) => Ok(Box::new(Directory::new(path.clone()))),
            Self::GitHub { owner, repo } => Ok(Box::new(GithubRepository::connect(owner, repo, &config.github)?)),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::GitHub { owner, repo } => write!(f, "github:{owner}/{repo}"),
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if let Some(name) = text.strip_prefix("github:") {
            return github(name).ok_or_else(|| DestinationError::GitHub(text.to_owned()));
        }
        if text.contains("://") {
            return Err(DestinationError::Url(secret::address(text)));
        }
        if text.is_empty() {
            return Err(DestinationError::Empty);
        }
        Ok(Self::Directory(PathBuf::from(text)))
    }
}

fn github(name: &str) -> Option<Destination> {
    let legal = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !part.starts_with('.')
    };
    let (owner, repo) = name.split_once('/')?;
    (legal(owner) && legal(repo)).then(|| Destination::GitHub { owner: owner.to_owned(), repo: repo.to_owned() })
}

/// Why a text names no repository.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// Not `github:OWNER/REPO`.
    #[error("{0:?} names no repository on GitHub: write github:OWNER/REPO")]
    GitHub(String),
    /// A URL can be read, not written.
    #[error("cannot publish to the URL {0:?}: publish to a directory and let a web server serve it")]
    Url(String),
    /// Nothing.
    #[error("an empty text names no repository: write a directory or github:OWNER/REPO")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_a_github_repository_are_told_apart() {
        assert_eq!("dist".parse::<Destination>().unwrap(), Destination::Directory("dist".into()));
        let github: Destination = "github:acme/kkt".parse().unwrap();
        assert_eq!(github.to_string(), "github:acme/kkt");
    }

    #[test]
    fn what_cannot_be_published_to_is_refused() {
        for text in ["", "github:acme", "github:acme/a/b", "github:/x", "github:../x", "https://x/"] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
