//! A journal's bytes → its entries, or what is wrong with them and how far they can be read.
//!
//! Three things are told apart. What a power cut leaves (half a last line, or a tail of NULs where the file had grown and its
//! content had not come) never happened. What a newer version of this program wrote is left to that version. Everything else is
//! damage: a person is needed, and nothing is guessed.

use std::path::Path;

use serde::de::Error as _;

use super::course::Course;
use super::{Entry, Journal, JournalError, Record};
use crate::plan::FORMAT;

/// How each record begins that this program writes: what was cut off in the middle of a line begins like this.
const BEGINNING: &[u8] = br#"{"at":""#;

/// What a file is.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Not even the plan is there: that update never began.
    NeverBegan,
    /// A journal.
    Whole(Journal),
    /// Something that must not be acted on.
    Damaged {
        /// What can be read of it, up to the damage, where at least its plan can.
        beginning: Option<Journal>,
        /// What is wrong.
        error: JournalError,
    },
}

/// Reads a journal as far as it can be read.
pub(super) fn read(path: &Path) -> Reading {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Reading::NeverBegan,
        Err(source) => {
            let error = JournalError::Read { path: path.to_owned(), source };
            return Reading::Damaged { beginning: None, error };
        }
    };
    understand(path, &bytes)
}

/// What the bytes of a journal are that lies at `path`.
pub(crate) fn understand(path: &Path, bytes: &[u8]) -> Reading {
    let (entries, error) = entries(path, bytes);
    let journal = journal(path, entries);
    match (journal, error) {
        (beginning, Some(error)) => Reading::Damaged { beginning, error },
        (Some(journal), None) => Reading::Whole(journal),
        (None, None) => Reading::NeverBegan,
    }
}

fn journal(path: &Path, entries: Vec<Entry>) -> Option<Journal> {
    let Record::Planned { plan } = &entries.first()?.record else { return None };
    let plan = (**plan).clone();
    Some(Journal { path: path.to_owned(), plan, entries })
}

/// The entries up to the first that cannot be, and what is wrong with that one.
fn entries(path: &Path, bytes: &[u8]) -> (Vec<Entry>, Option<JournalError>) {
    let (whole, tail) = bytes.split_at(super::whole_lines(bytes).len());
    let (mut course, mut entries) = (Course::default(), Vec::new());
    for (number, line) in whole.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match entry(path, number + 1, line, &mut course) {
            Ok(entry) => entries.push(entry),
            Err(error) => return (entries, Some(error)),
        }
    }
    let error = (!is_torn(tail)).then(|| JournalError::Line {
        path: path.to_owned(),
        line: entries.len() + 1,
        source: serde_json::Error::custom("it does not begin like anything that was ever written here"),
    });
    (entries, error)
}

/// Whether this is what can be left of a line that was being written when the power went.
pub(crate) fn is_torn(tail: &[u8]) -> bool {
    let begins = tail.len().min(BEGINNING.len());
    tail.iter().all(|byte| *byte == 0) || tail[..begins] == BEGINNING[..begins] || is_cut_short(&tail[..begins])
}

/// A few bytes of the beginning, and NULs after them.
fn is_cut_short(tail: &[u8]) -> bool {
    let written = tail.iter().position(|byte| *byte == 0).unwrap_or(tail.len());
    tail[..written] == BEGINNING[..written] && tail[written..].iter().all(|byte| *byte == 0)
}

fn entry(path: &Path, line: usize, bytes: &[u8], course: &mut Course) -> Result<Entry, JournalError> {
    if let Some(error) = newer(path, line, bytes) {
        return Err(error);
    }
    let unreadable = |source| JournalError::Line { path: path.to_owned(), line, source };
    let entry: Entry = serde_json::from_slice(bytes).map_err(unreadable)?;
    let is_known = if let Record::Planned { plan } = &entry.record { plan.format == FORMAT } else { line > 1 };
    if !is_known {
        return Err(JournalError::Plan { path: path.to_owned() });
    }
    course
        .take(&entry.record)
        .map_err(|reason| JournalError::Impossible { path: path.to_owned(), line, reason })
        .map(|()| entry)
}

/// What in this line a newer version of this program can have written, and no older one.
fn newer(path: &Path, line: usize, bytes: &[u8]) -> Option<JournalError> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let word = value.get("record")?.as_str()?;
    let path = path.to_owned();
    if word == "planned" {
        let format = value.get("plan")?.get("format")?.as_u64()?;
        return (format > u64::from(FORMAT)).then_some(JournalError::Newer { path, format });
    }
    (!Record::WORDS.contains(&word)).then(|| JournalError::Unknown { path, line, word: word.to_owned() })
}
