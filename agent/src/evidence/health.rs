//! What services and checks said while a release was probed: one line a change, so that a healthy hour takes no room.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::health::{Line, Sample};
use crate::redact::Redactor;

/// Bytes of one diary. One that flickers for hours does not fill the disk.
const LARGEST: u64 = 96 * 1024;
/// Characters of an answer, and of a problem.
const LONGEST: usize = 500;

/// What one service or check said, from then on until it said something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When it was seen first.
    pub at: Timestamp,
    /// The release that ran.
    pub version: ReleaseVersion,
    /// The service or check.
    pub name: Name,
    /// Whether it is a service.
    pub service: bool,
    /// What was wrong, if anything.
    pub problem: Option<String>,
    /// What it said itself: its manager's words, a status and the beginning of an answer.
    pub says: String,
}

/// Writes changes down.
#[derive(Debug)]
pub struct Diary {
    path: PathBuf,
    /// By release, name, and whether it is a service: a check may have the name of one.
    last: BTreeMap<(ReleaseVersion, Name, bool), Option<String>>,
}

impl Diary {
    /// The diary of the update in `directory`.
    pub fn of(directory: &Path) -> Self {
        Self { path: file(&super::directory(directory)), last: BTreeMap::new() }
    }

    /// Takes a look down, where it tells something new. That it cannot be written is nobody's business but the log's.
    pub fn note(&mut self, version: &ReleaseVersion, sample: &Sample, at: Timestamp, redactor: &Redactor) {
        let seen: Vec<Seen> = sample.lines.iter().filter_map(|line| self.news(version, line, at, redactor)).collect();
        let written = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        if seen.is_empty() || written >= LARGEST {
            return;
        }
        let lines: Vec<String> =
            seen.iter().map(|seen| serde_json::to_string(seen).expect("it has only text keys")).collect();
        let parent = self.path.parent().unwrap_or(&self.path);
        let kept = durable::make_dirs(parent, 0o700).and_then(|()| durable::append_line(&self.path, &lines.join("\n")));
        if let Err(error) = kept {
            tracing::warn!("{}", crate::exit::chain(&error));
        }
    }

    /// An answer often holds the time of day: what counts is whether it is well, and what is wrong.
    fn news(&mut self, version: &ReleaseVersion, line: &Line, at: Timestamp, redactor: &Redactor) -> Option<Seen> {
        let key = (version.clone(), line.name.clone(), line.service);
        if self.last.get(&key) == Some(&line.problem) {
            return None;
        }
        self.last.insert(key, line.problem.clone());
        let clean = |text: &String| redactor.apply(text).chars().take(LONGEST).collect::<String>();
        Some(Seen {
            at,
            version: version.clone(),
            name: line.name.clone(),
            service: line.service,
            problem: line.problem.as_ref().map(clean),
            says: clean(&line.says),
        })
    }
}

/// What a directory of evidence holds; a line that was cut off never happened.
pub(super) fn read(directory: &Path) -> Vec<Seen> {
    let text = std::fs::read_to_string(file(directory)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn file(directory: &Path) -> PathBuf {
    directory.join("health.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(problem: Option<&str>, says: &str) -> Sample {
        let line = Line {
            name: "web".parse().unwrap(),
            problem: problem.map(str::to_owned),
            service: false,
            says: says.to_owned(),
        };
        Sample { lines: vec![line], lives: Default::default() }
    }

    #[test]
    fn only_a_change_is_written_down_and_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let mut diary = Diary::of(directory.path());
        let version: ReleaseVersion = "1.1.0".parse().unwrap();
        let redactor = Redactor::new(crate::redact::in_settings("TOKEN=hunter-two"));
        for (second, problem, says) in [
            (0, Some("refused"), ""),
            (1, Some("refused"), ""),
            (2, None, "200 at 1 s"),
            (3, None, "200 at 2 s"),
            (4, Some("says hunter-two"), "500 hunter-two"),
        ] {
            diary.note(&version, &sample(problem, says), Timestamp::from_second(second).unwrap(), &redactor);
        }
        let seen = read(&super::super::directory(directory.path()));
        let told: Vec<_> =
            seen.iter().map(|seen| (seen.at.as_second(), seen.problem.as_deref(), &*seen.says)).collect();
        let wanted = [
            (0, Some("refused"), ""),
            (2, None, "200 at 1 s"),
            (4, Some("says [redacted: TOKEN]"), "500 [redacted: TOKEN]"),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn one_that_flickers_does_not_fill_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let mut diary = Diary::of(directory.path());
        let version: ReleaseVersion = "1.1.0".parse().unwrap();
        for second in 0..300 {
            let problem = format!("{second} {}", "x".repeat(2000));
            let at = Timestamp::from_second(second).unwrap();
            diary.note(&version, &sample(Some(&problem), &problem), at, &Redactor::default());
        }
        let written = std::fs::metadata(&diary.path).unwrap().len();
        assert!(written < LARGEST + 2048, "{written}");
    }
}
