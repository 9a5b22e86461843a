//! What was lived through, counted: for people who watch a test, and as lines of JSON for `cargo xtask faults`.

use std::time::Instant;

use serde_json::json;

use super::share::Share;
use crate::durable;

/// The figures of one kind of blow on one scenario.
pub(super) struct Figures {
    scenario: &'static str,
    blow: &'static str,
    /// Cases that there are.
    pub(super) of: usize,
    /// Cases lived through.
    pub(super) runs: usize,
    /// What did not hold, and where.
    broke: Vec<String>,
    since: Instant,
    seconds: f64,
}

impl Figures {
    pub(super) fn new(scenario: &'static str, blow: &'static str) -> Self {
        Self { scenario, blow, of: 0, runs: 0, broke: Vec::new(), since: Instant::now(), seconds: 0.0 }
    }

    /// Lives through a case; the place is told if it does not hold.
    pub(super) fn live(&mut self, place: impl FnOnce() -> String, case: impl FnOnce() -> Result<(), String>) {
        self.since = Instant::now();
        self.of += 1;
        self.runs += 1;
        if let Err(reason) = case() {
            let told = format!("{} {}: {reason}", self.blow, place());
            // Whoever only wants to know whether anything breaks need not wait for the rest.
            assert!(!ends_at_the_first(), "{}: {told}", self.scenario);
            self.broke.push(told);
        }
        self.seconds += self.since.elapsed().as_secs_f64();
    }

    /// Leaves a case to another day.
    pub(super) fn leave(&mut self) {
        self.of += 1;
    }
}

/// Whether the first case that does not hold ends the test: `SUREFOOT_FAULTS_FIRST`.
pub(super) fn ends_at_the_first() -> bool {
    std::env::var_os("SUREFOOT_FAULTS_FIRST").is_some()
}

/// Tells all of them, then fails if something broke.
pub(super) fn conclude(points: usize, figures: &[Figures], share: Share) {
    let Some(scenario) = figures.first().map(|figures| figures.scenario) else { return };
    for Figures { blow, of, runs, seconds, .. } in figures {
        println!("{scenario}: {points} points, {blow}: {runs} of {of} cases in {seconds:.1} s");
    }
    write(points, figures);
    let broke: Vec<&str> = figures.iter().flat_map(|figures| &figures.broke).map(String::as_str).collect();
    let shown = broke[..broke.len().min(40)].join("\n");
    assert!(broke.is_empty(), "{scenario}: {} cases fail ({share}):\n{shown}", broke.len());
}

/// One line each, into the directory that `SUREFOOT_FAULTS_FIGURES` names.
fn write(points: usize, figures: &[Figures]) {
    let Some(directory) = std::env::var_os("SUREFOOT_FAULTS_FIGURES") else { return };
    let first = &figures[0];
    let path = std::path::Path::new(&directory).join(format!("{}-{}.jsonl", first.scenario, first.blow));
    let line = |figures: &Figures| {
        let Figures { scenario, blow, of, runs, broke, seconds, .. } = figures;
        let line = json!({
            "scenario": scenario, "points": points, "blow": blow, "of": of, "runs": runs, "broke": broke, "seconds": seconds,
        });
        format!("{line}\n")
    };
    let lines: String = figures.iter().map(line).collect();
    durable::write_atomic(&path, lines.as_bytes(), 0o644).unwrap();
}
