//! `cargo xtask fuzz`: feeds everything that reads foreign bytes with damaged ones, for as long as it is told to, and keeps what
//! breaks something.
//!
//! The programs are in `fuzz/`, a workspace of its own, built by cargo-fuzz with the toolchain that builds everything else:
//! `RUSTC_BOOTSTRAP` lets a stable compiler count coverage, which needs no nightly's libraries. There is no address
//! sanitizer, since there is no unsafe code of ours for it to watch, and with it the build takes twice as long.

mod report;
mod run;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::test::{cargo_command, run as run_command, workspace};
use super::{packages, tools};
use report::Report;

/// What is fuzzed, and for how long.
#[derive(clap::Args)]
pub struct Options {
    /// How long, all targets together
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// First reduce what earlier runs have found to the fewest files that reach as much
    #[arg(long)]
    minimise: bool,
    /// Only these: the names of the files in fuzz/fuzz_targets
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// Those that stand between an attacker and the rest get three times as long.
const HEAVY: [&str; 9] = ["archive", "journal", "manifest", "metadata", "redact", "signed", "tar", "texts", "wire"];

/// How long the whole takes in a test run.
const MOMENT: Duration = Duration::from_secs(30);

/// Builds the targets and feeds each for its share of the time.
///
/// # Errors
/// When something broke, or the targets do not build.
pub fn fuzz(options: &Options) -> Result<()> {
    packages::ensure(packages::FUZZ)?;
    tools::ensure()?;
    let all = targets()?;
    let unknown = options.targets.iter().find(|name| !all.contains(name));
    ensure!(unknown.is_none(), "there is no target {}: {}", unknown.map_or("", |name| name), all.join(" "));
    let chosen = if options.targets.is_empty() { all } else { options.targets.clone() };
    build()?;
    if options.minimise {
        chosen.iter().try_for_each(|name| run::minimise(name))?;
    }
    feed(&chosen, Duration::from_secs(options.minutes * 60), run::ANY)
}

/// Builds all targets and feeds each for a second or two, so that they do not rot: the same each time, since what nobody has
/// changed must not fail.
///
/// # Errors
/// As [`fuzz`].
pub fn smoke() -> Result<()> {
    packages::ensure(packages::FUZZ)?;
    build()?;
    feed(&targets()?, MOMENT, run::SAME)
}

/// The names of all targets.
fn targets() -> Result<Vec<String>> {
    let directory = workspace().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    Ok(names)
}

fn build() -> Result<()> {
    let mut command = cargo_command(&["fuzz", "build", "--fuzz-dir=fuzz", "--target-dir=target/fuzz"]);
    // Not its `cfg(fuzzing)`: with it, crates leave out checks that we rely on.
    command.args(["--dev", "--sanitizer=none", "--no-cfg-fuzzing"]).env("RUSTC_BOOTSTRAP", "1");
    run_command(&mut command)
}

/// Feeds the targets, as many at once as there are cores, and tells what came of it.
fn feed(names: &[String], time: Duration, seed: u32) -> Result<()> {
    let start = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let weight = |name: &String| if HEAVY.contains(&name.as_str()) { 3.0 } else { 1.0 };
    let whole: f64 = names.iter().map(weight).sum();
    let unit = time.mul_f64(cores.min(names.len()) as f64 / whole);
    // The longest first: then all cores end at about the same time.
    let mut order: Vec<&String> = names.iter().collect();
    order.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
    let queue = Mutex::new(VecDeque::from(order));
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(name) = next(&queue) {
                    let report = run::feed(name, unit.mul_f64(weight(name)), seed);
                    reports.lock().expect("nobody panics with it").push((name.clone(), report));
                }
            });
        }
    });
    let reports = reports.into_inner().expect("nobody panics with it");
    let reports = reports.into_iter().map(|(name, report)| report.with_context(|| format!("cannot run {name}")));
    told(reports.collect::<Result<Vec<Report>>>()?, start.elapsed())
}

fn next<'a>(queue: &Mutex<VecDeque<&'a String>>) -> Option<&'a String> {
    queue.lock().expect("nobody panics with it").pop_front()
}

fn told(mut reports: Vec<Report>, elapsed: Duration) -> Result<()> {
    reports.sort_by(|one, other| one.name.cmp(&other.name));
    print!("{}", report::table(&reports));
    println!("{:.0} s", elapsed.as_secs_f64());
    let broke: Vec<&Report> = reports.iter().filter(|report| report.broke.is_some()).collect();
    broke.iter().for_each(|report| println!("{}", report.story()));
    ensure!(broke.is_empty(), "{} of {} targets broke", broke.len(), reports.len());
    Ok(())
}
