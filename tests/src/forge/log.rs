//! Every request that came in, for tests to look at afterwards.

use std::sync::Mutex;

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, RANGE};

/// Which of the stand-in's hosts was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Pages, downloads, and everything of an Enterprise server.
    Web,
    /// The REST API in the shape of api.github.com.
    Api,
    /// Uploads in the shape of uploads.github.com.
    Uploads,
    /// Where downloads are redirected to.
    Storage,
}

/// A request and the status of its answer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The host it was sent to.
    pub host: Host,
    /// `GET`, `POST`…
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query without question mark, still encoded; empty if there is none.
    pub query: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `Range`.
    pub range: Option<String>,
    /// Status of the answer; `None` while there is none, for ever if the client went away.
    pub status: Option<u16>,
}

/// The requests in the order of their coming.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Entry>>);

impl Log {
    /// Writes a request down and says where.
    pub(crate) fn begin(&self, host: Host, request: &Request) -> usize {
        let header = |name| {
            let value = request.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let mut entries = self.entries();
        entries.push(Entry {
            host,
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            authorization: header(AUTHORIZATION),
            range: header(RANGE),
            status: None,
        });
        entries.len() - 1
    }

    /// Adds the answer's status to the request at `place`.
    pub(crate) fn end(&self, place: usize, status: u16) {
        self.entries()[place].status = Some(status);
    }

    /// All requests so far.
    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries().clone()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}
