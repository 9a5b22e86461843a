//! `surefoot config check`: what is understood of each instance, and every mistake that can be found without acting.

mod instance;

use serde::Serialize;

use super::finding::{self, Mark};
use super::print::{Screen, Tone};
use super::{Format, print, words};
use crate::config;
use crate::exit::{Exit, Failure, chain};
use crate::layout::Layout;

/// The answer for programs.
#[derive(Serialize)]
struct Answer {
    problems: usize,
    /// Files that cannot be used at all.
    unusable: Vec<String>,
    instances: Vec<instance::Report>,
}

pub(super) fn run(layout: &Layout, format: Format) -> Result<Exit, Failure> {
    let answer = look(layout);
    if format.json {
        print::json(&answer)?;
    } else {
        print::text(&render(&answer, &Screen::of_stdout()))?;
    }
    Ok(if answer.problems == 0 { Exit::Ok } else { Exit::Configuration })
}

fn look(layout: &Layout) -> Answer {
    let now = jiff::Timestamp::now();
    let (settings, mut unusable) = config::load_each(layout);
    if settings.is_empty() && unusable.is_empty() {
        unusable.push(config::ConfigError::Empty(layout.config()));
    }
    let unusable: Vec<String> = unusable.iter().map(|error| chain(error)).collect();
    let instances: Vec<instance::Report> =
        settings.iter().map(|settings| instance::report(layout, settings, now)).collect();
    let problems = unusable.len() + instances.iter().map(|report| finding::missing(&report.findings)).sum::<usize>();
    Answer { problems, unusable, instances }
}

fn render(answer: &Answer, screen: &Screen) -> String {
    let mut text = String::new();
    for problem in &answer.unusable {
        text.push_str(&unusable(problem, screen));
    }
    for report in &answer.instances {
        text.push_str(&report.render(screen));
    }
    let verdict = match answer.problems {
        0 => "no problems were found".to_owned(),
        problems => words::count(problems, "problem"),
    };
    text + &verdict + "\n"
}

/// The reader of TOML draws an arrow under the mistake: its lines stay as they are.
fn unusable(problem: &str, screen: &Screen) -> String {
    format!("{} {}\n\n", screen.paint(Tone::Bad, "✗"), words::clean(problem))
}

impl instance::Report {
    fn render(&self, screen: &Screen) -> String {
        let mut text = format!("{}: {}\n", self.instance, self.file.display());
        for (name, value) in self.understood() {
            text.push_str(&words::wrap(&words::pad(&format!("  {name}"), 13), &value, screen.width));
        }
        for finding in self.findings.iter().filter(|finding| finding.mark != Mark::Good) {
            text.push_str(&finding.render(screen));
        }
        text + "\n"
    }
}
