//! A repository on GitHub: its public download addresses ("Linking to releases"), and those of the REST API for one that is
//! private.

use url::Url;

use super::{SpecError, parse_url};
use crate::source::{Location, SourceError};

const DOWNLOADS: &str = "https://github.com";
const API: &str = "https://api.github.com";

/// The base URLs of a GitHub, under the names that the publisher's configuration has for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// `https://github.com` or `https://HOST`.
    downloads: Url,
    /// `https://api.github.com` or `https://HOST/api/v3`; only where releases are read with a token.
    api: Option<Url>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { downloads: Url::parse(DOWNLOADS).expect("GitHub's address is a URL"), api: None }
    }
}

impl Hosts {
    /// What is public, at `downloads`; github.com's unless named.
    ///
    /// # Errors
    /// A sentence.
    pub fn public(downloads: Option<&str>) -> Result<Self, SpecError> {
        Ok(Self { downloads: parse_url(downloads.unwrap_or(DOWNLOADS))?, api: None })
    }

    /// What is read with a token, at `api`; github.com's unless named. `downloads` is what people know the server by.
    ///
    /// # Errors
    /// A sentence; also where only one of the two is an Enterprise server's: its token would be shown to the other.
    pub fn private(downloads: Option<&str>, api: Option<&str>) -> Result<Self, SpecError> {
        if downloads.is_some() != api.is_some() {
            return Err(SpecError::HalfEnterprise);
        }
        Ok(Self { api: Some(parse_url(api.unwrap_or(API))?), ..Self::public(downloads)? })
    }
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHub {
    hosts: Hosts,
    owner: String,
    repository: String,
}

impl GitHub {
    /// `OWNER/REPO` there. Nothing where GitHub would not accept such names.
    pub(super) fn parse(text: &str, hosts: &Hosts) -> Option<Self> {
        let (owner, repository) = text.split_once('/')?;
        let legal = is_name(owner) && is_name(repository);
        legal.then(|| Self { hosts: hosts.clone(), owner: owner.to_owned(), repository: repository.to_owned() })
    }

    /// Above its public downloads.
    pub(super) fn downloads(&self) -> (&Url, [&str; 2]) {
        (&self.hosts.downloads, [&self.owner, &self.repository])
    }

    /// Whether what it is read from is encrypted; where not, it is on this machine.
    pub fn is_encrypted(&self) -> bool {
        self.hosts.api.as_ref().unwrap_or(&self.hosts.downloads).scheme() == "https"
    }

    /// Whether it is read with a token.
    pub fn is_private(&self) -> bool {
        self.hosts.api.is_some()
    }

    /// The addresses of its API, where it is read with a token.
    pub(in crate::source) fn api(&self) -> Option<Api> {
        let mut base = self.hosts.api.clone()?;
        let mut path = base.path_segments_mut().ok()?;
        path.pop_if_empty().extend(["repos", &self.owner, &self.repository, "releases"]);
        drop(path);
        Some(Api { releases: base })
    }
}

impl std::fmt::Display for GitHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let site = self.hosts.downloads.as_str().trim_end_matches('/');
        write!(f, "{site}/{}/{}", self.owner, self.repository)
    }
}

/// The REST API of one repository, as far as it is about releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Api {
    /// `https://api.github.com/repos/OWNER/REPO/releases`
    releases: Url,
}

impl Api {
    /// The release that carries the current metadata.
    pub(in crate::source) fn latest(&self) -> Location {
        self.below(&["latest"])
    }

    /// The release of a tag.
    ///
    /// # Errors
    /// [`SourceError::Unsafe`] for a tag that would lead elsewhere.
    pub(in crate::source) fn tagged(&self, tag: &str) -> Result<Location, SourceError> {
        super::segments(tag).map(|tag| self.below(&[&["tags"], &tag[..]].concat()))
    }

    /// The bytes of an asset.
    pub(in crate::source) fn asset(&self, id: u64) -> Location {
        self.below(&["assets", &id.to_string()])
    }

    fn below(&self, more: &[&str]) -> Location {
        let mut url = self.releases.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(more);
        }
        Location::Url(url.into())
    }
}

fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 100 && name.chars().all(legal) && name != "." && name != ".."
}
