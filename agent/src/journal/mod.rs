//! The journal of one update: append only, one JSON object a line, durable before the next act.
//!
//! Everything else that the agent tells of the past (status, history, the list of bad releases, what is installed) is
//! folded from journals. Nothing is stored twice.

mod course;
mod damaged;
pub mod history;
pub(crate) mod read;
mod record;
pub mod standing;

use std::path::{Path, PathBuf};

pub use damaged::{Damaged, Scan, highest_put_aside, scan};
pub(crate) use read::is_torn;
pub use record::{Blame, Entry, Record, Stands};

use read::Reading;

use crate::durable;
use crate::plan::{FORMAT, Plan};

/// Bytes that each journal keeps for a full disk: the records of the way back, and the few small files of its steps.
const RESERVE: u64 = 256 * 1024;
/// Inodes that it keeps for a disk that has no others: the door, a link, and a copy are made on the way back.
const INODES: usize = 8;

/// How the name of an update's directory ends that is being removed: nothing in it counts any more.
pub const REMOVING: &str = ".removing";

/// The journal of one update.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
    entries: Vec<Entry>,
    plan: Plan,
}

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line in the middle says nothing that this program knows. It never starts afresh over it.
    #[error("{}: line {line} cannot be read; nothing is changed until a person has looked", path.display())]
    Line {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line says what cannot be after those before it.
    #[error("{}: line {line} cannot be: {reason}; nothing is changed until a person has looked", path.display())]
    Impossible {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Why not.
        reason: String,
    },
    /// A record of a kind that this version of the program does not know.
    #[error(
        "{}: line {line} is a record {word:?} that this version ({}) does not know: where a newer one wrote it, install \
         that one again; nothing is changed until a person has looked", path.display(), env!("CARGO_PKG_VERSION")
    )]
    Unknown {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Its kind.
        word: String,
    },
    /// The plan has a format that this version of the program does not know. The version that wrote it does.
    #[error(
        "{}: its plan has format {format}, and this version ({}) knows {FORMAT}: a newer one wrote it, install that one \
         again; nothing is changed until then", path.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// The plan's.
        format: u64,
    },
    /// The first record is not a plan of a format that this program knows.
    #[error(
        "{}: line 1 is no plan that this program knows (format {FORMAT}); nothing is changed until a person has looked",
        path.display()
    )]
    Plan {
        /// The journal.
        path: PathBuf,
    },
    /// The file is empty or not there, and the update had begun.
    #[error(
        "{}: the plan is gone, of an update that had begun; nothing is changed until a person has looked",
        path.display()
    )]
    Lost {
        /// The journal.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("the journal cannot be written")]
    Write(#[source] durable::Error),
}

impl JournalError {
    /// What a person can do about it beside reading; `option` names the instance where it must be named. Nothing where the version
    /// that wrote the journal can go on with it.
    pub fn way_out(&self, option: &str) -> String {
        if matches!(self, Self::Newer { .. } | Self::Write(_)) {
            return String::new();
        }
        format!(". 'surefoot abandon --dry-run{option}' says what can be kept of it")
    }
}

impl Journal {
    /// Begins the journal of a new update in `directory`, with its plan.
    ///
    /// # Errors
    /// When the plan is not durable: the update has not begun then.
    pub fn begin(directory: &Path, plan: Plan, now: jiff::Timestamp) -> Result<Self, JournalError> {
        durable::make_dirs(directory, 0o755).map_err(JournalError::Write)?;
        durable::reserve(&directory.join("reserve"), RESERVE).map_err(JournalError::Write)?;
        durable::reserve_inodes(&directory.join("inodes"), INODES).map_err(JournalError::Write)?;
        let mut journal = Self { path: directory.join("journal.jsonl"), entries: Vec::new(), plan: plan.clone() };
        journal.append(Record::Planned { plan: Box::new(plan) }, now)?;
        Ok(journal)
    }

    /// Appends a record and makes it durable. On a full disk the journal's reserve is given up for it: whatever fails, the
    /// way back can be written down.
    ///
    /// # Errors
    /// When it is not known to be durable. The caller must not go on as if it were.
    pub fn append(&mut self, record: Record, now: jiff::Timestamp) -> Result<(), JournalError> {
        let entry = Entry { at: now, record };
        let line = serde_json::to_string(&entry).expect("a record has only text keys");
        if entry.record.is_last() {
            // Before it, not after: nobody takes up an update that is over.
            self.remove_reserve().map_err(JournalError::Write)?;
        }
        let (word, step) = entry.record.word();
        crate::fault::says(word);
        self.append_line(&line).map_err(JournalError::Write)?;
        self.entries.push(entry);
        crate::fault::boundary(word, step.and_then(|step| self.plan.steps.get(step)).map(crate::plan::Step::name));
        Ok(())
    }

    fn append_line(&self, line: &str) -> Result<(), durable::Error> {
        let length = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        match durable::append_line(&self.path, line) {
            Err(error) if error.is_no_space() && self.directory().join("reserve").exists() => {
                self.remove_reserve()?;
                // The whole line may be there already, and only its durability in doubt.
                durable::truncate(&self.path, length)?;
                durable::append_line(&self.path, line)
            }
            outcome => outcome,
        }
    }

    /// Gives the reserve up although the journal itself can still be written: something else of the way back cannot.
    pub fn give_up_reserve(&self) {
        // What stands in the way here is the least of the troubles.
        let _ = self.remove_reserve();
    }

    fn remove_reserve(&self) -> Result<(), durable::Error> {
        durable::remove_tree(&self.directory().join("inodes"))?;
        durable::remove_file(&self.directory().join("reserve"))
    }

    /// Reads a journal. A last line without newline never happened and is ignored.
    /// Answers `None` when not even the plan is there: that update never began.
    ///
    /// # Errors
    /// When a line in the middle is unreadable or the file is.
    pub fn read(path: &Path) -> Result<Option<Self>, JournalError> {
        match read::read(path) {
            Reading::NeverBegan => Ok(None),
            Reading::Whole(journal) => Ok(Some(journal)),
            Reading::Damaged { error, .. } => Err(error),
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All records, the first one first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The records without their times.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.entries.iter().map(|entry| &entry.record)
    }

    /// The directory of the update.
    pub fn directory(&self) -> &Path {
        self.path.parent().expect("a journal lies in its update's directory")
    }

    /// Whether the update still needs something done.
    pub fn is_open(&self) -> bool {
        !self.records().any(Record::is_last)
    }

    /// Whether the last word on it is that a person is needed.
    pub fn is_stuck(&self) -> bool {
        matches!(self.records().next_back(), Some(Record::Stuck { .. }))
    }

    /// Whether the new release was up and healthy, and nothing has failed since: code, data and services agree.
    pub fn is_soaking(&self) -> bool {
        let has = |wanted: fn(&Record) -> bool| self.records().any(wanted);
        has(|record| matches!(record, Record::Soaking)) && !has(|record| matches!(record, Record::Failed { .. }))
    }
}

/// The bytes up to and with the last newline.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &bytes[..end]
}

/// The journals below `updates`, by number. A directory without a plan is left out.
///
/// # Errors
/// When one cannot be read.
pub fn read_all(updates: &Path) -> Result<Vec<Journal>, JournalError> {
    let scan = scan(updates)?;
    match scan.damaged.into_iter().next() {
        Some(damaged) => Err(damaged.error),
        None => Ok(scan.whole),
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
