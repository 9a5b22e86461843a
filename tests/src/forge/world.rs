//! What all listeners of one stand-in share, and who may see what of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::contract::Contract;
use super::faults::Faults;
use super::log::Log;
use super::model::{Memory, Repository};
use super::refusal::Refusal;

/// A token that may write.
pub(crate) const WRITER: &str = "ghp_writer000000000000000000000000000000";
/// A token that may read.
pub(crate) const READER: &str = "ghp_reader000000000000000000000000000000";

/// The state behind all doors.
pub(crate) struct World {
    pub(crate) memory: Mutex<Memory>,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) contract: Contract,
    /// Where the bytes of the assets are.
    pub(crate) objects: PathBuf,
    /// Origin of the storage host.
    pub(crate) storage: String,
    /// How long a signed address stays good.
    pub(crate) link_lifetime: Mutex<Duration>,
}

/// One way into the world: the addresses it gives out depend on the way one came.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) world: Arc<World>,
    pub(crate) links: Arc<Links>,
}

/// The base addresses of a GitHub, without a slash at the end.
pub(crate) struct Links {
    /// REST API, `https://api.github.com` or `https://HOST/api/v3`.
    pub(crate) api: String,
    /// `https://uploads.github.com` or `https://HOST/api/uploads`.
    pub(crate) uploads: String,
    /// Pages and downloads, `https://github.com` or `https://HOST`.
    pub(crate) web: String,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// No token.
    Anyone,
    /// A token with `Contents: read`.
    Reader,
    /// A token with `Contents: write`.
    Writer,
}

impl Caller {
    /// Reads the token of a request; one that was never issued is refused.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Caller, Refusal> {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Ok(Caller::Anyone);
        };
        let value = value.to_str().unwrap_or_default();
        match value.split_once(' ').map(|(_, token)| token) {
            Some(WRITER) => Ok(Caller::Writer),
            Some(READER) => Ok(Caller::Reader),
            Some(_) | None => Err(Refusal::BadCredentials),
        }
    }
}

impl World {
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("no holder of this lock panics")
    }

    /// Looks at a repository, if the caller may; who may not is told that there is none.
    pub(crate) fn reading<T>(
        &self,
        slug: &str,
        caller: Caller,
        look: impl FnOnce(&Repository) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let memory = self.memory();
        let repository = memory.repository(slug)?;
        if repository.private && caller < Caller::Reader {
            return Err(Refusal::NotFound);
        }
        look(repository)
    }

    /// Changes a repository, if the caller may; GitHub answers 404, not 403, to who may not.
    pub(crate) fn writing<T>(
        &self,
        slug: &str,
        caller: Caller,
        change: impl FnOnce(&mut Repository, u64) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if caller < Caller::Writer {
            return Err(Refusal::NotFound);
        }
        let mut memory = self.memory();
        let id = memory.fresh_id();
        change(memory.repository_mut(slug)?, id)
    }
}
