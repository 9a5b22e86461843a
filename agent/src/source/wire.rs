//! What goes through the pipe between the engine and the fetch process.
//!
//! A request is one line of JSON. The answer is one line of JSON ([`Head`]), and where that is no failure, chunks
//! (length as u32 big endian, then the bytes; length 0 ends them) and one more line ([`Tail`]). The engine does not
//! believe this protocol: each number here has a limit that the reading side enforces.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SourceError;
use super::token::Token;

/// Longest request line in bytes. Fits the smallest pipe the kernel gives (`pipe(7)`: one page), so writing a
/// request to an idle fetch process never blocks.
pub const REQUEST_LINE: usize = 4096;
/// Longest head or tail line in bytes.
pub const ANSWER_LINE: usize = 64 * 1024;
/// Largest chunk in bytes.
pub const CHUNK: usize = 64 * 1024;

/// One thing to be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The bytes of a file.
    Get(Get),
    /// A health question.
    Probe(Probe),
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// Absolute URL, `https:`, or `http:` on loopback.
    Url(String),
    /// Absolute path.
    File(PathBuf),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Asks for a file, or for its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// What to read.
    pub location: Location,
    /// First byte wanted, counted from 0.
    pub from: u64,
    /// Most bytes to be given, counted from `from`.
    pub cap: u64,
    /// Length of the whole file where signed metadata tells it; another length is refused before a byte is read.
    pub expect_length: Option<u64>,
    /// Entity tag under which the whole file is here already: an answer that it is still the same has no bytes. Shown to nobody
    /// but the host of `location` itself.
    pub if_none_match: Option<String>,
    /// Where this is a question to GitHub's REST API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

/// What GitHub's REST API must be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Api {
    /// Shown to nobody but the origin (scheme, host and port) of the request's location.
    pub token: Token,
    /// What the answer is to be.
    pub wants: Wants,
}

/// What is wanted of GitHub's REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// The location is an asset: its bytes.
    Bytes,
    /// The location is a release: a [`super::Listing`] of its assets, written in JSON by the fetch process.
    Listing,
}

/// Asks a health URL. Redirects are not followed: any status is an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Absolute `http:` or `https:` URL.
    pub url: String,
    /// For everything together, in milliseconds.
    pub timeout_ms: u64,
    /// Most bytes of the body to be kept; the rest is left unread.
    pub cap: u64,
}

/// Patience, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Until a connection stands, TLS included.
    pub connect_ms: u64,
    /// Without a single byte.
    pub stall_ms: u64,
    /// How long a body may take beyond what the slowest line takes for its bytes so far: a byte a second ends soon, however
    /// long the whole may last.
    pub slow_ms: u64,
    /// For the whole request.
    pub total_ms: u64,
}

impl Timeouts {
    /// Slowest line that is still worth waiting for, in bytes a second.
    const SLOWEST: u64 = 16 * 1024;

    /// Patience for `length` bytes: 15 s to connect, 30 s of silence, at any time two minutes and what the slowest line takes
    /// for what has come.
    pub fn for_length(length: u64) -> Self {
        let transfer_ms = (length / Self::SLOWEST).saturating_mul(1000);
        let slow_ms = 120_000;
        Self { connect_ms: 15_000, stall_ms: 30_000, slow_ms, total_ms: transfer_ms.saturating_add(slow_ms) }
    }

    /// Until a connection stands.
    pub fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    /// Without a single byte.
    pub fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }

    /// From the question to the head of the answer, over all redirects. The engine relies on it: a fetch process
    /// that is silent for longer is broken.
    pub fn head(&self) -> Duration {
        self.connect().saturating_add(self.stall())
    }

    /// From the question until more than `received` bytes of the body must have come.
    pub fn pace(&self, received: u64) -> Duration {
        let transfer_ms = received.saturating_mul(1000) / Self::SLOWEST;
        Duration::from_millis(transfer_ms.saturating_add(self.slow_ms)).min(self.total())
    }

    /// For the whole request.
    pub fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }
}

/// First line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Chunks follow, then a [`Tail`].
    Body(Body),
    /// Nothing follows.
    Failed(Failure),
}

/// What is known before the bytes come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// HTTP status; 200 for a file.
    pub status: u16,
    /// Length of the whole file where the source told it.
    pub total: Option<u64>,
    /// The source's entity tag, where the host that was asked answered itself.
    pub etag: Option<String>,
}

/// Last line of an answer with a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// All bytes came.
    Complete,
    /// A probe's body is longer than its cap.
    Truncated,
    /// The bytes before this line are good, more did not come.
    Failed(Failure),
}

/// A failure on its way through the pipe: [`SourceError`] without the location, which the engine knows itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the class of SourceError with the same name")]
pub enum Failure {
    Unreachable { reason: String },
    NotFound,
    Refused { status: u16 },
    RateLimited { retry_after_s: Option<u64> },
    TooLarge { cap: u64 },
    Broken { reason: String },
    Unsafe { reason: String },
    Unusable { reason: String },
    Local { reason: String },
}

impl Failure {
    /// The error that the engine sees. Text is cut and cleaned, since it ends on terminals and in journals and was
    /// written by a process that talks to strangers.
    pub fn at(self, location: &str) -> SourceError {
        let location = location.to_owned();
        match self {
            Self::Unreachable { reason } => SourceError::Unreachable { location, reason: clean(&reason) },
            Self::NotFound => SourceError::NotFound { location },
            Self::Refused { status } => SourceError::Refused { location, status },
            Self::RateLimited { retry_after_s } => {
                SourceError::RateLimited { location, retry_after: retry_after_s.map(Duration::from_secs) }
            }
            Self::TooLarge { cap } => SourceError::TooLarge { location, cap },
            Self::Broken { reason } => SourceError::Broken { location, reason: clean(&reason) },
            Self::Unsafe { reason } => SourceError::Unsafe { location, reason: clean(&reason) },
            Self::Unusable { reason } => SourceError::Unusable { location, reason: clean(&reason) },
            Self::Local { reason } => SourceError::Local { location, reason: clean(&reason) },
        }
    }
}

/// At most 400 characters, no control characters.
pub(super) fn clean(text: &str) -> String {
    text.chars().take(400).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
