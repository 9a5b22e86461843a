//! The parts of a post-mortem behind the story: what was said, by whom, and how the machine was. Pure.

use std::fmt::Write as _;

use super::report::{Machines, Report};
use crate::cli::print::{Screen, Tone};
use crate::cli::table::Table;
use crate::cli::words;
use crate::evidence::{Machine, Place, Seen, UnitJournal};

/// Lines of each that are shown on a screen.
const LINES: usize = 10;
/// Changes of health that are shown on a screen: the first of them and as many of the last.
const CHANGES: usize = 8;

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Much {
    /// What fits a screen.
    End,
    /// All that was kept.
    All,
}

/// All of them. A unit's journal that is not the application's is told only in full.
pub(super) fn tell(report: &Report, much: Much, screen: &Screen) -> String {
    let width = screen.width;
    let mut text: String = report.output.iter().map(|output| output.tell(much, width)).collect();
    text.push_str(&health(&report.health, much, screen));
    let is_told = |unit: &&UnitJournal| much == Much::All || is_of_application(unit);
    for unit in report.journal.iter().filter(is_told) {
        text.push_str(&quote(&format!("journal of {}", unit.unit), &unit.text, much, width));
    }
    text.push_str(&machine(&report.machine, width));
    if let Some(place) = &report.denied {
        let sentence = format!(
            "The health answers, the units' journal and the state of the machine are in {place}: only root may read them, use sudo"
        );
        text.push_str(&format!("\n{}", words::wrap("", &sentence, width)));
    }
    text
}

/// That there is more.
pub(super) fn mention(report: &Report, width: usize) -> String {
    let names: Vec<&str> = report.output.iter().map(|output| output.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    let typed = words::command(&format!("surefoot log {} --full", report.update.id));
    format!("\n{}", words::wrap("", &format!("what was said ({}): {typed}", names.join(", ")), width))
}

fn is_of_application(unit: &UnitJournal) -> bool {
    unit.unit.contains('.') && unit.unit != "surefoot.service"
}

/// Somebody's words, each line marked as such. In full no line is cut: it must survive being copied.
pub(super) fn quote(title: &str, text: &str, much: Much, width: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return format!("\n{title} says nothing\n");
    }
    let (word, from) = match much {
        Much::End if lines.len() > LINES => ("ends with", lines.len() - LINES),
        Much::End | Much::All => ("says", 0),
    };
    let line = |line: &&str| match much {
        Much::End => words::cut(line, width - 4),
        Much::All => words::clean(line),
    };
    let quoted: String =
        lines[from..].iter().map(|text| format!("  | {}", line(text)).trim_end().to_owned() + "\n").collect();
    format!("\n{title} {word}:\n{quoted}")
}

fn health(all: &[Seen], much: Much, screen: &Screen) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = "\nservices and health checks, each time that one changed:\n".to_owned();
    let hidden = if much == Much::All { 0 } else { all.len().saturating_sub(2 * CHANGES) };
    for (number, seen) in all.iter().enumerate() {
        if number >= CHANGES && number < CHANGES + hidden {
            if number == CHANGES {
                let _ = writeln!(text, "  … {hidden} more");
            }
            continue;
        }
        text.push_str(&change(seen, screen));
    }
    text
}

fn change(seen: &Seen, screen: &Screen) -> String {
    let kind = if seen.service { "service" } else { "check" };
    let (sign, tone, state) = match &seen.problem {
        None => ("✓", Tone::Good, "well".to_owned()),
        Some(problem) => ("✗", Tone::Bad, problem.clone()),
    };
    let says = seen.says.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = if says.is_empty() || state.contains(&says) { String::new() } else { format!(" | {says}") };
    let first = format!("  {} {sign} ", words::time_of_day(seen.at));
    let sentence = format!("{kind} {} of {}: {state}{said}", seen.name, seen.version);
    words::wrap(&first, &sentence, screen.width).replacen(sign, &screen.paint(tone, sign), 1)
}

/// Both moments side by side, and what only needs to be said once.
fn machine(machines: &Machines, width: usize) -> String {
    if machines.before.is_none() && machines.after.is_none() {
        return String::new();
    }
    let mut table = Table::new(["THE MACHINE", "BEFORE", "AFTER"]);
    let sides = [rows(machines.before.as_ref()), rows(machines.after.as_ref())];
    let mut names: Vec<&String> = sides.iter().flatten().map(|(name, _)| name).collect();
    let mut told = std::collections::BTreeSet::new();
    names.retain(|name| told.insert(*name));
    for name in names {
        let cell = |side: &[(String, String)]| side.iter().find(|(row, _)| row == name).map(|(_, says)| says.clone());
        let [before, after] = [cell(&sides[0]).unwrap_or_default(), cell(&sides[1]).unwrap_or_default()];
        let after = if after == before { "the same".to_owned() } else { after };
        table.row([name.clone(), before, after]);
    }
    let mut text = format!("\n{}", table.render(width));
    let places = machines.after.as_ref().or(machines.before.as_ref()).map_or(&[][..], |machine| &machine.places);
    for place in places {
        text.push_str(&words::wrap(&format!("{}: ", place.what), &place.path.display().to_string(), width));
    }
    for database in machines.after.iter().flat_map(|machine| &machine.databases) {
        text.push_str(&words::wrap(&format!("database {}: ", database.name), &database.says, width));
    }
    text
}

fn rows(machine: Option<&Machine>) -> Vec<(String, String)> {
    let Some(machine) = machine else { return Vec::new() };
    let day = words::moment(machine.at).chars().take(10).collect::<String>();
    let at = format!("{day} {}", words::time_of_day(machine.at));
    let mut rows = vec![("at".to_owned(), at), ("surefoot".to_owned(), machine.agent.clone())];
    let mut add = |name: &str, says: Option<String>| rows.extend(says.map(|says| (name.to_owned(), says)));
    add("system", machine.os.clone());
    add("kernel", machine.kernel.clone());
    add("systemd", machine.systemd.clone());
    add("pg_dump", machine.postgresql_client.clone());
    for (number, place) in machine.places.iter().enumerate() {
        // One disk is told once.
        if machine.places[..number].iter().any(|told| told.disk == place.disk) {
            continue;
        }
        add(&format!("room for {}", place.what), Some(room(place)));
        add(&format!("inodes for {}", place.what), place.inodes_free.map(|free| format!("{free} free")));
    }
    add("memory", machine.memory.map(|memory| free(memory.available, memory.total)));
    add("swap", machine.memory.map(|memory| free(memory.swap_free, memory.swap_total)));
    add("load", machine.load.clone());
    add(
        "up for",
        machine.clock.uptime.map(|up| words::span(jiff::SignedDuration::from_secs(up.try_into().unwrap_or(0)))),
    );
    add("boot", machine.clock.boot.as_ref().map(|id| id.chars().take(8).collect()));
    add("clock kept in time", machine.clock.synchronised.clone());
    rows
}

fn room(place: &Place) -> String {
    let mounted = if place.read_only { ", READ-ONLY" } else { "" };
    format!("{}{mounted}", free(place.free, place.total))
}

fn free(free: u64, total: u64) -> String {
    format!("{} of {} free", words::size(free), words::size(total))
}
