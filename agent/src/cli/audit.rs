//! `surefoot audit`: who asked, what was decided, what was done; and `surefoot audit verify`: whether all of it is as it was written.

use clap::{Args, Subcommand};
use manifest_schema::digest::Sha256;

use super::print::{Screen, Tone};
use super::table::Table;
use super::{Format, Which, print, words};
use crate::audit::{self, Did, Entry, ReadError, Verdict};
use crate::exit::{Exit, Failure};
use crate::layout::Layout;

/// Lines of a sentence that are shown; `--json` has it whole.
const SENTENCE: usize = 3;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Ask {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// How many lines, counted from the newest
    #[arg(long, short = 'n', default_value_t = 20, value_name = "COUNT")]
    lines: usize,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Whether the log is as it was written, and where not
    ///
    /// Each line holds the hash of the one before. A line that was changed, taken out or put in breaks the chain; that its end was
    /// cut off, or that all of it was written anew, shows only against a hash that was noted down elsewhere. The machine's journal
    /// has each (journalctl -u surefoot). Exit code 5 where it is broken, 10 where there is no line.
    Verify {
        /// The hash of a line that must be there, from an earlier verification
        #[arg(long, value_name = "HASH")]
        known: Option<Sha256>,
        #[command(flatten)]
        format: Format,
    },
}

pub(super) fn run(layout: &Layout, ask: &Ask) -> Result<Exit, Failure> {
    match &ask.verb {
        Some(Verb::Verify { known, format }) => verify(layout, *known, *format),
        None => show(layout, ask),
    }
}

fn show(layout: &Layout, ask: &Ask) -> Result<Exit, Failure> {
    let mut entries = audit::entries(&layout.audit()).map_err(|error| unreadable(&error))?;
    entries.retain(|entry| ask.which.instance.is_none() || entry.instance == ask.which.instance);
    let shown = &entries[entries.len().saturating_sub(ask.lines)..];
    if ask.format.json {
        print::json(&shown)?;
    } else if shown.is_empty() {
        print::text("nothing has been written down yet\n")?;
    } else {
        print::text(&render(shown, Screen::of_stdout().width))?;
    }
    Ok(Exit::Ok)
}

fn render(entries: &[Entry], width: usize) -> String {
    let mut table = Table::new(["LINE", "WHEN", "INSTANCE", "WHAT", "BY"]);
    for entry in entries {
        table.row([
            entry.n.to_string(),
            words::moment(entry.at),
            entry.instance.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            what(entry),
            words::clean(&entry.by),
        ]);
        table.below(sentence(entry, width));
    }
    table.render(width)
}

fn what(entry: &Entry) -> String {
    let word = match entry.did {
        Did::Asked => "asked",
        Did::Failed => "failed",
        Did::Decided => "decided",
        Did::Approved => "approved",
        Did::Began => "began",
        Did::Ended => "ended",
        Did::Abandoned => "abandoned",
        Did::Trusted => "trusted",
        Did::Other => "?",
    };
    entry.update.map_or_else(|| word.to_owned(), |update| format!("{word} {update}"))
}

fn sentence(entry: &Entry, width: usize) -> String {
    let missed = match entry.missed {
        0 => String::new(),
        missed => format!("({} before this could not be written) ", words::count(missed as usize, "line")),
    };
    let text = words::clean(&entry.says.replace('\n', " "));
    let wrapped = words::wrap("    ", &format!("{missed}{text}"), width - 1);
    let lines: Vec<String> = wrapped.lines().map(|line| words::cut(line, width - 1)).collect();
    let more = if lines.len() > SENTENCE { "…" } else { "" };
    format!("{}{more}\n", lines[..lines.len().min(SENTENCE)].join("\n"))
}

fn verify(layout: &Layout, known: Option<Sha256>, format: Format) -> Result<Exit, Failure> {
    let verdict = audit::verify(&layout.audit(), known).map_err(|error| unreadable(&error))?;
    if format.json {
        print::json(&verdict)?;
    } else {
        print::text(&told(&verdict, &Screen::of_stdout()))?;
    }
    Ok(match (verdict.is_whole(), verdict.head) {
        (false, _) => Exit::NotTrusted,
        (true, None) => Exit::NotFound,
        (true, Some(_)) => Exit::Ok,
    })
}

fn told(verdict: &Verdict, screen: &Screen) -> String {
    let bad = screen.paint(Tone::Bad, "✗");
    let mut text = String::new();
    for found in &verdict.breaks {
        let said = format!("{}, line {}: {}", found.path.display(), found.line, found.says);
        text.push_str(&words::wrap("✗ ", &words::clean(&said), screen.width).replacen('✗', &bad, 1));
    }
    if verdict.knows == Some(false) {
        let said = "no line has the hash that was asked for: the end was cut off, the log was written anew, or the line has been \
                    forgotten since";
        text.push_str(&words::wrap("✗ ", said, screen.width).replacen('✗', &bad, 1));
    }
    if verdict.torn {
        text.push_str("The last line was cut off while it was being written: it never happened.\n");
    }
    match (verdict.first, verdict.last, verdict.head) {
        (Some(first), Some(last), Some(head)) => {
            if verdict.is_whole() {
                text.push_str(&format!("{} lines {first} to {last} are whole\n", screen.paint(Tone::Good, "✓")));
            }
            text.push_str(&format!("hash of line {last}:\n{head}\n"));
        }
        (_, _, _) => text.push_str("nothing has been written down yet\n"),
    }
    text
}

fn unreadable(error: &ReadError) -> Failure {
    Failure::of(Exit::Unexpected, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_a_screen_and_shows_no_control_characters() {
        let entry = serde_json::json!({
            "n": 12345, "at": "2026-03-01T04:00:00Z", "by": "somebody with a long name (uid 1000)", "did": "ended",
            "instance": "kkt-production", "version": "1.2.0", "update": 117, "exit": "rolled_back", "missed": 2,
            "says": format!("kkt: 1.2.0 failed\u{1b}[2J {}", "and so on ".repeat(60)), "prev": "0".repeat(64),
        });
        let text = render(&[serde_json::from_value(entry).unwrap()], 80);
        assert!(text.lines().all(|line| words::columns(line) <= 80), "{text}");
        assert!(text.contains("ended 117") && text.contains("2 lines before this"), "{text}");
        assert!(!text.contains('\u{1b}') && text.ends_with("…\n"), "{text}");
    }
}
