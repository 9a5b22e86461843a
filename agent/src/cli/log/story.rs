//! A journal in words: one line a record, with the time of day and how long it took. Pure.

use jiff::{SignedDuration, Timestamp};

use super::report::Report;
use crate::cli::history::{told, what};
use crate::cli::print::{Screen, Tone};
use crate::cli::words;
use crate::journal::history::Status;
use crate::journal::{Entry, Journal, Record, Stands};
use crate::plan::Plan;
use crate::redact::Redactor;

/// Columns of the time of day and the gap after it.
const MARGIN: &str = "          ";
/// Words that must not be overlooked.
const LOUD: [&str; 3] = ["FAILED", "CANNOT PUT BACK", "STUCK"];

/// The whole story.
pub(super) fn tell(journal: &Journal, report: &Report, redactor: &Redactor, screen: &Screen) -> String {
    let (status, width) = (report.outcome.status, screen.width);
    let mut text = heading(journal.plan(), report, width);
    let entries = journal.entries();
    for (number, entry) in entries.iter().enumerate() {
        if let Some(line) = line(journal.plan(), &entries[..number], entry, &entries[number + 1..]) {
            let first = format!("{}  ", words::time_of_day(entry.at));
            let line = words::wrap(&first, &redactor.apply(&line), width);
            text.push_str(&LOUD.iter().fold(line, |line, word| line.replacen(word, &screen.paint(Tone::Bad, word), 1)));
        }
    }
    if journal.is_open() && status != Status::Stuck {
        text.push_str(&format!("{MARGIN}(it goes on)\n"));
    }
    text
}

fn heading(plan: &Plan, report: &Report, width: usize) -> String {
    let from = plan.from.as_ref().map(|side| side.version.to_string());
    let act = what(plan.act, from.as_deref(), &plan.to.version.to_string());
    let (name, id) = (&plan.instance.name, plan.id);
    let mut text = words::wrap(
        "",
        &format!(
            "{name}, update {id}: {act} ({}), {}: {}",
            plan.severity,
            plan.applied_by,
            told(report.outcome.status)
        ),
        width,
    );
    text.push_str(&words::wrap("", &times(report), width));
    text.push_str(&words::wrap("", &report.outcome.sentence, width));
    if !plan.already_failing.is_empty() {
        let names: Vec<&str> = plan.already_failing.iter().map(|name| name.as_str()).collect();
        text.push_str(&words::wrap(
            "",
            &format!("failing before already, and not held against it: {}", names.join(", ")),
            width,
        ));
    }
    text + "\n"
}

fn times(report: &Report) -> String {
    let span = |seconds| words::span(SignedDuration::from_secs_f64(seconds));
    let mut text = format!("planned {}", words::moment(report.update.began_at));
    if let Some(took) = report.update.took_seconds {
        text.push_str(&format!(", took {}", span(took)));
    }
    if let Some(down) = report.update.downtime_seconds {
        text.push_str(&format!(", down for {}", span(down)));
    }
    text
}

/// What one record says; nothing where the line of another one says it.
fn line(plan: &Plan, before: &[Entry], entry: &Entry, after: &[Entry]) -> Option<String> {
    Some(match &entry.record {
        Record::Planned { .. } => format!("planned in {}", words::count(plan.steps.len(), "step")),
        Record::Begun { step } => begun(plan, *step, entry.at, after),
        Record::Applied { .. } => return None,
        Record::Soaking => {
            let soak = plan.to.profile.health.soak_seconds;
            format!("healthy for the first time; it must stay so for {soak} s")
        }
        Record::Watched { falls, .. } if *falls > 0 => {
            format!("ill for a moment, {} by now", words::count(*falls as usize, "time"))
        }
        Record::Watched { .. } => return None,
        Record::Soaked { seconds } => format!("healthy for {seconds} s"),
        Record::Failed { step: Some(step), error, blame } => {
            format!("FAILED in {}, {}: {error}", of(plan, *step), blame.words())
        }
        Record::Failed { step: None, error, .. } => format!("FAILED: {error}"),
        Record::Reverted { step } => format!("put back: {}{}", of(plan, *step), since(before, entry.at)),
        Record::RevertFailed { step, error } => format!("CANNOT PUT BACK: {}: {error}", of(plan, *step)),
        Record::LeftAside { database, name, bytes } => {
            format!("database {database} was left aside as {name} ({})", words::size(*bytes))
        }
        Record::Committed => format!("{} stays", plan.to.version),
        Record::Finished => "tidied up; done".to_owned(),
        Record::RolledBack => "everything is as before".to_owned(),
        Record::Stuck { reason } => format!("STUCK: {reason}"),
        Record::Resumed => "the agent started again and took the update up".to_owned(),
        Record::Abandoned { by, stands } => format!("abandoned by {by}: {}", stands_words(plan, *stands)),
    })
}

fn stands_words(plan: &Plan, stands: Stands) -> String {
    match (stands, &plan.from) {
        (Stands::New, _) => format!("{} stands", plan.to.version),
        (Stands::Old, Some(from)) => format!("{} stands", from.version),
        (Stands::Old | Stands::Nothing, _) => "nothing managed stands".to_owned(),
        (Stands::Other, _) => "what stands is another update's".to_owned(),
    }
}

/// A step that came to its end says how long it took.
fn begun(plan: &Plan, step: usize, at: Timestamp, after: &[Entry]) -> String {
    let number = format!("[{}/{}] {}", step + 1, plan.steps.len(), of(plan, step));
    let ended = after.iter().find(|entry| entry.record == Record::Applied { step });
    match ended {
        Some(ended) => format!("{number}: {}", words::span(ended.at.duration_since(at))),
        None => number,
    }
}

fn since(before: &[Entry], at: Timestamp) -> String {
    before.last().map_or_else(String::new, |last| format!(", {}", words::span(at.duration_since(last.at))))
}

fn of(plan: &Plan, step: usize) -> &'static str {
    plan.steps.get(step).map_or("a step that the plan does not have", |step| step.words())
}
