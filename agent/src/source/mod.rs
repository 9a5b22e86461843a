//! Where releases come from: GitHub, an HTTPS mirror, or a directory.
//!
//! Knows how to bring bytes of a given name, no more of them than asked for, again and again until they came.
//! Refuses to know what they mean and whether they are to be believed: that is `trust`. All that speaks HTTP or TLS
//! runs in [`child`], a process without privileges; [`fetcher`] is the end of the pipe that the engine holds.

pub mod child;
pub mod error;
pub mod fetcher;
pub mod listing;
mod remote;
pub mod retry;
pub mod spec;
pub mod token;
pub mod wire;

pub use error::SourceError;
pub use fetcher::{Answer, Fetched, Fetcher};
pub use listing::Listing;
pub use remote::{Kept, Known, Remote};
pub use spec::{Hosts, SourceSpec, SpecError, hashed_path};
pub use token::{Token, TokenPlace};
pub use wire::{Api, Get, Location, Timeouts, Wants};

/// Receives bytes in order; its error ends the transfer and comes back as [`SourceError::Stopped`].
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), String> + 'a;

/// A place that has metadata and targets under the names of the TUF specification.
///
/// A trait because the network is what a test machine cannot own.
pub trait ReleaseSource {
    /// The whole metadata file `name` (`timestamp.json`, `7.root.json`), or nothing where the source has none of
    /// that name, which is how the end of the chain of roots is found (TUF 1.0.34, §5.3.3).
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] above `cap` bytes, and whatever else keeps the bytes away.
    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError>;

    /// Gives the bytes `from..length` of the target at `hashed_path` (`v1.1.0/<sha256>.NAME`) to `sink`, in order,
    /// each once. `length` is the whole target's, from signed metadata.
    ///
    /// # Errors
    /// Also after bytes were given: they stay good, and a later call continues with a higher `from`.
    fn target(&mut self, hashed_path: &str, from: u64, length: u64, sink: &mut Sink<'_>) -> Result<(), SourceError>;
}
