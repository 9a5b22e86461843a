//! Journals that cannot be acted on: found beside the good ones, and the two ways out that a person can choose. What cannot
//! be read is never thrown away.

use std::path::{Path, PathBuf};

use manifest_schema::version::ReleaseVersion;

use super::read::{self, Reading};
use super::{Entry, Journal, JournalError, REMOVING, Record, durable};

/// What the name of something that a person was told about ends with. It is no update's.
const DAMAGED: &str = ".damaged";

/// A journal that cannot be acted on.
#[derive(Debug)]
pub struct Damaged {
    /// The directory of its update.
    pub directory: PathBuf,
    /// What can be read of it, up to the damage, where at least its plan can.
    pub beginning: Option<Journal>,
    /// What is wrong.
    pub error: JournalError,
}

/// All updates of an instance.
#[derive(Debug, Default)]
pub struct Scan {
    /// Those that can be read, by number.
    pub whole: Vec<Journal>,
    /// Those that cannot, in the order of their names.
    pub damaged: Vec<Damaged>,
}

/// Looks at all updates below `updates`. What is not called as an update is none, whatever it holds; an update that never
/// began is left out.
///
/// # Errors
/// When the directory itself cannot be read.
pub fn scan(updates: &Path) -> Result<Scan, JournalError> {
    let mut scan = Scan::default();
    for (number, directory) in directories(updates)? {
        let path = directory.join("journal.jsonl");
        match read::read(&path) {
            Reading::Whole(journal) if journal.plan.id == number => scan.whole.push(journal),
            Reading::Whole(journal) => {
                let reason = format!("it is the journal of update {}", journal.plan.id);
                let error = JournalError::Impossible { path, line: 1, reason };
                scan.damaged.push(Damaged { directory, beginning: None, error });
            }
            Reading::NeverBegan if has_traces(&directory) => {
                let error = JournalError::Lost { path };
                scan.damaged.push(Damaged { directory, beginning: None, error });
            }
            Reading::NeverBegan => {}
            Reading::Damaged { beginning, error } => scan.damaged.push(Damaged { directory, beginning, error }),
        }
    }
    scan.whole.sort_by_key(|journal| journal.plan.id);
    Ok(scan)
}

/// The directories that are called as updates, such as `0007-2.1.0`, with their numbers.
fn directories(updates: &Path) -> Result<Vec<(u32, PathBuf)>, JournalError> {
    let mut found: Vec<(u32, PathBuf)> =
        entries(updates)?.into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    found.sort();
    Ok(found)
}

fn entries(updates: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let read = |source| JournalError::Read { path: updates.to_owned(), source };
    match std::fs::read_dir(updates) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(read)).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(read(error)),
    }
}

/// The ends of names that are no update's are asked for, since some of them would make a legal version.
fn number(directory: &Path) -> Option<u32> {
    let name = directory.file_name()?.to_str()?;
    if name.ends_with(REMOVING) || name.contains(DAMAGED) {
        return None;
    }
    let (number, version) = name.split_once('-')?;
    version.parse::<ReleaseVersion>().ok()?;
    number.parse().ok()
}

/// The highest number of an update that was put aside here: it is not given a second time, since its backup has it too.
///
/// # Errors
/// When the directory cannot be read.
pub fn highest_put_aside(updates: &Path) -> Result<u32, JournalError> {
    let number = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        if name.contains(DAMAGED) { name.split_once('-')?.0.parse().ok() } else { None }
    };
    Ok(entries(updates)?.iter().filter_map(number).max().unwrap_or(0))
}

/// Whether more lies beside a journal than its own beginning leaves: then the update had begun, and its plan was durable once.
fn has_traces(directory: &Path) -> bool {
    let of_the_beginning = ["journal.jsonl", "reserve", "reserve.partial", "inodes"];
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| !of_the_beginning.iter().any(|name| entry.file_name() == *name))
}

impl Damaged {
    /// Keeps the damaged file beside, under the name that is answered, and goes on with what can be read of it and `last`
    /// after that, where it was not over already.
    ///
    /// # Errors
    /// When one of the two cannot be written; the damaged file is then still in its place.
    pub fn mend(&self, beginning: &Journal, last: Record, now: jiff::Timestamp) -> Result<PathBuf, JournalError> {
        let path = &beginning.path;
        let read = |source| JournalError::Read { path: path.clone(), source };
        let bytes = std::fs::read(path).map_err(read)?;
        let kept = kept_as(path, &bytes);
        durable::write_atomic(&kept, &bytes, 0o644).map_err(JournalError::Write)?;
        let mut mended: Vec<u8> =
            bytes.split_inclusive(|byte| *byte == b'\n').take(beginning.entries.len()).flatten().copied().collect();
        if beginning.is_open() {
            let line = serde_json::to_string(&Entry { at: now, record: last }).expect("a record has only text keys");
            mended.extend_from_slice(line.as_bytes());
            mended.push(b'\n');
        }
        beginning.remove_reserve().map_err(JournalError::Write)?;
        durable::write_atomic(path, &mended, 0o644).map_err(JournalError::Write)?;
        Ok(kept)
    }

    /// Moves the whole directory to a name that is not taken for an update, which is answered.
    ///
    /// # Errors
    /// When it stays.
    pub fn put_aside(&self) -> Result<PathBuf, JournalError> {
        let aside = free(&self.directory);
        durable::rename(&self.directory, &aside).map_err(JournalError::Write)?;
        Ok(aside)
    }
}

/// Where the damaged bytes are kept: where they are already, if a crash had come after that.
fn kept_as(path: &Path, bytes: &[u8]) -> PathBuf {
    let mut names = names(path);
    names.find(|name| !name.exists() || std::fs::read(name).is_ok_and(|kept| kept == bytes)).expect("names do not end")
}

fn free(path: &Path) -> PathBuf {
    names(path).find(|name| std::fs::symlink_metadata(name).is_err()).expect("names do not end")
}

fn names(path: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let number = |number: u32| if number == 1 { DAMAGED.to_owned() } else { format!("{DAMAGED}.{number}") };
    (1..).map(move |count| durable::beside(path, &number(count)))
}

#[cfg(test)]
mod tests;
