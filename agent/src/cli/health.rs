//! `surefoot health`: one look at the application as it is now. It asks the services and runs the checks itself, so on a real
//! machine it needs root.

use serde::Serialize;

use super::print::{Screen, Tone};
use super::{Format, Which, instances, print, words};
use crate::exit::{Exit, Failure};
use crate::health::{self, Line};
use crate::journal::history;
use crate::layout::Layout;
use crate::worker;

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    instance: &'a str,
    version: String,
    healthy: bool,
    checks: &'a [Line],
}

pub(super) fn run(layout: &Layout, which: &Which, format: Format) -> Result<Exit, Failure> {
    let settings = instances::settings(layout, which)?;
    let (instance, here) = (&settings.instance, layout.instance(&settings.instance.name));
    let installed = history::installed(&instances::journals(layout, &instance.name)?)
        .ok_or_else(|| Failure::new(Exit::NotFound, format!("{}: nothing is installed yet", instance.name)))?;
    let mut services = worker::services(instance, here.scratch());
    let vendor = worker::vendor(instance, &here);
    let mut ask = worker::Asker::new(layout);
    let sample = health::sample(&installed.profile, &mut *services, &mut ask, &vendor, &instance.directory);
    let healthy = sample.problem(&[]).is_none();
    if format.json {
        let version = installed.version.to_string();
        print::json(&Answer { instance: instance.name.as_str(), version, healthy, checks: &sample.lines })?;
    } else {
        print::text(&render(&sample.lines, &Screen::of_stdout()))?;
    }
    Ok(if healthy { Exit::Ok } else { Exit::Refused })
}

fn render(lines: &[Line], screen: &Screen) -> String {
    let kind = |line: &Line| if line.service { "service" } else { "check" };
    lines
        .iter()
        .map(|line| match &line.problem {
            None => format!("{} {} {}\n", screen.paint(Tone::Good, "✓"), kind(line), line.name),
            Some(problem) => {
                let text = words::wrap("✗ ", &format!("{} {}: {problem}", kind(line), line.name), screen.width);
                text.replacen('✗', &screen.paint(Tone::Bad, "✗"), 1)
            }
        })
        .collect()
}
