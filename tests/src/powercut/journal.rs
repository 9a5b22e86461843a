//! What the journals on the disk say, read without the agent.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;

use super::place;

/// How an act that was cut off must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// As if nothing had been begun.
    Old,
    /// As asked for.
    New,
}

/// The journal of one act.
pub(super) struct Journal {
    /// The name of its directory.
    pub(super) name: String,
    records: Vec<Value>,
}

/// All journals that have begun, the first one first. What follows the last newline never happened.
pub(super) fn all() -> anyhow::Result<Vec<Journal>> {
    let updates = place::instance().join("updates");
    let Ok(entries) = fs::read_dir(&updates) else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut journals = Vec::new();
    for path in paths {
        let text = fs::read_to_string(path.join("journal.jsonl")).unwrap_or_default();
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let records = whole.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        let records = records.with_context(|| format!("{} has a broken line: {text:?}", path.display()))?;
        if !records.is_empty() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            journals.push(Journal { name, records });
        }
    }
    Ok(journals)
}

impl Journal {
    /// The words of its records.
    pub(super) fn words(&self) -> Vec<&str> {
        self.records.iter().filter_map(|record| record["record"].as_str()).collect()
    }

    /// Whether nothing is left to be done.
    pub(super) fn is_over(&self) -> bool {
        self.words().last().is_some_and(|word| ["finished", "rolled_back"].contains(word))
    }

    /// Whether the new release stayed.
    pub(super) fn is_committed(&self) -> bool {
        self.words().contains(&"committed")
    }

    /// The rule of recovery, told once more: what is committed or soaks stays, anything else goes back.
    pub(super) fn side(&self) -> Side {
        let words = self.words();
        let soaks = words.contains(&"soaking") && !words.contains(&"failed");
        if self.is_committed() || soaks { Side::New } else { Side::Old }
    }

    /// The number of the act, as names of backups have it: `0002`.
    pub(super) fn number(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }

    /// The databases that it says it has left aside.
    pub(super) fn left_aside(&self) -> impl Iterator<Item = &str> {
        self.records
            .iter()
            .filter(|record| record["record"] == "left_aside")
            .filter_map(|record| record["name"].as_str())
    }
}

/// Everything, for the message of a run that went wrong.
pub(super) fn told() -> String {
    let tell = |journal: &Journal| format!("  {}: {}\n", journal.name, journal.words().join(" "));
    all().map_or_else(|error| error.to_string(), |journals| journals.iter().map(tell).collect())
}
