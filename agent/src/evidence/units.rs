//! What the units of an application wrote to the machine's journal since an update began, and what the kernel, the
//! database's server and the agent itself said meanwhile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use manifest_schema::profile::DatabaseKind;
use serde::{Deserialize, Serialize};

use super::write;
use crate::host::child::{Child, Output};
use crate::plan::Plan;
use crate::redact::Redactor;

/// How long journalctl(1) may take for one unit.
const LIMIT: Duration = Duration::from_secs(20);
/// Lines of one unit, the last ones.
const LINES: &str = "--lines=2000";
/// Bytes of one unit, the last ones.
const LARGEST: usize = 96 * 1024;
/// Units of one application.
const MOST: usize = 12;
/// The ending of the files.
const ENDING: &str = "journal";

/// What one unit wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitJournal {
    /// The unit, or whose words they are.
    pub unit: String,
    /// Lines as journalctl(1) shows them.
    pub text: String,
}

/// Keeps what all of them wrote since `began`, one file each.
pub(super) fn keep(directory: &Path, plan: &Plan, began: Timestamp, redactor: &Redactor) -> Result<(), String> {
    for (name, choice) in sources(plan) {
        let text = ask(&choice, began);
        if !text.is_empty() {
            write(&directory.join(format!("{name}.{ENDING}")), redactor.apply(&text).as_bytes())?;
        }
    }
    Ok(())
}

/// Names for files, and what journalctl(1) is asked for.
fn sources(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let sides = || std::iter::once(&plan.to).chain(&plan.from);
    let unit = |pattern: &str| vec![format!("--unit={pattern}")];
    let services = sides().flat_map(|side| &side.profile.services).filter_map(|service| service.unit.clone());
    let services: std::collections::BTreeSet<String> = services.filter(|unit| !unit.contains('/')).collect();
    let mut sources: Vec<_> = services.into_iter().take(MOST).map(|name| (name.clone(), unit(&name))).collect();
    let databases = sides().flat_map(|side| &side.profile.databases);
    if databases.into_iter().any(|database| matches!(database.kind, DatabaseKind::Postgresql { .. })) {
        sources.push(("postgresql".to_owned(), unit("postgresql*")));
    }
    let (instance, id) = (&plan.instance.name, plan.id);
    sources.push(("commands".to_owned(), unit(&format!("surefoot-{instance}-{id:04}-*"))));
    sources.push(("surefoot.service".to_owned(), unit("surefoot.service")));
    sources.push(("kernel".to_owned(), vec!["--dmesg".to_owned(), "--priority=warning".to_owned()]));
    sources
}

/// The last lines; nothing where there are none, or nobody answers.
fn ask(choice: &[String], began: Timestamp) -> String {
    let since = format!("--since=@{}", began.as_second());
    let mut tail = Vec::new();
    let mut hear = |bytes: &[u8]| {
        tail.extend_from_slice(bytes);
        let excess = tail.len().saturating_sub(2 * LARGEST);
        tail.drain(..excess);
        Ok(())
    };
    let child = Child::new("journalctl", LIMIT).args(["--no-pager", "--quiet", "--output=short-iso", LINES, &since]);
    match child.args(choice).output(Output::Each(&mut hear)).run() {
        Ok(_) => last_lines(&String::from_utf8_lossy(&tail)),
        Err(error) => format!("{}\n", crate::exit::chain(&error)),
    }
}

/// Whole lines only: half a line could begin in the middle of a secret.
fn last_lines(text: &str) -> String {
    if text.len() <= LARGEST {
        return text.to_owned();
    }
    let from = text.len() - LARGEST;
    let from = text.as_bytes()[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at + 1);
    text[from..].to_owned()
}

/// What was kept, the application's own units first.
pub(super) fn read(directory: &Path) -> Vec<UnitJournal> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
    let unit = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    paths.sort_by_key(|path| (!unit(path).contains('.') || unit(path) == "surefoot.service", unit(path)));
    let read = |path: &PathBuf| Some(UnitJournal { unit: unit(path), text: std::fs::read_to_string(path).ok()? });
    paths.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_lines_are_kept() {
        let text: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        let kept = last_lines(&text);
        assert!(kept.len() <= LARGEST && kept.starts_with("line ") && kept.ends_with("line 19999\n"));
        assert_eq!(last_lines("one\ntwo\n"), "one\ntwo\n");
        assert_eq!(last_lines(&"x".repeat(LARGEST + 1)), "", "a line without end is not worth a secret");
    }
}
