//! `cargo xtask faults`: every fault at every point of the engine, counted. The faults themselves are tests of the agent
//! (`agent/src/update/tests/faults/`); here they are started with a seed, and what they counted is told.

mod figures;
mod mutants;
pub mod seed;

use std::time::Instant;

use anyhow::{Context, ensure};

pub use mutants::mutants;

use super::test::{cargo, cargo_command, workspace};
use figures::Figures;

/// What is to be lived through.
pub struct Options {
    /// All pairs of blows, not a share.
    pub all: bool,
    /// Chooses the share; the day, if none is named.
    pub seed: Option<u64>,
    /// One scenario only.
    pub scenario: Option<String>,
}

/// Lives through the faults and tells what broke.
///
/// # Errors
/// When something broke, or the tests cannot be run.
pub fn faults(options: &Options) -> anyhow::Result<()> {
    let start = Instant::now();
    let seed = options.seed.unwrap_or_else(seed::chosen);
    println!("{}", if options.all { "all pairs".to_owned() } else { seed::words(seed) });
    // The tests start the built program.
    cargo(&["build", "--quiet", "--package", "surefoot"])?;
    let told = tempfile::tempdir().context("no place for the figures")?;
    let mut command = cargo_command(&["nextest", "run", "--package", "surefoot", "--lib", "--no-fail-fast"]);
    command.current_dir(workspace());
    command.args([
        "--success-output",
        "never",
        "--failure-output",
        "final",
        "-E",
        &filter(options.scenario.as_deref()),
    ]);
    command.env("SUREFOOT_FAULTS_FIGURES", told.path()).env("SUREFOOT_FAULTS_SEED", seed.to_string());
    if options.all {
        command.env("SUREFOOT_FAULTS_ALL", "1");
    }
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    let figures = Figures::read(told.path())?;
    print!("{}", figures.table());
    println!("{:.0} s", start.elapsed().as_secs_f64());
    ensure!(figures.broke() == 0, "{} cases do not hold: they are told above the table", figures.broke());
    ensure!(status.success(), "the tests ended with {status}");
    Ok(())
}

fn filter(scenario: Option<&str>) -> String {
    let faults = "test(/^update::tests::faults::/)";
    scenario
        .map_or_else(|| faults.to_owned(), |name| format!("{faults} and test(/::{}$/)", name.replace(['-', ' '], "_")))
}
