//! Publishing to GitHub Releases.
//!
//! - [`Settings`], [`Hosts`], [`Patience`], [`Token`]: which repository, where, how patiently, as whom;
//! - `walk`: draft, upload, prove, show; `inventory` decides what is missing; `proof` reads the draft back as an agent would;
//! - `renew`: metadata alone, on the latest release or on one of its own;
//! - `upload`, `download`: bytes up and down; `limits`: what GitHub would not take;
//! - `client`: requests; `patience`: when to ask again; `shape`: GitHub's JSON.
//!
//! Synchronous outside. Inside a runtime of its own on the calling thread, as the HTTP client wants it.

mod client;
mod download;
mod inventory;
mod limits;
pub(crate) mod patience;
mod proof;
mod renew;
mod settings;
pub(crate) mod shape;
mod token;
mod upload;
mod walk;

use tokio::runtime::{Builder, Runtime};

pub use settings::{Hosts, PAUSE_VARIABLE, Patience, Settings};
pub use token::{FILE_VARIABLE, Token, TokenError, VARIABLES};

use crate::config::GitHub;
use crate::progress::{Progress, size};
use crate::publication::{Asset, Publication, Published, Repository, RepositoryError, Visibility};
use client::Client;
use shape::MakeLatest;

/// Larger metadata is none.
const METADATA_CAP: u64 = 8 << 20;

/// A repository on GitHub, seen as a place for releases.
pub struct GithubRepository {
    client: Client,
    runtime: Runtime,
}

impl GithubRepository {
    /// The repository `owner/repo` on the GitHub of `config`, with token and pause from the environment.
    ///
    /// # Errors
    /// When the environment holds something that is no token or no pause, or as [`new`](Self::new).
    pub fn connect(owner: &str, repo: &str, config: &GitHub) -> Result<Self, RepositoryError> {
        let variable = |name: &str| std::env::var(name).ok();
        let refused =
            |reason: String| RepositoryError::Refused { repository: format!("github:{owner}/{repo}"), reason };
        let hosts = Hosts::of(config);
        Self::new(Settings {
            owner: owner.to_owned(),
            repo: repo.to_owned(),
            token: Token::find(variable).map_err(|error| refused(error.to_string()))?,
            patience: Patience::with_pause(&hosts, variable).map_err(refused)?,
            hosts,
        })
    }

    /// Prepares to speak to GitHub; nothing is sent yet.
    ///
    /// # Errors
    /// When this machine has no descriptors left, or no certificates to trust.
    pub fn new(settings: Settings) -> Result<Self, RepositoryError> {
        let client = Client::new(settings)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| client.unreachable("cannot prepare for the network", error))?;
        Ok(Self { client, runtime })
    }
}

impl Repository for GithubRepository {
    fn name(&self) -> String {
        self.client.name()
    }

    fn metadata(&mut self, name: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        self.runtime.block_on(download::metadata(&self.client, name, METADATA_CAP))
    }

    fn publish(
        &mut self,
        publication: &Publication,
        visibility: Visibility,
        progress: &mut dyn Progress,
    ) -> Result<Published, RepositoryError> {
        self.runtime.block_on(walk::publish(&self.client, publication, visibility, progress))
    }

    fn renew(&mut self, metadata: &[Asset], progress: &mut dyn Progress) -> Result<Published, RepositoryError> {
        self.runtime.block_on(renew::renew(&self.client, metadata, progress))
    }

    fn describe(&self, publication: &Publication, visibility: Visibility) -> Vec<String> {
        let releases = self.client.api("releases");
        let hosts = &self.client.settings.hosts;
        let uploads = hosts.uploads.as_str().trim_end_matches('/');
        let tag = walk::tag(publication);
        let mut calls = vec![format!("POST {releases}: a draft for {tag}, or the one that is there")];
        for asset in publication.targets.iter().chain(&publication.metadata) {
            calls.push(format!("POST {uploads}/…/assets?name={}: {}", asset.name, size(asset.length)));
        }
        calls.push("GET all of it, and verify it as an agent does".to_owned());
        if visibility == Visibility::Public {
            let latest = match walk::make_latest(publication) {
                MakeLatest::Yes => "latest",
                MakeLatest::No => "not latest; its metadata goes to the latest release",
            };
            calls.push(format!("PATCH {releases}/…: {tag} is visible, {latest}"));
        }
        calls
    }
}
