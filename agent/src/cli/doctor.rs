//! `surefoot doctor`: whether this machine has all that an update will need. It looks into databases and units, so on a real
//! machine it needs root.

mod instance;
mod machine;
mod reach;
mod secrets;

use serde::Serialize;

use super::finding::{self, Finding};
use super::print::Screen;
use super::{Format, Which, instances, print, words};
use crate::exit::{Exit, Failure};
use crate::layout::Layout;

/// The answer for programs.
#[derive(Serialize)]
struct Answer {
    missing: usize,
    machine: Vec<Finding>,
    instances: Vec<Instance>,
}

#[derive(Serialize)]
struct Instance {
    instance: String,
    findings: Vec<Finding>,
}

pub(super) fn run(layout: &Layout, which: &Which, format: Format) -> Result<Exit, Failure> {
    let answer = look(layout, which)?;
    if format.json {
        print::json(&answer)?;
    } else {
        print::text(&render(&answer, &Screen::of_stdout()))?;
    }
    Ok(if answer.missing == 0 { Exit::Ok } else { Exit::Refused })
}

/// The same, as a part of something else.
pub(super) fn tell(layout: &Layout, which: &Which, screen: &Screen) -> Result<String, Failure> {
    Ok(render(&look(layout, which)?, screen))
}

fn look(layout: &Layout, which: &Which) -> Result<Answer, Failure> {
    let now = jiff::Timestamp::now();
    let all = instances::some(layout, which)?;
    let machine = machine::look(layout, &all, now);
    let instances: Vec<Instance> = all
        .iter()
        .map(|settings| Instance {
            instance: settings.instance.name.to_string(),
            findings: instance::look(layout, settings, now),
        })
        .collect();
    let missing = finding::missing(&machine)
        + instances.iter().map(|instance| finding::missing(&instance.findings)).sum::<usize>();
    Ok(Answer { missing, machine, instances })
}

fn render(answer: &Answer, screen: &Screen) -> String {
    let lines = |findings: &[Finding]| findings.iter().map(|finding| finding.render(screen)).collect::<String>();
    let mut text = format!("this machine\n{}", lines(&answer.machine));
    for instance in &answer.instances {
        text.push_str(&format!("\n{}\n{}", instance.instance, lines(&instance.findings)));
    }
    let verdict = match answer.missing {
        0 => "an update has all that it needs".to_owned(),
        missing => format!("{} in the way of an update", words::count(missing, "thing")),
    };
    format!("{text}\n{verdict}\n")
}
