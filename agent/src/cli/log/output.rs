//! What the vendor's commands said in an update: where it is kept, and how it ended. The agent keeps the first and the last
//! 32 KiB of each command; the log of a service that a command starts is the service's own, and only its end is read.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::section::{self, Much};
use crate::redact::Redactor;

/// Bytes of each that are read: a service can write without end.
const BYTES: u64 = 128 * 1024;

/// One log.
#[derive(Serialize)]
pub(super) struct Output {
    /// Whose: `prepare`, `migrate-0`, `service-web`.
    pub(super) name: String,
    path: PathBuf,
    text: String,
    /// Why it cannot be read.
    problem: Option<String>,
}

/// Each `*.log` of the update.
pub(super) fn read(directory: &Path, redactor: &Redactor) -> Vec<Output> {
    logs(directory).into_iter().map(|path| read_one(path, redactor)).collect()
}

fn read_one(path: PathBuf, redactor: &Redactor) -> Output {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match end_of(&path) {
        Ok(text) => Output { name, path, text: redactor.apply(&text), problem: None },
        Err(error) => {
            let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
            let advice = if denied { ": only root may read it, use sudo" } else { "" };
            Output { name, path, text: String::new(), problem: Some(format!("{error}{advice}")) }
        }
    }
}

/// The last whole lines: half a line could begin in the middle of a secret.
fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if from == 0 {
        return Ok(text);
    }
    Ok(text.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned()))
}

fn logs(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut logs: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "log") && path.is_file()).collect();
    logs.sort();
    logs
}

impl Output {
    /// Its end, or all of it.
    pub(super) fn tell(&self, much: Much, width: usize) -> String {
        let path = self.path.display();
        match &self.problem {
            Some(problem) => format!("\n{path}: cannot be read: {problem}\n"),
            None => section::quote(&path.to_string(), &self.text, much, width),
        }
    }
}
