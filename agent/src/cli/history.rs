//! `surefoot history`: all updates of an instance, folded from its journals.

use super::table::Table;
use super::{Format, Which, instances, print, words};
use crate::exit::{Exit, Failure};
use crate::journal::history::{self, Row, Status};
use crate::layout::Layout;
use crate::plan::Act;

/// Lines of an error that are shown here; `surefoot log` has it whole.
const ERROR_LINES: usize = 2;

pub(super) fn run(layout: &Layout, which: &Which, format: Format) -> Result<Exit, Failure> {
    let name = instances::one(layout, which)?;
    let rows = history::rows(&instances::journals(layout, &name)?);
    if format.json {
        print::json(&rows)?;
    } else if rows.is_empty() {
        print::text(&format!("{name}: nothing has happened yet\n"))?;
    } else {
        print::text(&render(&rows, print::Screen::of_stdout().width))?;
    }
    Ok(Exit::Ok)
}

pub(super) fn render(rows: &[Row], width: usize) -> String {
    let mut table = Table::new(["ID", "WHAT", "SEVERITY", "STATUS", "STARTED", "TOOK", "BY"]);
    for row in rows {
        table.row([
            row.id.to_string(),
            what(row.act, row.from.as_deref(), &row.version),
            row.severity.to_string(),
            told(row.status).to_owned(),
            words::moment(row.started_at),
            row.completed_at.map_or_else(|| "…".to_owned(), |end| words::span(end.duration_since(row.started_at))),
            by(&row.applied_by).to_owned(),
        ]);
        if let Some(error) = &row.error_message {
            let whose = row.blame.map_or_else(String::new, |blame| format!("{}: ", blame.words()));
            table.below(error_lines(&format!("{whose}{error}"), width));
        }
    }
    table.render(width)
}

fn error_lines(error: &str, width: usize) -> String {
    let wrapped = words::wrap("    ", &error.replace('\n', " "), width - 1);
    let mut lines: Vec<&str> = wrapped.lines().collect();
    let is_whole = lines.len() <= ERROR_LINES;
    lines.truncate(ERROR_LINES);
    let lines: Vec<String> = lines.into_iter().map(|line| words::cut(line, width - 1)).collect();
    format!("{}{}\n", lines.join("\n"), if is_whole { "" } else { "…" })
}

/// What an act did, in as few columns as can be: `1.0.0 → 1.1.0`.
pub(super) fn what(act: Act, from: Option<&str>, to: &str) -> String {
    match (act, from) {
        (Act::Update, Some(from)) => format!("{from} → {to}"),
        (Act::Install | Act::Update, _) => format!("install {to}"),
        (Act::Adopt, _) => format!("adopt {to}"),
        (Act::Release, _) => format!("release {to}"),
        (Act::Rollback, _) => format!("back to {to}"),
    }
}

/// A status in words.
pub(super) fn told(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::InProgress => "in progress",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::RolledBack => "rolled back",
        Status::Stuck => "STUCK",
        Status::Abandoned => "abandoned",
    }
}

/// Who, without the words that say how: there is no room for them.
fn by(applied_by: &str) -> &str {
    let by = applied_by.strip_prefix("asked for by ");
    by.or_else(|| applied_by.strip_prefix("approved by ")).unwrap_or(applied_by)
}
