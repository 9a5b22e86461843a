//! Asking GitHub: whom the token is sent to, and what an answer means; `persist` knows when to ask again.
//!
//! The token goes to the configured API and uploads, and to no other origin, whatever an answer or a redirect says
//! (reqwest drops `Authorization` where a redirect leaves the origin). Knows nothing of what a publication is.

use std::cell::Cell;
use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, LINK, USER_AGENT};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::settings::Settings;
use super::shape::Complaint;
use crate::publication::RepositoryError;

mod persist;

/// For a request that moves little, and for the silence between two pieces of one that moves much.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// Whether a request may be repeated when it is not known what became of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes nothing.
    Read,
    /// Done twice it does what it does once.
    RepeatableChange,
    /// Done twice it makes two; the caller looks before it asks again.
    OnceOnlyChange,
}

/// GitHub, as one repository's publisher speaks to it.
pub(super) struct Client {
    pub(super) settings: Settings,
    http: reqwest::Client,
    last_change: Cell<Option<Instant>>,
}

impl Client {
    pub(super) fn new(settings: Settings) -> Result<Self, RepositoryError> {
        // Fails only if a provider is installed already, and then that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().https_only(true).connect_timeout(SILENCE).build();
        let unusable = |source: reqwest::Error| RepositoryError::Unreachable {
            repository: name(&settings),
            what: "no TLS can be set up on this machine".to_owned(),
            source: source.into(),
        };
        let http = http.map_err(unusable)?;
        Ok(Self { settings, http, last_change: Cell::new(None) })
    }

    /// `github:OWNER/REPO`
    pub(super) fn name(&self) -> String {
        name(&self.settings)
    }

    /// The address of something of the repository, such as `releases/latest`.
    pub(super) fn api(&self, of: &str) -> String {
        let base = self.settings.hosts.api.as_str().trim_end_matches('/');
        format!("{base}/repos/{}/{}/{of}", self.settings.owner, self.settings.repo)
    }

    /// Reads one thing; `None` where GitHub says that there is none.
    pub(super) async fn read<T: DeserializeOwned>(&self, url: &str) -> Result<Option<T>, RepositoryError> {
        let response = self.get(url).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.understood(url, response).await.map(Some),
        }
    }

    /// Reads a list to its last page, following GitHub's own links.
    pub(super) async fn list<T: DeserializeOwned>(&self, url: &str) -> Result<Vec<T>, RepositoryError> {
        let mut items = Vec::new();
        let mut next = Some(format!("{url}?per_page=100"));
        while let Some(url) = next {
            let response = self.get(&url).await?;
            next = next_page(&response);
            items.extend(self.understood::<Vec<T>>(&url, response).await?);
        }
        Ok(items)
    }

    async fn get(&self, url: &str) -> Result<Response, RepositoryError> {
        let what = format!("GET {url}");
        let attempt = async || self.answer(&what, self.request(Method::GET, url)?.timeout(SILENCE)).await;
        self.persist(&what, Kind::Read, attempt).await
    }

    /// Changes something and reads what it has become.
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        kind: Kind,
        method: Method,
        url: &str,
        body: &impl Serialize,
    ) -> Result<T, RepositoryError> {
        let what = format!("{method} {url}");
        let attempt = async || {
            let request = self.request(method.clone(), url)?.json(body).timeout(SILENCE);
            self.answer(&what, request).await
        };
        let response = self.persist(&what, kind, attempt).await?;
        self.understood(url, response).await
    }

    /// Deletes something; what is not there is as good.
    pub(super) async fn delete(&self, url: &str) -> Result<(), RepositoryError> {
        let what = format!("DELETE {url}");
        let attempt = async || self.answer(&what, self.request(Method::DELETE, url)?.timeout(SILENCE)).await;
        let response = self.persist(&what, Kind::RepeatableChange, attempt).await?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.refusal(&what, response).await),
        }
    }

    /// A request with the headers that GitHub wants, and with the token if `url` is one of the two places it may go to.
    pub(super) fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, RepositoryError> {
        let url = Url::parse(url).map_err(|error| self.refused(format!("{url} is no URL: {error}")))?;
        let hosts = &self.settings.hosts;
        let ours = [&hosts.api, &hosts.uploads].iter().any(|host| host.origin() == url.origin());
        let mut request =
            self.http.request(method, url).header(USER_AGENT, concat!("surefoot-publish/", env!("CARGO_PKG_VERSION")));
        if ours {
            request = request.header("x-github-api-version", "2022-11-28");
            if let Some(token) = &self.settings.token {
                request = request.header(AUTHORIZATION, token.header());
            }
        }
        Ok(request)
    }

    /// Sends one request once.
    pub(super) async fn answer(&self, what: &str, request: RequestBuilder) -> Result<Response, RepositoryError> {
        request.send().await.map_err(|error| self.unreachable(what, error.without_url()))
    }

    /// What a good answer says; any other is a refusal.
    pub(super) async fn understood<T: DeserializeOwned>(
        &self,
        what: &str,
        response: Response,
    ) -> Result<T, RepositoryError> {
        if !response.status().is_success() {
            return Err(self.refusal(what, response).await);
        }
        response.json().await.map_err(|error| self.unreachable(what, error.without_url()))
    }

    /// A refusal in words that say what to do.
    pub(super) async fn refusal(&self, what: &str, response: Response) -> RepositoryError {
        let status = response.status();
        let permissions = response.headers().get("x-accepted-github-permissions");
        let permissions = permissions.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let complaint: Complaint = response.json().await.unwrap_or_default();
        let hint = hint(status, self.settings.token.is_some());
        let needed = permissions.map(|needed| format!(" (it needs {needed})")).unwrap_or_default();
        self.refused(format!("{what}: {status}: {}{needed}{hint}", complaint.line()))
    }

    pub(super) fn refused(&self, reason: String) -> RepositoryError {
        RepositoryError::Refused { repository: self.name(), reason }
    }

    pub(super) fn unreachable(&self, what: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> RepositoryError {
        RepositoryError::Unreachable { repository: self.name(), what: what.to_owned(), source: source.into() }
    }
}

fn name(settings: &Settings) -> String {
    format!("github:{}/{}", settings.owner, settings.repo)
}

/// What a status means that GitHub does not explain: it answers 404 to whoever lacks a permission.
fn hint(status: StatusCode, has_token: bool) -> &'static str {
    match (status, has_token) {
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, false) => {
            ": set GITHUB_TOKEN to a token with Contents: write"
        }
        (StatusCode::UNAUTHORIZED, true) => ": the token is wrong or has expired",
        (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, true) => {
            ": there is no such repository, or the token lacks Contents: write, or the tagged commit changes \
             .github/workflows and the token lacks Workflows: write (the GITHUB_TOKEN of Actions can never have it)"
        }
        _ => "",
    }
}

/// The address in `Link: <…>; rel="next"`.
fn next_page(response: &Response) -> Option<String> {
    let link = response.headers().get(LINK)?.to_str().ok()?;
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let url = next.trim().strip_prefix('<')?.split('>').next()?;
    Some(url.to_owned())
}

/// Asks for an asset's bytes instead of its description.
pub(super) fn octets(request: RequestBuilder) -> RequestBuilder {
    request.header(ACCEPT, "application/octet-stream")
}
