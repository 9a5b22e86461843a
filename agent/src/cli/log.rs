//! `surefoot log`: what happened in one update, step by step, from its journal: what support asks for.

mod output;
mod story;

use super::{Format, Which, instances, print};
use crate::exit::{Exit, Failure};
use crate::journal::{Journal, history};
use crate::layout::Layout;

pub(super) fn run(layout: &Layout, number: Option<u32>, which: &Which, format: Format) -> Result<Exit, Failure> {
    let name = instances::one(layout, which)?;
    let journals = instances::journals(layout, &name)?;
    let journal = match number {
        None => journals.last(),
        Some(number) => journals.iter().find(|journal| journal.plan().id == number),
    };
    let journal = journal.ok_or_else(|| {
        let what = number.map_or_else(|| "no update yet".to_owned(), |number| format!("no update {number}"));
        Failure::new(Exit::NotFound, format!("{name}: there is {what}; see 'surefoot history'"))
    })?;
    if format.json {
        print::json(&journal.entries())?;
    } else {
        print::text(&render(journal, &journals))?;
    }
    Ok(Exit::Ok)
}

fn render(journal: &Journal, all: &[Journal]) -> String {
    let width = print::Screen::of_stdout().width;
    let row = history::rows(all).into_iter().find(|row| row.id == journal.plan().id);
    let status = row.map_or(history::status(journal), |row| row.status);
    story::tell(journal, status, width) + &output::tell(journal.directory(), width)
}
