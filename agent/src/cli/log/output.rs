//! What the vendor's commands said in an update: where it is kept, and how it ended.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::cli::words;

/// Lines of each that are shown.
const LINES: usize = 5;
/// Bytes of each that are read: a service can write without end.
const BYTES: u64 = 16 * 1024;

/// The end of each `*.log` of the update.
pub(super) fn tell(directory: &Path, width: usize) -> String {
    logs(directory).iter().map(|path| tell_one(path, width)).collect()
}

fn tell_one(path: &Path, width: usize) -> String {
    let shown = path.display();
    let text = match end_of(path) {
        Ok(text) => text,
        Err(error) => return format!("\n{shown}: cannot be read: {error}\n"),
    };
    let lines: Vec<&str> = text.lines().collect();
    let shown_from = lines.len().saturating_sub(LINES);
    let lines: String =
        lines[shown_from..].iter().map(|line| format!("  | {}\n", words::cut(line, width - 4))).collect();
    format!("\n{shown} ends with:\n{lines}")
}

fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn logs(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut logs: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "log") && path.is_file()).collect();
    logs.sort();
    logs
}
