//! What the runs came to: what each found as it ends, tables and the verdict at the end.

use anyhow::bail;

use super::blow::Moment;
use super::disk::{Disks, FileSystem};
use super::figures::Figures;
use super::journal::Side;
use super::progress::Progress;
use super::run::{Course, Outcome};

/// What is known so far.
pub(super) struct Report {
    progress: Progress,
    figures: Figures,
    findings: Vec<String>,
}

impl Report {
    /// For so many runs.
    pub(super) fn of(runs: u64) -> Self {
        Self { progress: Progress::of(runs), figures: Figures::default(), findings: Vec::new() }
    }

    /// Carries a run out and takes down what came of it.
    pub(super) fn run(&mut self, number: &str, course: &Course) {
        let what = format!("{number}: {course}");
        self.progress.begin(&what);
        match course.run() {
            Ok(outcome) => {
                self.progress.done(&format!("{what}: {outcome}"));
                self.figures.take(course, &outcome);
            }
            Err(error) => {
                let repeated = course.repeated();
                self.progress.failed(&format!("{what}: FAILED: {error:#}\n  to repeat it: {repeated}"));
                self.findings.push(format!("{what}\n    {repeated}"));
            }
        }
    }

    /// Takes down what came of something else that was looked at.
    pub(super) fn note(&mut self, what: &str, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => self.progress.done(&format!("{what}: so it is")),
            Err(error) => {
                self.progress.failed(&format!("{what}: FAILED: {error:#}"));
                self.findings.push(what.to_owned());
            }
        }
    }

    /// The tables.
    pub(super) fn print(&self) {
        self.progress.finish();
        println!("\n{}", self.figures.told());
    }

    /// Whether everything held.
    ///
    /// # Errors
    /// With all that did not, and how to see it once more.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        if self.findings.is_empty() {
            println!("everything held");
            return Ok(());
        }
        bail!("{} of the runs found something:\n  {}", self.findings.len(), self.findings.join("\n  "));
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = match self.side {
            Side::Old => "back on the old",
            Side::New => "on the new",
        };
        let (_, place) = self.passed.place();
        let took = self.recovery.whole().as_secs_f64();
        write!(f, "{side}, well again in {took:.2} s (after '{place}', passed: {})", self.passed.last())
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
