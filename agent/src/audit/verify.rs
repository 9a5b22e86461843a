//! Whether the chain is whole, and where not. It believes nothing but the bytes.

use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;
use serde::Serialize;

use super::Entry;
use super::chain::{self, ReadError};

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// Lines that were looked at.
    pub lines: u64,
    /// The number of the first: more than 1 where older ones have been forgotten, as they are in time.
    pub first: Option<u64>,
    /// The number of the last.
    pub last: Option<u64>,
    /// The hash of the last: who notes it down elsewhere sees later whether the chain was cut off or written anew.
    pub head: Option<Sha256>,
    /// Whether the last line was cut off while it was being written, and never happened.
    pub torn: bool,
    /// Whether the hash that was asked for is that of a line.
    pub knows: Option<bool>,
    /// Where it is broken.
    pub breaks: Vec<Break>,
    /// Whether the last line is not as it was written: nobody knows then which hash it had.
    #[serde(skip)]
    doubted: bool,
}

/// A place where the chain is broken.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The file.
    pub path: PathBuf,
    /// The line in this file, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub says: String,
}

impl Verdict {
    /// Whether all of it is as it was written.
    pub fn is_whole(&self) -> bool {
        self.breaks.is_empty() && self.knows != Some(false)
    }
}

/// Reads all parts. `known` is the hash of a line that was noted down before.
///
/// # Errors
/// When a part cannot be read.
pub fn verify(path: &Path, known: Option<Sha256>) -> Result<Verdict, ReadError> {
    let mut verdict = Verdict { knows: known.map(|_| false), ..Verdict::default() };
    for path in chain::parts(path)? {
        let Some(part) = chain::read(&path)? else { continue };
        verdict.torn = part.is_torn();
        for (index, line) in part.lines().enumerate() {
            if let Err(says) = verdict.follow(line) {
                verdict.breaks.push(Break { path: path.clone(), line: index + 1, says });
            }
            if verdict.head == known && known.is_some() {
                verdict.knows = Some(true);
            }
        }
    }
    Ok(verdict)
}

impl Verdict {
    /// Takes the next line, and says in a sentence why it cannot follow. One wrong line is told once: what comes after it may
    /// have been written before it was changed, or afterwards.
    fn follow(&mut self, line: &[u8]) -> Result<(), String> {
        let (head, last) = (self.head.filter(|_| !self.doubted), self.last);
        self.lines += 1;
        self.head = Some(chain::bound_to(line));
        self.last = chain::number(line).or(Some(last.unwrap_or(0).saturating_add(1)));
        self.first = self.first.or(self.last);
        self.doubted = chain::number(line).is_none();
        let entry: Entry =
            serde_json::from_slice(line).map_err(|error| format!("it is no line of this log: {error}"))?;
        if chain::sealed(line).is_none() {
            return Err("it was changed: its hash is not that of its content".to_owned());
        }
        follows(&entry, last, head)
    }
}

fn follows(entry: &Entry, last: Option<u64>, head: Option<Sha256>) -> Result<(), String> {
    match (last, head) {
        (Some(last), _) if entry.n != last.saturating_add(1) => {
            Err(format!("it has number {}, and the line before has {last}", entry.n))
        }
        (Some(_), Some(head)) if entry.prev != head => {
            Err(format!("line {} does not follow the line before, which has another hash", entry.n))
        }
        (None, _) if entry.n == 1 && entry.prev != chain::NOTHING => {
            Err("it is the first line, and follows another".to_owned())
        }
        (_, _) => Ok(()),
    }
}
