//! The list of backups as a table of 80 columns.

use jiff::{SignedDuration, Timestamp};

use super::{Backup, Presence};
use crate::cli::table::Table;
use crate::cli::words;

pub(super) fn render(backups: &[Backup], width: usize) -> String {
    let mut table = Table::new(["ID", "BEFORE", "AGE", "KEPT UNTIL", "SIZE", "HOW", "WHAT"]);
    for backup in backups {
        for item in &backup.held {
            table.row(cells(backup, backup.age_seconds, item.bytes, item.way, &item.what));
            below(&mut table, item.problem.as_deref(), &item.presence, width);
        }
        for left in &backup.left_aside {
            table.row(cells(
                backup,
                Some(left.age_seconds),
                left.bytes,
                "aside",
                &format!("database {}", left.database),
            ));
            table.below(words::wrap("    left aside as ", &left.name, width));
            below(&mut table, None, &left.presence, width);
        }
    }
    table.render(width) + &notes(backups, width)
}

fn cells(backup: &Backup, age: Option<i64>, bytes: u64, how: &str, what: &str) -> [String; 7] {
    let unknown = || "?".to_owned();
    [
        backup.id.to_string(),
        backup.update.clone().unwrap_or_else(unknown),
        age.map_or_else(unknown, |seconds| words::span(SignedDuration::from_secs(seconds))),
        backup.kept_until.map_or_else(unknown, day),
        words::size(bytes),
        how.to_owned(),
        what.to_owned(),
    ]
}

fn day(at: Timestamp) -> String {
    words::moment(at).split(' ').next().unwrap_or_default().to_owned()
}

/// What is wrong with the row above.
fn below(table: &mut Table, problem: Option<&str>, presence: &Presence, width: usize) {
    if let Some(problem) = problem {
        table.below(words::wrap("    CANNOT BE READ: ", problem, width));
        return;
    }
    match presence {
        Presence::There => {}
        Presence::Live => table.below(words::wrap("    ", "it was brought back and is the live database now", width)),
        Presence::Gone => table.below(words::wrap("    ", "GONE: somebody has removed it by hand", width)),
        Presence::Unknown { why } => {
            table.below(words::wrap("    ", &format!("nobody could look whether it is still there: {why}"), width));
        }
    }
}

/// Why something is kept that is old enough to go, or has no day at all.
fn notes(backups: &[Backup], width: usize) -> String {
    let reasons: Vec<(u32, &String)> =
        backups.iter().filter_map(|backup| Some((backup.id, backup.kept_because.as_ref()?))).collect();
    let mut text = String::new();
    let mut told: Vec<&String> = Vec::new();
    for (_, reason) in &reasons {
        if told.contains(reason) {
            continue;
        }
        let ids: Vec<String> =
            reasons.iter().filter(|(_, other)| other == reason).map(|(id, _)| id.to_string()).collect();
        text.push_str(&words::wrap("", &format!("{}: {reason}", ids.join(", ")), width));
        told.push(reason);
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}
