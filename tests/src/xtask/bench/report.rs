//! The tables: what people read.

use std::fmt::Write;

use super::payload;
use super::run::{Kind, Tool};
use super::sample::Sample;
use super::spread::Spread;

/// A figure of a sample, where it has one.
type Figure<'a> = dyn Fn(&Sample) -> Option<f64> + 'a;

/// Both tables and what one has to know to read them. At most 80 columns wide.
pub(super) fn render(samples: &[Sample]) -> String {
    let mut report = Report { samples, text: String::new() };
    report.preface();
    report.comparison();
    report.agent_alone();
    report.where_the_time_went();
    report.text
}

struct Report<'a> {
    samples: &'a [Sample],
    text: String,
}

impl Report<'_> {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn preface(&mut self) {
        let rounds = self.spread_of(Tool::Script, Kind::Plain, &|_| Some(1.0)).len();
        let files = payload::FILES;
        self.line(format!(
            "
One update of kkt ({files} files, 60 MB, half of them changed; a database of
200 MB): {rounds} × script first, agent second, each on a fresh machine.
Downloads come over loopback. Agent: the package's build (opt-level 2), no soak.
Script: cp -a backup, pg_dump | gzip, cp -a into place where rsync is missing;
it leaves the virtual environment as it is; the agent's release copies it.
'Down' is from the last good /health before to the first one after. Seconds,
which differ from machine to machine: read the ratios, those of the medians.
"
        ));
    }

    fn comparison(&mut self) {
        self.line(format!("{:27}{:^18} {:^18} {:>6} {:>7}", "", "script", "agent", "agent/", ""));
        let heads = format!("{:>6}{:>6}{:>6}", "min", "med", "max");
        self.line(format!("{:27}{heads} {heads} {:>6} {:>7}", "", "script", "target"));
        let own = self.own_restart();
        self.line("full update");
        self.row("  wall", Kind::Plain, "0.50", &|sample| Some(sample.wall));
        self.row("  down", Kind::Plain, "0.15", &|sample| Some(sample.down));
        self.row("  down, own restart off", Kind::Plain, "0.10", &|sample| Some(sample.down - own));
        self.line("full update with migration");
        self.row("  wall", Kind::Migration, "", &|sample| Some(sample.wall));
        self.row("  down", Kind::Migration, "", &|sample| Some(sample.down));
        self.row("  the migration itself", Kind::Migration, "", &|sample| Some(sample.migration));
        self.row("  down, migration off", Kind::Migration, "0.12", &|sample| Some(sample.down - sample.migration));
        self.row("  … and own restart off", Kind::Migration, "0.10", &|sample| {
            Some(sample.down - sample.migration - own)
        });
        self.line("release that does not come up");
        self.row("  way back with database", Kind::Rollback, "0.20", &|sample| sample.way_back);
        self.row("  … own restart off", Kind::Rollback, "", &|sample| sample.way_back.map(|way| way - own));
        self.line(format!("\n'Own restart': systemctl stop and start alone, median {own:.2} s. The agent's target"));
        self.line("without it is at most 0.3 s, for the full update and for the way back.");
    }

    fn row(&mut self, title: &str, kind: Kind, target: &str, figure: &Figure<'_>) {
        let of = |tool| Spread::of(self.spread_of(tool, kind, figure));
        let (Some(script), Some(agent)) = (of(Tool::Script), of(Tool::Agent)) else { return };
        let ratio = agent.median / script.median;
        let target = if target.is_empty() { String::new() } else { format!("≤ {target}") };
        self.line(format!("{title:27}{} {} {ratio:6.2} {target:>7}", seconds(script), seconds(agent)).trim_end());
    }

    fn agent_alone(&mut self) {
        self.line(format!("\n{:39}{:>6}{:>6}{:>6} {:>12}", "agent alone", "min", "med", "max", "target"));
        let mb = |kib: u64| kib as f64 / 1000.0 * 1.024;
        for kind in Kind::ALL {
            self.alone(&format!("peak MB, {}", kind.words()), "≤ 64 MB", &|sample| {
                (sample.kind == kind).then(|| mb(sample.peak_kib))
            });
        }
        self.alone("idle daemon, resident, MB", "≤ 10 MB", &|sample| Some(mb(sample.idle.as_ref()?.rss)));
        self.alone("idle daemon, its share (PSS), MB", "", &|sample| Some(mb(sample.idle.as_ref()?.pss)));
        self.alone("idle daemon, CPU, ms a minute", "", &|sample| {
            sample.idle.as_ref().map(|idle| idle.cpu * 60_000.0 / idle.seconds)
        });
        self.alone("idle daemon, wake-ups a minute", "watchdog", &|sample| {
            sample.idle.as_ref().map(|idle| idle.wakeups as f64 * 60.0 / idle.seconds)
        });
    }

    fn alone(&mut self, title: &str, target: &str, figure: &Figure<'_>) {
        let agents = self.samples.iter().filter(|sample| sample.tool == Tool::Agent);
        let Some(Spread { min, median, max }) = Spread::of(agents.filter_map(figure)) else { return };
        self.line(format!("{title:39}{min:6.1}{median:6.1}{max:6.1} {target:>12}").trim_end());
    }

    fn where_the_time_went(&mut self) {
        self.line("\nwhere the time went: medians of the phases, in their order");
        for kind in Kind::ALL {
            for tool in [Tool::Script, Tool::Agent] {
                let steps = self.steps(tool, kind);
                if !steps.is_empty() {
                    self.line(format!("{}, {}", kind.words(), tool.words()));
                    self.wrapped(&steps);
                }
            }
        }
    }

    fn steps(&self, tool: Tool, kind: Kind) -> Vec<String> {
        let Some(first) = self.samples.iter().find(|sample| sample.tool == tool && sample.kind == kind) else {
            return Vec::new();
        };
        let told = first.steps.iter().filter_map(|step| {
            let of_sample = |sample: &Sample| Some(sample.steps.iter().find(|one| one.name == step.name)?.seconds);
            let spread = Spread::of(self.spread_of(tool, kind, &of_sample))?;
            (spread.median >= 0.005).then(|| format!("{} {:.2}", step.name, spread.median))
        });
        told.collect()
    }

    fn wrapped(&mut self, words: &[String]) {
        let mut line = String::from(" ");
        for word in words {
            if line.chars().count() + word.chars().count() > 76 {
                self.line(line.trim_end());
                line = String::from(" ");
            }
            let _ = write!(line, " {word},");
        }
        self.line(line.trim_end_matches(','));
    }

    fn own_restart(&self) -> f64 {
        Spread::of(self.samples.iter().map(|sample| sample.restart)).map_or(0.0, |spread| spread.median)
    }

    fn spread_of(&self, tool: Tool, kind: Kind, figure: &Figure<'_>) -> Vec<f64> {
        let ours = self.samples.iter().filter(|sample| sample.tool == tool && sample.kind == kind);
        ours.filter_map(figure).collect()
    }
}

fn seconds(Spread { min, median, max }: Spread) -> String {
    format!("{min:6.2}{median:6.2}{max:6.2}")
}
