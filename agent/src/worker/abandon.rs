//! `surefoot abandon`: a person says that an update stays as it is, because they have put it right by hand. Nothing is started,
//! stopped or thrown away: a last record is written, and then the door opens. What that leaves is said before it is done.

mod leaves;

use std::path::PathBuf;

use manifest_schema::path::Name;

use super::recover::stuck_one;
use super::{Reply, Work};
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::journal::{self, Damaged, Journal, JournalError, Record, Scan, Stands, history};
use crate::layout::{AppLayout, InstanceLayout};
use crate::update::resume::{self, Next};
use leaves::{leads, stands};

/// Abandons the stuck update of an instance, and what is damaged of its journals.
pub(super) fn abandon(work: &mut Work<'_>, wanted: Option<&Name>, dry_run: bool, by: &str) -> Result<Reply, Failure> {
    let name = stuck_one(work, wanted)?;
    let here = work.layout.instance(&name);
    let scan = journal::scan(&here.updates()).map_err(|error| Failure::of(Exit::Stuck, &error))?;
    let partings = partings(&name, &scan)?;
    let mut told = Vec::new();
    for parting in &partings {
        told.push(parting.words(&here, work.now()));
    }
    if dry_run {
        return Ok(Reply::well(told.join("\n")));
    }
    let mut done = Vec::new();
    for parting in partings {
        done.push(parting.part(by, work.now()).map_err(|error| Failure::early(&error))?);
    }
    // Only now: as long as the update is open the door is closed. A crash in between is made good at the next start.
    durable::remove_made(&here.closed()).map_err(|error| Failure::early(&error))?;
    let done = done.join("; ");
    work.audit_abandoned(&name, &done);
    Ok(Reply::well(format!("{name}: {done}")))
}

/// What is to be parted with.
enum Parting<'s> {
    /// An update that is neither finished nor undone.
    Stuck(&'s Journal, Stands),
    /// A journal that can be read up to its damage.
    Mend(&'s Damaged, &'s Journal, Stands),
    /// One of which not even the plan can be read.
    PutAside(&'s Damaged),
}

/// Everything of an instance that stands in the way. Nothing is done where a person must do something first.
fn partings<'s>(name: &Name, scan: &'s Scan) -> Result<Vec<Parting<'s>>, Failure> {
    let refuse = |reason: String| Failure::new(Exit::Refused, format!("{name}: {reason}"));
    let mut partings = Vec::new();
    for damaged in &scan.damaged {
        partings.push(match &damaged.beginning {
            _ if matches!(damaged.error, JournalError::Newer { .. }) => {
                return Err(refuse(crate::exit::chain(&damaged.error)));
            }
            Some(beginning) => Parting::Mend(damaged, beginning, where_it_stands(beginning, scan).map_err(refuse)?),
            None => Parting::PutAside(damaged),
        });
    }
    if let Some(open) = history::open(&scan.whole).filter(|open| matches!(resume::next(open), Next::Stuck(_))) {
        partings.push(Parting::Stuck(open, where_it_stands(open, scan).map_err(refuse)?));
    }
    Ok(partings)
}

fn where_it_stands(journal: &Journal, scan: &Scan) -> Result<Stands, String> {
    let plan = journal.plan();
    let is_superseded = scan.whole.iter().any(|later| later.plan().id > plan.id && history::took_effect(later));
    stands(plan, &leads(&AppLayout::new(&plan.instance.directory)), is_superseded)
}

impl Parting<'_> {
    /// What is left, for the person who decides.
    fn words(&self, here: &InstanceLayout, now: jiff::Timestamp) -> String {
        match self {
            Self::Stuck(journal, stands) => leaves::words(journal, *stands, here, now),
            Self::Mend(damaged, beginning, stands) => format!(
                "{}\nThe file is kept beside as journal.jsonl.damaged; what can be read of it stays ({} records).\n{}",
                crate::exit::chain(&damaged.error),
                beginning.entries().len(),
                leaves::words(beginning, *stands, here, now)
            ),
            Self::PutAside(damaged) => format!(
                "{}\nNothing can be read of it: {} is moved out of the way. What was installed before that update counts as \
                 installed then. 'surefoot status' says where the directory leads elsewhere: let it lead there before the \
                 next update.",
                crate::exit::chain(&damaged.error),
                damaged.directory.display()
            ),
        }
    }

    /// Does it, and says what was done.
    fn part(self, by: &str, now: jiff::Timestamp) -> Result<String, JournalError> {
        let last = |stands| Record::Abandoned { by: by.to_owned(), stands };
        let beside = |path: PathBuf| format!("what was damaged is kept as {}", path.display());
        Ok(match self {
            Self::Stuck(journal, stands) => {
                journal.clone().append(last(stands), now)?;
                leaves::sentence(journal.plan(), stands)
            }
            Self::Mend(damaged, beginning, stands) => {
                let kept = damaged.mend(beginning, last(stands), now)?;
                format!("{}; {}", leaves::sentence(beginning.plan(), stands), beside(kept))
            }
            Self::PutAside(damaged) => beside(damaged.put_aside()?),
        })
    }
}

#[cfg(test)]
mod tests;
