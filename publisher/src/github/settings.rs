//! Which repository on which GitHub, and how patiently it is asked.

use std::time::Duration;

use url::Url;

use super::token::Token;
use crate::config::GitHub;

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

impl Hosts {
    /// Those of a configuration; github.com's where it names none.
    pub fn of(config: &GitHub) -> Self {
        let known = Self::default();
        Self {
            api: config.api.clone().unwrap_or(known.api),
            uploads: config.uploads.clone().unwrap_or(known.uploads),
            downloads: config.downloads.clone().unwrap_or(known.downloads),
        }
    }
}

/// The pause in milliseconds, for an Enterprise server without limits of its own.
pub const PAUSE_VARIABLE: &str = "SUREFOOT_GITHUB_PAUSE_MS";

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

impl Patience {
    /// The usual patience, with the pause of [`PAUSE_VARIABLE`] as `variable` reads it. On github.com the pause
    /// stays: who is faster there is shut out.
    ///
    /// # Errors
    /// A sentence, when the variable holds no number.
    pub fn with_pause(hosts: &Hosts, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let usual = Self::default();
        let Some(text) = variable(PAUSE_VARIABLE) else {
            return Ok(usual);
        };
        let chosen = text.trim().parse().map(Duration::from_millis);
        let chosen = chosen.map_err(|_| format!("{PAUSE_VARIABLE}={text} is no number of milliseconds"))?;
        let pause = match hosts.api.host_str() {
            Some("api.github.com") => chosen.max(usual.pause),
            Some(_) | None => chosen,
        };
        Ok(Self { pause, ..usual })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(hosts: &Hosts, text: &str) -> Result<Duration, String> {
        Patience::with_pause(hosts, |_| Some(text.to_owned())).map(|patience| patience.pause)
    }

    #[test]
    fn the_pause_can_be_shortened_elsewhere_but_not_on_github_com() {
        let enterprise = Hosts { api: Url::parse("https://github.example.com/api/v3").unwrap(), ..Hosts::default() };
        assert_eq!(pause(&enterprise, "0"), Ok(Duration::ZERO));
        assert_eq!(pause(&Hosts::default(), "0"), Ok(Duration::from_secs(1)));
        assert!(pause(&enterprise, "soon").is_err());
    }
}
