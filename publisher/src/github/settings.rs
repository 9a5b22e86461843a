//! Which repository on which GitHub, and how patiently it is asked.

use std::time::Duration;

use url::Url;

use super::token::Token;

/// Everything that a publication to GitHub depends on and that is not the release.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The user or organisation.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// Where the three services are.
    pub hosts: Hosts,
    /// With the permission `Contents: write`. Without one, a public repository can be read.
    pub token: Option<Token>,
    /// How patiently it is asked.
    pub patience: Patience,
}

/// The base URLs of a GitHub.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// `https://api.github.com` or `https://HOST/api/v3`.
    pub api: Url,
    /// `https://uploads.github.com` or `https://HOST/api/uploads`.
    pub uploads: Url,
    /// `https://github.com` or `https://HOST`.
    pub downloads: Url,
}

impl Default for Hosts {
    fn default() -> Self {
        let known = |url: &str| Url::parse(url).expect("GitHub's addresses are URLs");
        Self {
            api: known("https://api.github.com"),
            uploads: known("https://uploads.github.com"),
            downloads: known("https://github.com"),
        }
    }
}

/// How often and how fast GitHub is asked ("Best practices for using the REST API").
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between two requests that change something. GitHub asks for a second.
    pub pause: Duration,
    /// Before the first retry; doubled before each one after it.
    pub back_off: Duration,
    /// How often a request is tried in all.
    pub tries: u32,
    /// GitHub may say how long to wait; beyond this the command ends and says so.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(1),
            back_off: Duration::from_secs(1),
            tries: 5,
            longest_wait: Duration::from_secs(15 * 60),
        }
    }
}
