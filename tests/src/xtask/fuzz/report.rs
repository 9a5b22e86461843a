//! What libFuzzer says of a run, read and told in a table of 80 columns.

use std::path::PathBuf;

/// What came of a target.
pub(super) struct Report {
    pub(super) name: String,
    executions: u64,
    per_second: u64,
    /// Edges of its code that were reached.
    edges: u64,
    /// Files that its corpus has grown by.
    new: usize,
    pub(super) broke: Option<Broke>,
}

/// What broke it.
pub(super) struct Broke {
    /// In one line.
    pub(super) words: String,
    /// Where the input is kept; nothing where it broke without one.
    pub(super) kept: Option<PathBuf>,
}

impl Report {
    /// Reads what libFuzzer said.
    pub(super) fn read(name: &str, said: &str, new: usize, broke: Option<Broke>) -> Self {
        let figure = |word: &str| {
            let after = said.rsplit_once(word)?.1.trim_start();
            after.split_whitespace().next()?.parse().ok()
        };
        Self {
            name: name.to_owned(),
            executions: figure("stat::number_of_executed_units:").unwrap_or(0),
            per_second: figure("stat::average_exec_per_sec:").unwrap_or(0),
            edges: figure(" cov:").unwrap_or(0),
            new,
            broke,
        }
    }

    /// What a program that broke said of it, in one line.
    pub(super) fn words(said: &str) -> String {
        let mut lines = said.lines().skip_while(|line| !line.contains("panicked at"));
        if let (Some(_), Some(words)) = (lines.next(), lines.next()) {
            return words.to_owned();
        }
        let summary = said.lines().find_map(|line| line.split_once("ERROR: libFuzzer: "));
        summary.map_or("it ended without a word", |(_, words)| words).to_owned()
    }

    /// What broke, and with what it can be repeated.
    pub(super) fn story(&self) -> String {
        let Some(broke) = &self.broke else { return String::new() };
        let kept = broke.kept.as_ref().map_or("nothing was kept".to_owned(), |path| path.display().to_string());
        format!("{}: {}\n  {kept}", self.name, broke.words)
    }
}

/// All targets, a line each.
pub(super) fn table(reports: &[Report]) -> String {
    let mut table = format!(
        "{:12}{:>14}{:>10}{:>9}{:>11}  {}\n",
        "target", "executions", "a second", "edges", "new files", "broke"
    );
    for report in reports {
        let Report { name, executions, per_second, edges, new, broke } = report;
        let broke = broke.as_ref().map_or("", |broke| &broke.words);
        let broke: String = broke.chars().take(22).collect();
        table.push_str(&format!("{name:12}{executions:>14}{per_second:>10}{edges:>9}{new:>11}  {broke}\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "INFO: seed corpus: files: 12\n#2\tINITED cov: 10 ft: 11 corp: 2/5b exec/s: 0 rss: 40Mb\n\
        #512\tNEW    cov: 123 ft: 234 corp: 9/90b exec/s: 256 rss: 41Mb\nstat::number_of_executed_units: 600\n\
        stat::average_exec_per_sec:     300\n";

    #[test]
    fn figures_are_read_as_libfuzzer_tells_them() {
        let report = Report::read("wire", SAID, 3, None);
        assert_eq!((report.executions, report.per_second, report.edges), (600, 300, 123));
    }

    #[test]
    fn a_panic_is_told_by_its_words_and_all_else_by_libfuzzers() {
        assert_eq!(Report::words("x\nthread 'a' panicked at src/a.rs:1:2:\nit is wrong\n"), "it is wrong");
        assert_eq!(Report::words("==1== ERROR: libFuzzer: timeout after 10 seconds\n"), "timeout after 10 seconds");
    }

    #[test]
    fn the_table_fits_80_columns() {
        let broke = Some(Broke { words: "long ".repeat(30), kept: None });
        let report = Report::read("changelog", SAID, 12345, broke);
        assert!(table(&[report]).lines().all(|line| line.chars().count() <= 80));
    }
}
