//! One source as an administrator writes it, and the address of each file under it.
//!
//! Knows the layouts: a repository on GitHub, a mirror and a directory with `metadata/` and `targets/`. Refuses to know how
//! any of them is read.

mod github;

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;
use url::{Host, Url};

pub(super) use github::Api;
pub use github::{GitHub, Hosts};

use super::{Location, SourceError};

/// A place that releases come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// A repository's releases: `github:OWNER/REPO`.
    GitHub(GitHub),
    /// The tree on a web server: `https://HOST/PATH`.
    Mirror {
        /// What is above `metadata/` and `targets/`; the path ends with a slash.
        base: Url,
    },
    /// The tree on this machine: an absolute path or `file:///PATH`.
    Directory {
        /// What is above `metadata/` and `targets/`.
        path: PathBuf,
    },
}

/// Why a text names no source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// None of the known forms.
    #[error(
        "the source {text:?} is not understood: write github:OWNER/REPO, https://HOST/PATH or the absolute path of a directory"
    )]
    Unknown {
        /// As written.
        text: String,
    },
    /// `github:` with something that GitHub would not accept.
    #[error("the source {text:?} names no repository: write github:OWNER/REPO, as in github:acme/app")]
    Repository {
        /// As written.
        text: String,
    },
    /// A URL that does not parse.
    #[error("{text:?} is not a URL: {source}")]
    Url {
        /// As written.
        text: String,
        /// What the parser says.
        source: url::ParseError,
    },
    /// `http:` to another machine.
    #[error("{text:?} is not encrypted: write https://, plain http:// is only for this machine itself")]
    Plain {
        /// As written.
        text: String,
    },
    /// Password, query or fragment.
    #[error("{text:?} carries a {part}, which a source cannot have")]
    Extra {
        /// As written.
        text: String,
        /// What it carries.
        part: &'static str,
    },
    /// Of an Enterprise server one address is named and the other is not.
    #[error(
        "say both api and downloads, as in https://github.example.com/api/v3 and https://github.example.com: a token for one \
         GitHub must not be shown to another"
    )]
    HalfEnterprise,
    /// A path that depends on where the agent was started, or that climbs.
    #[error("the directory {text:?} must be an absolute path without '..'")]
    Path {
        /// As written.
        text: String,
    },
}

impl SourceSpec {
    /// Reads a source as the configuration writes it. `hosts` is the GitHub that `github:` is about.
    ///
    /// # Errors
    /// A sentence that says which forms there are.
    pub fn parse(text: &str, hosts: &Hosts) -> Result<Self, SpecError> {
        if let Some(repository) = text.strip_prefix("github:") {
            let refused = || SpecError::Repository { text: text.to_owned() };
            return GitHub::parse(repository, hosts).map(Self::GitHub).ok_or_else(refused);
        }
        if text.starts_with('/') {
            return Self::parse_directory(text, Path::new(text));
        }
        match text.split_once("://") {
            Some(("https" | "http", _)) => Ok(Self::Mirror { base: with_final_slash(parse_url(text)?) }),
            Some(("file", path)) if path.starts_with('/') => Self::parse_file_url(text),
            Some(_) | None => Err(SpecError::Unknown { text: text.to_owned() }),
        }
    }

    /// Where the metadata file `name` is.
    ///
    /// # Errors
    /// [`SourceError::Unsafe`] for a name that would leave the source.
    pub fn metadata_url(&self, name: &str) -> Result<Location, SourceError> {
        match self {
            Self::GitHub(_) => self.below("releases/latest/download", name),
            Self::Mirror { .. } | Self::Directory { .. } => self.below("metadata", name),
        }
    }

    /// Where the target is whose path, hash prefix included, is `hashed_path` (see [`hashed_path`]).
    ///
    /// # Errors
    /// [`SourceError::Unsafe`] for a path that would leave the source.
    pub fn target_url(&self, hashed_path: &str) -> Result<Location, SourceError> {
        match self {
            Self::GitHub(_) => self.below("releases/download", hashed_path),
            Self::Mirror { .. } | Self::Directory { .. } => self.below("targets", hashed_path),
        }
    }

    fn parse_file_url(text: &str) -> Result<Self, SpecError> {
        let url = Url::parse(text).map_err(|source| SpecError::Url { text: text.to_owned(), source })?;
        let path = url.to_file_path().map_err(|()| SpecError::Path { text: text.to_owned() })?;
        Self::parse_directory(text, &path)
    }

    fn parse_directory(text: &str, path: &Path) -> Result<Self, SpecError> {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        if !path.is_absolute() || climbs || text.contains('\0') {
            return Err(SpecError::Path { text: text.to_owned() });
        }
        Ok(Self::Directory { path: path.to_owned() })
    }

    fn below(&self, room: &str, name: &str) -> Result<Location, SourceError> {
        let segments = segments(name)?;
        let url = |base: &Url, above: &[&str]| {
            let mut url = base.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(above).extend(room.split('/')).extend(&segments);
            }
            Location::Url(url.into())
        };
        Ok(match self {
            Self::GitHub(repository) => {
                let (site, above) = repository.downloads();
                url(site, &above)
            }
            Self::Mirror { base } => url(base, &[]),
            Self::Directory { path } => Location::File(path.join(room).join(name)),
        })
    }
}

impl std::fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::GitHub(repository) => repository.fmt(f),
            Self::Mirror { base } => write!(f, "{base}"),
            Self::Directory { path } => write!(f, "{}", path.display()),
        }
    }
}

/// The path under which a consistent snapshot keeps a target (TUF 1.0.34, §6.2): the hash before the file name,
/// `v1.1.0/app.tar.gz` → `v1.1.0/<sha256>.app.tar.gz`.
pub fn hashed_path(target: &str, sha256: &str) -> String {
    match target.rsplit_once('/') {
        Some((directory, name)) => format!("{directory}/{sha256}.{name}"),
        None => format!("{sha256}.{target}"),
    }
}

/// Whether the host is this machine by its very name, without asking a resolver.
pub fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}

fn parse_url(text: &str) -> Result<Url, SpecError> {
    let url = Url::parse(text).map_err(|source| SpecError::Url { text: text.to_owned(), source })?;
    let extra = |part| Err(SpecError::Extra { text: without_password(&url), part });
    if !url.username().is_empty() || url.password().is_some() {
        return extra("user name or password");
    }
    if url.query().is_some() {
        return extra("query");
    }
    if url.fragment().is_some() {
        return extra("fragment");
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(&host) => Ok(url),
        ("http", Some(_)) => Err(SpecError::Plain { text: text.to_owned() }),
        (_, _) => Err(SpecError::Unknown { text: text.to_owned() }),
    }
}

/// An error message is no place for a password.
fn without_password(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{}://{host}:{port}{}", url.scheme(), url.path()),
        (Some(host), None) => format!("{}://{host}{}", url.scheme(), url.path()),
        (None, _) => url.scheme().to_owned(),
    }
}

fn with_final_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

fn segments(name: &str) -> Result<Vec<&str>, SourceError> {
    let legal = |part: &&str| {
        !part.is_empty() && *part != "." && *part != ".." && !part.contains(|c: char| c == '\\' || c.is_control())
    };
    let parts = name.split('/').collect::<Vec<_>>();
    if name.len() <= 1024 && parts.iter().all(legal) {
        return Ok(parts);
    }
    Err(SourceError::Unsafe { location: super::wire::clean(name), reason: "not a name inside the source".to_owned() })
}

#[cfg(test)]
mod tests;
