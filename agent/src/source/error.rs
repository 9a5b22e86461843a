//! What can go wrong between the agent and the place releases come from, in classes a caller branches on.
//!
//! Knows which failures pass by themselves. Refuses to know what was being fetched: a metadata file and an
//! artifact fail alike. Reasons arrive as text, because they were met in another process.

use std::time::Duration;

use thiserror::Error;

/// Why a source did not give what was asked for. Each prints as a sentence with the URL or path in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// No answer: the name does not resolve, the connection is refused, TLS fails, nothing came in time.
    #[error("cannot reach {location}: {reason}")]
    Unreachable {
        /// URL that was asked.
        location: String,
        /// What the resolver, the system or TLS said.
        reason: String,
    },
    /// The source answered that it has no such file (HTTP 404 and 410, or a missing file in a directory).
    #[error("{location} does not exist")]
    NotFound {
        /// URL or path that was asked.
        location: String,
    },
    /// The source answered with a status that gives no bytes.
    #[error("{location} answered with HTTP status {status}")]
    Refused {
        /// URL that was asked.
        location: String,
        /// HTTP status code.
        status: u16,
    },
    /// GitHub does not let the token have it (401, 403, and 404 for what the token may not see).
    #[error("{location} answered with HTTP status {status}: {}", denial(*status, token))]
    Denied {
        /// URL that was asked.
        location: String,
        /// HTTP status code.
        status: u16,
        /// Where the token is kept.
        token: String,
    },
    /// The source wants to be left alone for a while (429; 403 and 503 where they say until when).
    #[error("{location} limits how often it may be asked{}", wait(.retry_after))]
    RateLimited {
        /// URL that was asked.
        location: String,
        /// How long to wait, where the answer said so.
        retry_after: Option<Duration>,
    },
    /// More bytes than may be read. Nothing beyond the limit was read.
    #[error("{location} is larger than the {cap} bytes allowed")]
    TooLarge {
        /// URL or path that was asked.
        location: String,
        /// The limit in bytes.
        cap: u64,
    },
    /// The transfer ended in the middle; what came so far is good to continue from.
    #[error("the transfer of {location} broke off: {reason}")]
    Broken {
        /// URL that was asked.
        location: String,
        /// How it ended.
        reason: String,
    },
    /// Going on would leave what the configuration allows: a redirect out of TLS or into a private network, a name
    /// that leaves its directory.
    #[error("refusing {location}: {reason}")]
    Unsafe {
        /// URL or path that was asked.
        location: String,
        /// What was refused.
        reason: String,
    },
    /// The answer contradicts what is known: another length, a wrong range, an encoding nobody asked for.
    #[error("the answer of {location} cannot be used: {reason}")]
    Unusable {
        /// URL that was asked.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// This machine is in the way: a file cannot be read, no CA certificates are installed.
    #[error("cannot read {location}: {reason}")]
    Local {
        /// URL or path that was asked.
        location: String,
        /// What the system said.
        reason: String,
    },
    /// The fetch process did not start, died, hung or spoke nonsense.
    #[error("the fetch process failed at {location}: {reason}")]
    Process {
        /// URL or path that was asked.
        location: String,
        /// What happened to it.
        reason: String,
    },
    /// The receiver of the bytes wanted no more of them (a block's hash is wrong, the disk is full).
    #[error("stopped fetching {location}: {reason}")]
    Stopped {
        /// URL or path that was asked.
        location: String,
        /// The receiver's own words.
        reason: String,
    },
}

impl SourceError {
    /// Whether the same request may succeed a little later with nothing changed here.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::RateLimited { .. } | Self::Broken { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 408,
            Self::NotFound { .. }
            | Self::Denied { .. }
            | Self::TooLarge { .. }
            | Self::Unsafe { .. }
            | Self::Unusable { .. }
            | Self::Local { .. }
            | Self::Process { .. }
            | Self::Stopped { .. } => false,
        }
    }
}

/// What a person can do. GitHub says 404 where it could say 403, so as not to tell that there is something.
fn denial(status: u16, token: &str) -> String {
    match status {
        401 => format!(
            "the token in {token} has expired, was revoked, or is mistyped; put a new one with Contents: read there"
        ),
        404 => format!("the repository has no release, or the token in {token} lacks the right Contents: read for it"),
        _ => format!("the token in {token} lacks the right Contents: read for this repository"),
    }
}

fn wait(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(pause) => format!(": ask again in {} s", pause.as_secs()),
        None => String::new(),
    }
}
