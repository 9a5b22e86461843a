//! `surefoot log`: the post-mortem of one update: what was tried, step by step; what everybody said; how the machine was. On a
//! screen, for programs, or as one file for support. Read from files only, so it works whatever the daemon does.

mod output;
mod report;
mod save;
mod section;
mod story;

use std::path::PathBuf;

use self::report::Report;
use self::section::Much;
use super::{Format, Which, instances, print};
use crate::exit::{Exit, Failure};
use crate::journal::history::Status;
use crate::layout::Layout;

/// What is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Ask {
    /// The update's number in the history; the last one unless named
    number: Option<u32>,
    /// Show all that is kept, and not only how it ended
    #[arg(long, conflicts_with = "json")]
    full: bool,
    /// Write all of it to a new file, to send to support; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "full"])]
    save: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(layout: &Layout, ask: &Ask) -> Result<Exit, Failure> {
    let name = instances::one(layout, &ask.which)?;
    let journals = instances::journals(layout, &name)?;
    let journal = match ask.number {
        None => journals.last(),
        Some(number) => journals.iter().find(|journal| journal.plan().id == number),
    };
    let journal = journal.ok_or_else(|| {
        let what = ask.number.map_or_else(|| "no update yet".to_owned(), |number| format!("no update {number}"));
        Failure::new(Exit::NotFound, format!("{name}: there is {what}; see 'surefoot history'"))
    })?;
    let (report, redactor) = Report::of(layout, journal, report::status(journal, &journals));
    if let Some(file) = &ask.save {
        let screen = print::Screen::plain(save::WIDTH);
        let story = story::tell(journal, &report, &redactor, &screen);
        save::write(file, &save::compose(layout, journal, &journals, &story, &report, &redactor))?;
    } else if ask.format.json {
        print::json(&report)?;
    } else {
        let screen = print::Screen::of_stdout();
        let story = story::tell(journal, &report, &redactor, &screen);
        print::text(&(story + &behind(&report, ask.full, &screen)))?;
    }
    Ok(Exit::Ok)
}

/// What stands behind the story. A good update needs no explanation; that there would be one is said.
fn behind(report: &Report, full: bool, screen: &print::Screen) -> String {
    if full {
        return section::tell(report, Much::All, screen);
    }
    if report.outcome.status == Status::Completed {
        return section::mention(report, screen.width);
    }
    section::tell(report, Much::End, screen)
}
