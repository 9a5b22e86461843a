//! What lies on the client's machine: releases, downloads, and the history as the agent tells it.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Client;

impl Client {
    /// What the agent remembers of the instance.
    pub fn state(&self) -> PathBuf {
        self.root.join("var/lib/surefoot/notes")
    }

    /// Where the releases lie.
    pub fn releases(&self) -> PathBuf {
        PathBuf::from(format!("{}.surefoot/releases", self.directory.display()))
    }

    /// The versions that lie there, in the order of their names; a half-made one is called `X.Y.Z.pending`.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn kept_releases(&self) -> anyhow::Result<Vec<String>> {
        names(&self.releases())
    }

    /// Artifacts that are left over on their way here.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn fetched(&self) -> anyhow::Result<Vec<String>> {
        names(&self.state().join("fetch"))
    }

    /// The history, as `surefoot history --json` has it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn history(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        Ok(serde_json::from_str(&self.surefoot(&["history", "--json"])?.well()?.out)?)
    }

    /// `act version status` of each line of the history, such as `update 1.1.0 completed`.
    ///
    /// # Errors
    /// As [`Self::history`].
    pub fn story(&self) -> anyhow::Result<Vec<String>> {
        let word = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let line =
            |row: &serde_json::Value| format!("{} {} {}", word(row, "act"), word(row, "version"), word(row, "status"));
        Ok(self.history()?.iter().map(line).collect())
    }

    /// What `surefoot backup list --json` has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn backups(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        Ok(serde_json::from_str(&self.surefoot(&["backup", "list", "--json"])?.well()?.out)?)
    }

    /// Lets all updates have happened so many days earlier than they did. For a client whose daemon is stopped.
    ///
    /// # Errors
    /// When a journal cannot be rewritten.
    pub fn let_pass(&self, days: i64) -> anyhow::Result<()> {
        for update in names(&self.state().join("updates"))? {
            let path = self.state().join("updates").join(update).join("journal.jsonl");
            let lines: Result<Vec<String>, _> =
                std::fs::read_to_string(&path)?.lines().map(|line| earlier(line, days)).collect();
            std::fs::write(&path, lines?.join("\n") + "\n")?;
        }
        Ok(())
    }

    /// Lets the time be over for which any source wanted to be left alone.
    ///
    /// # Errors
    /// When what is remembered of the sources cannot be rewritten.
    pub fn let_limits_pass(&self) -> anyhow::Result<()> {
        let path = self.state().join("sources.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut all: serde_json::Value = serde_json::from_str(&text)?;
        for source in all.as_object_mut().context("it is no table")?.values_mut() {
            source["not_before"] = jiff::Timestamp::UNIX_EPOCH.to_string().into();
        }
        Ok(std::fs::write(&path, all.to_string())?)
    }

    /// Lets the agent have seen the clock run steadily for so many hours. For a client whose daemon is stopped.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn steady_for(&self, hours: i64) -> anyhow::Result<()> {
        let now = jiff::Timestamp::now();
        let since = now - jiff::SignedDuration::from_hours(hours);
        let text = format!(r#"{{"since":"{since}","last":"{now}","boot":"","up_seconds":0}}"#);
        Ok(std::fs::write(self.state().with_file_name("clock.json"), text)?)
    }
}

fn earlier(line: &str, days: i64) -> anyhow::Result<String> {
    let mut record: serde_json::Value = serde_json::from_str(line)?;
    let at: jiff::Timestamp = record["at"].as_str().context("a record without a time")?.parse()?;
    record["at"] = (at - jiff::SignedDuration::from_hours(24 * days)).to_string().into();
    Ok(record.to_string())
}

fn names(directory: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| directory.display().to_string()),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
