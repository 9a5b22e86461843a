//! What admins approved: one line an approval, bound to the manifest's hash, so that it is worth nothing for another
//! release of the same version.

use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use crate::{durable, journal};

/// An approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When.
    pub at: jiff::Timestamp,
    /// The release, for people.
    pub version: ReleaseVersion,
    /// The release, for the agent.
    pub manifest: Sha256,
    /// Who.
    pub by: String,
    /// The number of the last update before it: what failed up to there, the admin has seen. Not the time, since clocks jump. An
    /// approval from before there was this number clears nothing.
    #[serde(default)]
    pub after: u32,
}

/// Why approvals cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is no approval.
    #[error("{}: line {line} is not an approval: remove that line, and approve again what it was for", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// All approvals ever given.
///
/// # Errors
/// When the file or a line of it cannot be read. A last line without newline never happened.
pub fn read_approvals(path: &Path) -> Result<Vec<Approval>, ApprovalError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ApprovalError::Read { path: path.to_owned(), source }),
    };
    let is_line = |line: &&[u8]| !is_torn(line);
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(is_line);
    lines
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|source| ApprovalError::Line {
                path: path.to_owned(),
                line: number + 1,
                source,
            })
        })
        .collect()
}

/// Whether this is what can be left of a line that was being written when the power went.
fn is_torn(line: &[u8]) -> bool {
    line.last() != Some(&b'\n') && journal::is_torn(line)
}

/// Records an approval.
///
/// # Errors
/// When it is not durable.
pub fn write_approval(path: &Path, approval: &Approval) -> Result<(), durable::Error> {
    let line = serde_json::to_string(approval).expect("an approval has only text keys");
    durable::append_line(path, &line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"at":"2026-01-01T00:00:00Z","version":"1.1.0","manifest":"HASH","by":"anna","after":3}"#;

    #[test]
    fn approvals_that_are_empty_torn_or_damaged_let_nothing_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("approvals.jsonl");
        let good = GOOD.replace("HASH", &"ab".repeat(32));
        let read = |text: &str| {
            durable::write_atomic(&path, text.as_bytes(), 0o644).unwrap();
            read_approvals(&path).map(|all| all.len()).map_err(|error| error.to_string())
        };
        assert_eq!(read(""), Ok(0));
        assert_eq!(read(&format!("{good}\n")), Ok(1), "{:?}", read_approvals(&path));
        assert_eq!(read(&format!("{good}\n{}", &good[..40])), Ok(1), "the power went");
        for damaged in ["\u{0}\u{0}\u{0}\n", "{\n", "[]\n", "{\"version\":\"1.1.0\"}\n"] {
            let told = read(&format!("{good}\n{damaged}")).unwrap_err();
            assert!(told.contains("line 2 is not an approval: remove that line"), "{damaged:?}: {told}");
        }
    }
}
