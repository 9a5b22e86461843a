//! What the runs came to: a line each while they run, a table at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::bail;

use super::act::Act;
use super::blow::{Blow, Moment};
use super::disk::{Disks, FileSystem};
use super::journal::Side;
use super::run::{Course, Outcome};

/// What is known so far.
#[derive(Default)]
pub(super) struct Report {
    rows: BTreeMap<Act, Row>,
    findings: Vec<String>,
}

/// One act.
#[derive(Default)]
struct Row {
    runs: usize,
    kills: usize,
    cuts: usize,
    points: BTreeSet<String>,
    old: usize,
    new: usize,
    recoveries: Vec<Duration>,
}

impl Report {
    /// Takes down what came of a run.
    pub(super) fn take(&mut self, number: &str, course: &Course, outcome: anyhow::Result<Outcome>) {
        let what = format!("{number}: {course}");
        match outcome {
            Ok(outcome) => {
                let (side, took) = (side(outcome.side), seconds(outcome.recovery));
                println!("{what}: {side} in {took} s (passed: {})", outcome.point);
                self.rows.entry(course.act).or_default().take(course, &outcome);
            }
            Err(error) => {
                println!("{what}: FAILED: {error:#}\n  to repeat it: {}", course.repeated());
                self.findings.push(format!("{what}\n    {}", course.repeated()));
            }
        }
    }

    /// Takes down what came of something else that was looked at.
    pub(super) fn note(&mut self, what: &str, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => println!("{what}: so it is"),
            Err(error) => {
                println!("{what}: FAILED: {error:#}");
                self.findings.push(what.to_owned());
            }
        }
    }

    /// The table.
    pub(super) fn print(&self) {
        println!(
            "\n{:<11} {:>5} {:>6} {:>6} {:>7} {:>5} {:>5} {:>9} {:>7}",
            "act", "runs", "kills", "cuts", "points", "old", "new", "recovery", "longest"
        );
        for (act, row) in &self.rows {
            row.print(act.name());
        }
        let mut all = Row::default();
        self.rows.values().for_each(|row| all.add(row));
        all.print("all");
    }

    /// Whether everything held.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        if self.findings.is_empty() {
            println!("everything held");
            return Ok(());
        }
        bail!("{} of the runs found something:\n  {}", self.findings.len(), self.findings.join("\n  "));
    }
}

impl Row {
    fn take(&mut self, course: &Course, outcome: &Outcome) {
        let blows = 1 + usize::from(course.again.is_some());
        self.runs += 1;
        match course.blow {
            Blow::Kill => self.kills += blows,
            Blow::Power => self.cuts += blows,
        }
        match outcome.side {
            Side::Old => self.old += 1,
            Side::New => self.new += 1,
        }
        self.points.insert(outcome.point.clone());
        self.recoveries.push(outcome.recovery);
    }

    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.kills += other.kills;
        self.cuts += other.cuts;
        self.old += other.old;
        self.new += other.new;
        self.points.extend(other.points.iter().cloned());
        self.recoveries.extend(&other.recoveries);
    }

    fn print(&self, name: &str) {
        let mut sorted = self.recoveries.clone();
        sorted.sort();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let longest = sorted.last().copied().unwrap_or_default();
        println!(
            "{name:<11} {:>5} {:>6} {:>6} {:>7} {:>5} {:>5} {:>7} s {:>5} s",
            self.runs,
            self.kills,
            self.cuts,
            self.points.len(),
            self.old,
            self.new,
            seconds(median),
            seconds(longest)
        );
    }
}

impl std::fmt::Display for Course {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}, {} {}", self.kind.name(), self.act.name(), self.blow.name(), self.moment)?;
        match self.again {
            Some(point) => write!(f, ", again at point {point} of the recovery"),
            None => Ok(()),
        }
    }
}

impl Course {
    /// The command that does the same once more, whatever the seed.
    fn repeated(&self) -> String {
        let file_system = match self.kind.file_system {
            FileSystem::Ext4 => "ext4",
            FileSystem::Xfs => "xfs",
        };
        let disks = match self.kind.disks {
            Disks::Apart => "apart",
            Disks::Together => "together",
        };
        let moment = match &self.moment {
            Moment::Point(number) => format!(" --at {number}"),
            Moment::Named(name) => format!(" --at '{name}'"),
            Moment::After(time) => format!(" --after {}", time.as_millis()),
            Moment::Never => String::new(),
        };
        let again = self.again.map_or(String::new(), |point| format!(" --again {point}"));
        format!(
            "cargo xtask powercut --runs 1 --fs {file_system} --disks {disks} --act {} --blow {}{moment}{again}",
            self.act.name(),
            self.blow.name()
        )
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Old => "back on the old",
        Side::New => "on the new",
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64())
}
