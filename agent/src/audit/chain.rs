//! How lines are bound to each other, and the files that they are in: `audit.jsonl`, and beside it `audit.jsonl.N`, whose last
//! line has the number N.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;

use super::Entry;
use crate::durable;

/// What stands before the hash at the end of a line.
const HASH: &[u8] = b",\"hash\":\"";
/// What stands after it.
const END: &[u8] = b"\"}";
/// The digits of a hash.
const DIGITS: usize = 64;

/// What the first line is bound to.
pub(crate) const NOTHING: Sha256 = Sha256::from_bytes([0; 32]);

/// The audit log, or its directory, cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: std::io::Error,
}

/// Where the chain ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The number of its last line; 0 where there is none.
    pub(crate) n: u64,
    /// That line's hash.
    pub(crate) hash: Sha256,
}

/// The bytes of one file of the log.
#[derive(Debug)]
pub(crate) struct Part(Vec<u8>);

impl Part {
    /// Its lines, without their ends. A last line without an end never happened.
    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        let whole = self.0.iter().rposition(|byte| *byte == b'\n');
        self.0[..whole.unwrap_or(0)].split(|byte| *byte == b'\n').filter(move |_| whole.is_some())
    }

    /// Whether there is such a line.
    pub(crate) fn is_torn(&self) -> bool {
        self.0.last().is_some_and(|byte| *byte != b'\n')
    }
}

/// The line of an entry, without its end, and its hash.
pub(crate) fn seal(entry: &Entry) -> (String, Sha256) {
    let mut line = serde_json::to_string(entry).expect("an entry has only text keys");
    line.pop();
    let hash = Sha256::of(line.as_bytes());
    line.push_str(&format!(",\"hash\":\"{hash}\"}}"));
    (line, hash)
}

/// The hash that a line has at its end, where it is that of what stands before it.
pub(crate) fn sealed(line: &[u8]) -> Option<Sha256> {
    let at = line.len().checked_sub(HASH.len() + DIGITS + END.len())?;
    let (said, seal) = line.split_at(at);
    let digits = seal.strip_prefix(HASH)?.strip_suffix(END)?;
    let hash: Sha256 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (Sha256::of(said) == hash).then_some(hash)
}

/// What the line after this one is bound to: its hash, or that of all of it where somebody has damaged it.
pub(crate) fn bound_to(line: &[u8]) -> Sha256 {
    sealed(line).unwrap_or_else(|| Sha256::of(line))
}

/// The number of a line that is as it was written.
pub(crate) fn number(line: &[u8]) -> Option<u64> {
    sealed(line)?;
    serde_json::from_slice::<Entry>(line).ok().map(|entry| entry.n)
}

/// Where the chain ends, whatever somebody did to it: a line that was damaged still counts as one.
pub(crate) fn head(path: &Path) -> Result<Head, ReadError> {
    let (mut damaged, mut hash) = (0, None);
    for part in parts(path)?.iter().rev() {
        let Some(part) = read(part)? else { continue };
        for line in part.lines().rev() {
            let hash = *hash.get_or_insert_with(|| bound_to(line));
            if let Some(n) = number(line) {
                return Ok(Head { n: n.saturating_add(damaged), hash });
            }
            damaged += 1;
        }
    }
    Ok(Head { n: damaged, hash: hash.unwrap_or(NOTHING) })
}

/// The files of the log, oldest first.
///
/// # Errors
/// When their directory cannot be read.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let failed = |source| ReadError { path: directory.to_owned(), source };
    let mut old = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        old.extend(number_of(path, &name).map(|number| (number, directory.join(name))));
    }
    old.sort();
    let all = old.into_iter().map(|(_, path)| path).chain([path.to_owned()]);
    Ok(all.filter(|path| path.exists()).collect())
}

fn number_of(path: &Path, name: &OsStr) -> Option<u64> {
    let number = name.to_str()?.strip_prefix(path.file_name()?.to_str()?)?.strip_prefix('.')?;
    number.parse().ok()
}

/// The name of a part that ends with line `n`.
pub(crate) fn part_of(path: &Path, n: u64) -> PathBuf {
    durable::beside(path, &format!(".{n}"))
}

/// A part, or nothing where it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<Part>, ReadError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(Part(bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadError { path: path.to_owned(), source }),
    }
}
