//! The engine's end of the pipe to the fetch process.
use std::path::Path;
use std::time::Duration;

use super::wire::Get;
use super::{Sink, SourceError};

/// A fetch process.
#[derive(Debug)]
pub struct Fetcher {}

/// A finished transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes given to the sink.
    pub length: u64,
    /// Length of the whole file, where the source told it.
    pub total: Option<u64>,
    /// The source's entity tag.
    pub etag: Option<String>,
}

/// What a health URL said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body's beginning.
    pub body: Vec<u8>,
    /// Whether the body goes on after that.
    pub truncated: bool,
}

impl Fetcher {
    /// Starts.
    pub fn start(_program: &Path, _user: Option<(u32, u32)>) -> Result<Self, SourceError> {
        Ok(Self {})
    }

    /// Fetches.
    pub fn get(&mut self, request: &Get, _sink: &mut Sink<'_>) -> Result<Fetched, SourceError> {
        Err(SourceError::Process {
            location: request.location.to_string(),
            reason: "being written".into(),
        })
    }

    /// Asks.
    pub fn probe(
        &mut self,
        url: &str,
        _timeout: Duration,
        _cap: u64,
    ) -> Result<Answer, SourceError> {
        Err(SourceError::Process {
            location: url.to_owned(),
            reason: "being written".into(),
        })
    }
}
