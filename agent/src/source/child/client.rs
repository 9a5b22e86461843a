//! HTTP clients, built when first needed.
//!
//! Building one that speaks TLS reads all CA certificates and fails where there are none; a directory source and a
//! health question on loopback must work without them.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, redirect};
use url::Url;

use super::redirect::{Forbidden, Guard};
use crate::source::spec::is_loopback;
use crate::source::wire::Failure;

/// How long a connection is kept for the next request; shorter than servers keep theirs.
const IDLE: Duration = Duration::from_secs(10);

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Plain HTTP, without CA certificates and without a proxy.
    Plain,
    /// TLS, straight to the host.
    Direct,
    /// TLS, through the proxy that the environment names, if any.
    Proxied,
}

impl Kind {
    /// For fetching `url`.
    pub(super) fn to_fetch(url: &Url) -> Self {
        match url.scheme() {
            "https" if url.host().is_some_and(|host| is_loopback(&host)) => Self::Direct,
            "https" => Self::Proxied,
            _ => Self::Plain,
        }
    }

    /// For a health question to `url`, which is about this machine or its neighbours: never through a proxy.
    pub(super) fn to_probe(url: &Url) -> Self {
        match url.scheme() {
            "https" => Self::Direct,
            _ => Self::Plain,
        }
    }
}

/// The clients of this process.
#[derive(Default)]
pub(super) struct Clients {
    built: HashMap<(Kind, Duration), Client>,
    /// Watches the names that redirects lead to.
    pub(super) guard: Guard,
}

impl Clients {
    /// A client of this kind that waits for a connection as long as `connect`.
    pub(super) fn pick(&mut self, kind: Kind, connect: Duration) -> Result<Client, Failure> {
        if let Some(client) = self.built.get(&(kind, connect)) {
            return Ok(client.clone());
        }
        let client = build(kind, connect, self.guard.clone())?;
        self.built.insert((kind, connect), client.clone());
        Ok(client)
    }
}

fn build(kind: Kind, connect: Duration, guard: Guard) -> Result<Client, Failure> {
    // Fails where a provider is installed already, which is then the one from an earlier call.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let common = Client::builder()
        .user_agent(concat!("surefoot/", env!("CARGO_PKG_VERSION")))
        .default_headers(identity())
        // One transfer at a time gains nothing from HTTP/2, and what is not spoken cannot be attacked.
        .http1_only()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .dns_resolver(guard)
        .connect_timeout(connect);
    for_kind(kind, common).build().map_err(|error| Failure::Local { reason: build_reason(&error) })
}

/// On this machine a new connection costs nothing, and one kept for the next question may be closed by the application
/// at the very moment of asking, which would look like ill health. On the internet it saves a TLS handshake; there a
/// closed one is a transient failure, tried again.
fn for_kind(kind: Kind, common: ClientBuilder) -> ClientBuilder {
    match kind {
        Kind::Plain => common.no_proxy().tls_certs_only([]).pool_max_idle_per_host(0),
        Kind::Direct => common.no_proxy().https_only(true).pool_max_idle_per_host(0),
        Kind::Proxied => common.https_only(true).pool_idle_timeout(IDLE),
    }
}

/// Bytes are checked against hashes as they come: what arrives must be the file and not an encoding of it.
fn identity() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))])
}

fn build_reason(error: &reqwest::Error) -> String {
    let reason = innermost(error);
    match reason.contains("CA certificates") {
        true => "no CA certificates are installed (apt install ca-certificates, or set SSL_CERT_FILE)".to_owned(),
        false => format!("HTTP cannot be set up: {reason}"),
    }
}

/// Why no answer came.
pub(super) fn unreachable(error: &reqwest::Error) -> Failure {
    if let Some(forbidden) = chain(error).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        return Failure::Unsafe { reason: forbidden.to_string() };
    }
    let unresolved = chain(error).any(|cause| cause.to_string().contains("dns error"));
    let reason = match (error.is_timeout(), unresolved) {
        (true, _) => "no connection in time".to_owned(),
        (false, true) => format!("the name does not resolve: {}", innermost(error)),
        (false, false) => innermost(error),
    };
    Failure::Unreachable { reason }
}

/// What lies at the bottom of an error is what a person can act on; the layers above say "client error (Connect)".
pub(super) fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = Some(error as &(dyn Error + 'static));
    std::iter::from_fn(move || {
        let this = next?;
        next = this.source();
        Some(this)
    })
}
