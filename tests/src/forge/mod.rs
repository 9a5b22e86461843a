//! A stand-in for GitHub: releases over TLS on loopback, true to what publisher and agent rely on.
//!
//! [`Forge::start`] serves four hosts: pages and downloads, REST API, uploads, and the storage that
//! downloads are redirected to. The same repositories are reached in both shapes: as on github.com (API and
//! uploads on hosts of their own) and as on an Enterprise server (`/api/v3` and `/api/uploads` on the
//! web host), which is the shape that `gh` speaks to a host it does not know. What it models: drafts
//! hidden from readers and from tags, several drafts for one tag, `already_exists`, `starter` leftovers of
//! failed uploads, names that change, digests, immutable releases, 'latest', `ETag`, signed
//! redirects that expire and refuse a token, refusals by 404, rate limits, broken and slow bodies.
//! What it does not know: git, users, pages for people.

mod api;
mod contract;
mod door;
mod downloads;
mod faults;
mod gh;
mod graphql;
mod hosts;
mod json;
mod log;
mod model;
mod names;
mod refusal;
mod repository;
mod storage;
mod tls;
mod uploads;
mod vendor;
mod visitor;
mod world;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

pub use faults::{DownloadFault, RateLimit, UploadFault};
pub use log::{Entry, Host};
pub use model::{Asset, AssetState, Release};
pub use vendor::{Shape, Vendor};

use crate::served::Served;
use contract::Contract;
use hosts::{Listeners, origin};
use tls::Identity;
use world::World;

/// A running stand-in. It ends, and forgets everything, when it is dropped.
pub struct Forge {
    world: Arc<World>,
    ca_pem: PathBuf,
    web: std::net::SocketAddr,
    api: String,
    uploads: String,
    _served: Served,
    _directory: TempDir,
}

impl Forge {
    /// Starts a stand-in without repositories, on free ports of 127.0.0.1 to 127.0.0.4.
    #[must_use]
    pub fn start() -> Forge {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let identity = Identity::make(directory.path(), &hosts::ADDRESSES);
        let listeners = Listeners::bind();
        let world = Arc::new(World {
            memory: Mutex::default(),
            faults: faults::Faults::default(),
            log: log::Log::default(),
            contract: Contract::read(),
            objects: directory.path().to_owned(),
            storage: origin(listeners.storage()),
            link_lifetime: Mutex::new(Duration::from_secs(300)),
        });
        Forge {
            ca_pem: identity.ca_pem,
            web: listeners.web(),
            api: origin(listeners.api()),
            uploads: origin(listeners.uploads()),
            _served: Served::start("forge", listeners.serve(world.clone(), identity.server)),
            world,
            _directory: directory,
        }
    }

    /// The certificate that clients must trust, as a PEM file (`SSL_CERT_FILE`).
    #[must_use]
    pub fn ca_pem(&self) -> &Path {
        &self.ca_pem
    }

    /// `HOST:PORT` of the web host: what `gh` takes as `GH_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        self.web.to_string()
    }

    /// `https://HOST:PORT`: `…/OWNER/REPO/releases/download/TAG/NAME` is below it.
    #[must_use]
    pub fn public_base(&self) -> String {
        origin(self.web)
    }

    /// The REST API in the shape of `https://api.github.com`.
    #[must_use]
    pub fn api_base(&self) -> &str {
        &self.api
    }

    /// The uploads in the shape of `https://uploads.github.com`.
    #[must_use]
    pub fn uploads_base(&self) -> &str {
        &self.uploads
    }

    /// The host that downloads are redirected to.
    #[must_use]
    pub fn storage_base(&self) -> &str {
        &self.world.storage
    }

    /// The REST API in the shape of an Enterprise server.
    #[must_use]
    pub fn enterprise_api_base(&self) -> String {
        format!("{}/api/v3", self.public_base())
    }

    /// The uploads in the shape of an Enterprise server.
    #[must_use]
    pub fn enterprise_uploads_base(&self) -> String {
        format!("{}/api/uploads", self.public_base())
    }

    /// A token with `Contents: write`.
    #[must_use]
    pub fn token(&self) -> &'static str {
        world::WRITER
    }

    /// A token with `Contents: read`.
    #[must_use]
    pub fn reader_token(&self) -> &'static str {
        world::READER
    }

    /// Makes an empty public repository, `owner/name`.
    pub fn add_repository(&self, slug: &str) {
        self.world.memory().add(slug);
    }

    /// Hides a repository from everyone without a token.
    ///
    /// # Panics
    /// If there is no such repository.
    pub fn make_private(&self, slug: &str) {
        let mut memory = self.world.memory();
        memory.repository_mut(slug).expect("the test made it").private = true;
    }

    /// Makes every release immutable that is published from now on.
    ///
    /// # Panics
    /// If there is no such repository.
    pub fn make_immutable(&self, slug: &str) {
        let mut memory = self.world.memory();
        let repository = memory.repository_mut(slug).expect("the test made it");
        repository.immutable_releases = true;
    }

    /// Pretends that `tag` was never pushed. The stand-in knows no git: it takes any other tag for pushed.
    ///
    /// # Panics
    /// If there is no such repository.
    pub fn forget_tag(&self, slug: &str, tag: &str) {
        let mut memory = self.world.memory();
        let repository = memory.repository_mut(slug).expect("the test made it");
        repository.unpushed.insert(tag.to_owned());
    }

    /// All releases, drafts included, in the order of their creation.
    ///
    /// # Panics
    /// If there is no such repository.
    #[must_use]
    pub fn releases(&self, slug: &str) -> Vec<Release> {
        let memory = self.world.memory();
        let repository = memory.repository(slug).expect("the test made it");
        repository.releases.clone()
    }

    /// How long the signed addresses of downloads stay good; five minutes unless told.
    ///
    /// # Panics
    /// Never: no holder of the lock panics.
    pub fn link_lifetime(&self, lifetime: Duration) {
        *self.world.link_lifetime.lock().expect("no holder panics") = lifetime;
    }

    /// Makes the next upload fail.
    pub fn fail_next_upload(&self, fault: UploadFault) {
        self.fail_upload(0, fault);
    }

    /// Lets `passing` uploads pass and makes the one after them fail.
    pub fn fail_upload(&self, passing: usize, fault: UploadFault) {
        self.world.faults.fail_upload(passing, fault);
    }

    /// How many uploads have been parked so far: poll it, then kill the client.
    #[must_use]
    pub fn parked_uploads(&self) -> usize {
        self.world.faults.parked()
    }

    /// Breaks the connection of the next download after so many bytes of its body.
    pub fn cut_after(&self, bytes: u64) {
        self.fail_next_download(DownloadFault::Cut(bytes));
    }

    /// Makes the next download fail.
    pub fn fail_next_download(&self, fault: DownloadFault) {
        self.world.faults.fail_download(fault);
    }

    /// Refuses the next request to the API or the uploads for asking too often.
    pub fn limit_next_request(&self, limit: RateLimit) {
        self.world.faults.limit(limit);
    }

    /// Every request so far, on all hosts, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Entry> {
        self.world.log.all()
    }

    /// Answers of this stand-in that GitHub's own description does not allow. A test that ends with
    /// any proves nothing.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.world.contract.violations()
    }
}
