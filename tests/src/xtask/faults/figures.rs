//! What the tests counted, as a table of 80 columns.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// One kind of blow on one scenario, as a test tells it.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    scenario: String,
    points: usize,
    blow: String,
    of: usize,
    runs: usize,
    broke: Vec<String>,
    seconds: f64,
}

/// All that was told.
pub(super) struct Figures(Vec<Line>);

/// A row of the table: sums by column.
#[derive(Default)]
struct Row {
    points: usize,
    /// Runs and cases by kind of blow.
    blows: BTreeMap<&'static str, (usize, usize)>,
    broke: usize,
    seconds: f64,
}

/// The columns of single blows, and what they are called by the tests.
const FIRST: [&str; 3] = ["error", "kill", "power cut"];
const SECOND: &str = "second";
/// All that a disk can refuse.
const DENIED: &str = "denied";

impl Figures {
    /// Reads the lines of every file in a directory.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Self> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            for line in text.lines() {
                lines.push(serde_json::from_str(line).with_context(|| path.display().to_string())?);
            }
        }
        Ok(Self(lines))
    }

    pub(super) fn broke(&self) -> usize {
        self.0.iter().map(|line| line.broke.len()).sum()
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{:22}{:>7}{:>6}{:>6}{:>6}{:>14}{:>7}{:>6}{:>6}\n",
            "scenario", "points", "error", "kill", "power", "second blow", "denied", "broke", "s"
        );
        let mut scenarios: Vec<&str> = self.0.iter().map(|line| line.scenario.as_str()).collect();
        scenarios.sort_unstable();
        scenarios.dedup();
        for scenario in scenarios {
            let row = Row::of(self.0.iter().filter(|line| line.scenario == scenario));
            row.write(&scenario.replace('_', " "), &mut text);
        }
        let mut all = Row::of(self.0.iter());
        all.points = self.0.iter().filter(|line| line.blow == FIRST[0]).map(|line| line.points).sum();
        all.write("all", &mut text);
        self.denials(&mut text);
        text
    }

    /// What lies behind the column of what a disk refuses.
    fn denials(&self, text: &mut String) {
        let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for line in self.0.iter().filter(|line| column(&line.blow) == DENIED) {
            let (runs, of) = kinds.entry(&line.blow).or_default();
            (*runs, *of) = (*runs + line.runs, *of + line.of);
        }
        let words: Vec<String> = kinds.iter().map(|(kind, (runs, of))| format!("{kind} {runs}/{of}")).collect();
        if !words.is_empty() {
            let _ = writeln!(text, "denied: {}", words.join(", "));
        }
    }
}

fn column(blow: &str) -> &'static str {
    FIRST.into_iter().chain([SECOND]).find(|column| *column == blow).unwrap_or(DENIED)
}

impl Row {
    fn of<'a>(lines: impl Iterator<Item = &'a Line>) -> Self {
        let mut row = Self::default();
        for line in lines {
            row.points = row.points.max(line.points);
            let (runs, of) = row.blows.entry(column(&line.blow)).or_default();
            (*runs, *of) = (*runs + line.runs, *of + line.of);
            row.broke += line.broke.len();
            row.seconds += line.seconds;
        }
        row
    }

    fn write(&self, name: &str, text: &mut String) {
        let runs = |column| self.blows.get(column).map_or(0, |(runs, _)| *runs);
        let second = self.blows.get(SECOND).map_or_else(String::new, |(runs, of)| format!("{runs}/{of}"));
        let [error, kill, power] = FIRST.map(runs);
        let (denied, broke) = (runs(DENIED), self.broke);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:22}{:>7}{error:>6}{kill:>6}{power:>6}{second:>14}{denied:>7}{broke:>6}{:>6.0}",
            self.points, self.seconds
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(scenario: &str, blow: &str, runs: usize, of: usize) -> Line {
        let (scenario, blow) = (scenario.to_owned(), blow.to_owned());
        Line { scenario, points: 451, blow, of, runs, broke: vec!["x".to_owned()], seconds: 12.3 }
    }

    #[test]
    fn the_table_fits_80_columns_and_sums_up() {
        let lines = [("error", 451, 451), ("kill", 451, 451), ("power cut", 451, 451), ("second", 330_312, 330_312)];
        let lines =
            lines.into_iter().chain([("full", 3203, 3203), ("no inodes", 3203, 3203), ("read-only", 3203, 3203)]);
        let lines = lines.map(|(blow, runs, of)| line("incompatible_migration", blow, runs, of)).collect();
        let table = Figures(lines).table();
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(
            table.contains("incompatible migration    451   451   451   451 330312/330312   9609     7    86"),
            "{table}"
        );
        assert!(table.contains("denied: full 3203/3203, no inodes 3203/3203, read-only 3203/3203\n"), "{table}");
    }
}
