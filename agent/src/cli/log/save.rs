//! The whole post-mortem as one file to send to support: plain text that any mail client shows.

use std::path::{Path, PathBuf};

use super::report::Report;
use super::section::{self, Much};
use crate::cli::print::{self, Screen};
use crate::cli::{Which, doctor, history, words};
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::journal::{Journal, history as past};
use crate::layout::Layout;
use crate::redact::Redactor;

/// Columns of the file.
pub(super) const WIDTH: usize = 78;

/// Writes it to `file`, which must not exist, or to standard output for `-`.
pub(super) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    if file == Path::new("-") {
        return print::text(text);
    }
    durable::write_once(file, text.as_bytes(), 0o600).map_err(|error| {
        let exit = if error.is_there_already() { Exit::Refused } else { Exit::Unexpected };
        Failure::of(exit, &error)
    })?;
    let sentence = format!(
        "{} holds all that is known of the update. Secrets are taken out, but look through it before you send it: it has names \
         of machines, users and files\n",
        file.display()
    );
    print::text(&words::wrap("", sentence.trim_end(), Screen::of_stdout().width))
}

/// All sections in full.
pub(super) fn compose(
    layout: &Layout,
    journal: &Journal,
    all: &[Journal],
    story: &str,
    report: &Report,
    redactor: &Redactor,
) -> String {
    let screen = Screen::plain(WIDTH);
    let name = &journal.plan().instance.name;
    let which = Which { instance: Some(name.clone()) };
    let checked = doctor::tell(layout, &which, &screen).unwrap_or_else(|failure| failure.message + "\n");
    let mut text = words::wrap("", &preface(), WIDTH);
    let mut add =
        |title: &str, body: &str| text.push_str(&format!("\n{}\n{title}\n\n{}\n", "=".repeat(WIDTH), body.trim()));
    add("THE UPDATE", story);
    add("WHAT WAS SAID, AND THE MACHINE", &section::tell(report, Much::All, &screen));
    add("ALL UPDATES", &redactor.apply(&history::render(&past::rows(all), WIDTH)));
    add("THE CONFIGURATION", &configuration(layout, redactor));
    add("THE MACHINE NOW (surefoot doctor)", &redactor.apply(&checked));
    add("THE JOURNAL", &records(report));
    text
}

fn preface() -> String {
    format!(
        "Post-mortem of an update, written by surefoot {} on {}. Where [redacted: NAME] stands, a secret stood.",
        env!("CARGO_PKG_VERSION"),
        words::moment(jiff::Timestamp::now())
    )
}

/// The files as they are now, comments and all.
fn configuration(layout: &Layout, redactor: &Redactor) -> String {
    let told = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| format!("cannot be read: {error}"));
        section::quote(&path.display().to_string(), &redactor.apply(&text), Much::All, WIDTH)
    };
    files(&layout.config()).iter().map(told).collect()
}

/// Every file of settings below the configuration's directory, its drop-ins included.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let (directories, mut files): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.extend(directories.iter().flat_map(|directory| self::files(directory)));
    files
}

fn records(report: &Report) -> String {
    let entries = report.entries.as_array().into_iter().flatten();
    entries.map(|entry| format!("{entry}\n")).collect()
}
