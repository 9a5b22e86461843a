//! The audit log: who asked, what was decided and why, what was done. One JSON object a line, each bound to the one before by its
//! hash, over all instances of the machine in one chain.
//!
//! It is told and never asked: no decision rests on it, so that it can neither fail an update nor keep the way back from
//! happening. What holds after a crash is the journal; a line that was being written then never happened.
//!
//! The last member of a line is the SHA-256 of all that stands before it, which a person can check with sha256sum(1); `prev`
//! is that of the line before. Whoever can write the file can write another whole chain: that is seen by whoever has noted
//! down a hash elsewhere. The machine's journal has each.

pub(crate) mod chain;
pub(crate) mod verify;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use manifest_schema::digest::Sha256;
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::exit::Exit;
use chain::Head;

pub use chain::{ReadError, parts};
pub use verify::{Break, Verdict, verify};

/// A part that is longer gets a name of its own, and another one begins.
const PART: u64 = 1024 * 1024;
/// So many of these are kept: some twenty thousand lines.
const KEPT: usize = 8;
/// Characters of a line's own words.
const WORDS: usize = 1000;

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// Somebody asked for something that changes something.
    Asked,
    /// It was refused, or failed before an update of its own had begun.
    Failed,
    /// Releases were looked for, and this is what came of it: what goes in, what waits, what could not be believed.
    Decided,
    /// A release was approved, by the hash of its manifest.
    Approved,
    /// An update began: the release's manifest has this hash.
    Began,
    /// An update ended.
    Ended,
    /// An update that was stuck stays as it is.
    Abandoned,
    /// A person has said whom this machine trusts from now on.
    Trusted,
    /// Something that a newer version of this program knows.
    #[serde(other)]
    Other,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Said {
    /// What it tells of.
    pub did: Did,
    /// Which instance.
    pub instance: Option<Name>,
    /// Which release.
    pub version: Option<ReleaseVersion>,
    /// The hash of its manifest.
    pub manifest: Option<Sha256>,
    /// The number of the update.
    pub update: Option<u32>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// In a sentence, without secrets.
    pub says: String,
}

impl Said {
    /// A line without more than words.
    pub fn new(did: Did, instance: Option<&Name>, says: impl Into<String>) -> Self {
        let says = says.into();
        Self { did, instance: instance.cloned(), version: None, manifest: None, update: None, exit: None, says }
    }
}

/// A line as it was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1, over all parts.
    pub n: u64,
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// Who asked, as the kernel says; the schedule; or the agent itself.
    pub by: String,
    /// What it tells of.
    pub did: Did,
    /// Which instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Name>,
    /// Which release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<ReleaseVersion>,
    /// The hash of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Sha256>,
    /// The number of the update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<u32>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// In a sentence.
    pub says: String,
    /// Lines before this one that could not be written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u32,
    /// The hash of the line before; all zeros in the first.
    pub prev: Sha256,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of serde's predicates")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Why a line was not written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// What is there cannot be read, so that nothing can be bound to it.
    #[error(transparent)]
    Read(ReadError),
    /// It cannot be written.
    #[error("the audit log cannot be written")]
    Write(#[source] durable::Error),
}

/// The log as its one writer has it, who holds the lock.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    missed: u32,
    trouble: Option<AuditError>,
}

impl Audit {
    /// The log at `path`, which need not be there.
    pub fn at(path: PathBuf) -> Self {
        Self { path, missed: 0, trouble: None }
    }

    /// Writes a line. That it could not be written is remembered, for [`Self::trouble`] and for the next line.
    pub fn write(&mut self, at: Timestamp, by: &str, said: Said) {
        match self.try_write(at, by, said) {
            Ok((n, hash)) => {
                self.missed = 0;
                tracing::info!("audit {n} {hash}");
            }
            Err(error) => {
                self.missed = self.missed.saturating_add(1);
                self.trouble = Some(error);
            }
        }
    }

    /// What kept lines from being written, told once.
    pub fn trouble(&mut self) -> Option<AuditError> {
        self.trouble.take()
    }

    /// What was decided last of an instance, as far as the present part goes: the schedule decides the same all day long.
    pub fn last_decision(&self, instance: &Name) -> Option<Entry> {
        let part = chain::read(&self.path).ok()??;
        let entries = part.lines().rev().filter_map(|line| serde_json::from_slice(line).ok());
        entries.into_iter().find(|entry: &Entry| entry.did == Did::Decided && entry.instance.as_ref() == Some(instance))
    }

    fn try_write(&self, at: Timestamp, by: &str, said: Said) -> Result<(u64, Sha256), AuditError> {
        let head = chain::head(&self.path).map_err(AuditError::Read)?;
        self.turn_over(&head);
        let (line, hash) = chain::seal(&self.entry(&head, at, by, said));
        durable::append_line(&self.path, &line).map_err(AuditError::Write)?;
        Ok((head.n.saturating_add(1), hash))
    }

    fn entry(&self, head: &Head, at: Timestamp, by: &str, said: Said) -> Entry {
        let Said { did, instance, version, manifest, update, exit, says } = said;
        let says = says.chars().take(WORDS).collect();
        let (n, prev, by, missed) = (head.n.saturating_add(1), head.hash, by.to_owned(), self.missed);
        Entry { n, at, by, did, instance, version, manifest, update, exit, says, missed, prev }
    }

    /// Gives a part that is long enough the name of its last line, and forgets the oldest. What cannot be done now is done before
    /// the next line: a part that is too long harms nobody.
    fn turn_over(&self, head: &Head) {
        if std::fs::metadata(&self.path).map_or(0, |meta| meta.len()) < PART {
            return;
        }
        let turned = durable::rename(&self.path, &chain::part_of(&self.path, head.n)).and_then(|()| self.forget());
        if let Err(error) = turned {
            tracing::warn!("{}", crate::exit::chain(&error));
        }
    }

    fn forget(&self) -> Result<(), durable::Error> {
        let parts = parts(&self.path).unwrap_or_default();
        let old = parts.len().saturating_sub(KEPT);
        parts.iter().take(old).try_for_each(|path| durable::remove_file(path))
    }
}

/// The lines of all parts, oldest first; what is none is left out, for [`verify`] to tell.
///
/// # Errors
/// When a part cannot be read.
pub fn entries(path: &Path) -> Result<Vec<Entry>, ReadError> {
    let mut entries = Vec::new();
    for path in parts(path)? {
        let Some(part) = chain::read(&path)? else { continue };
        entries.extend(part.lines().filter_map(|line| serde_json::from_slice::<Entry>(line).ok()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
