//! Setbacks: which releases failed here or were taken back, and for how long each is left alone because of it. Pure.
//!
//! Folded from journals and approvals, by the hash of the manifest: a newer release, or the same version signed anew, begins
//! with nothing held against it. The polls go on meanwhile, and anything else may go in.

use jiff::{SignedDuration, Timestamp};
use manifest_schema::digest::Sha256;
use manifest_schema::version::ReleaseVersion;
use serde::Serialize;

use super::Approval;
use crate::journal::history::{self, Status};
use crate::journal::{Blame, Journal};
use crate::plan::Act;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// After a failure that is the release's own, in minutes. It took the application down, and will again unless something
/// has changed that nobody knows of: so it is seldom worth a downtime, and never worth many. A month is as good as never, and
/// still lets a machine that everybody has forgotten heal by itself.
const AFTER_FAILURES: [i64; 5] = [HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY];
/// After one that is not, in minutes. Servers come back and disks are emptied within the hour or the day; each try costs a
/// downtime, so it is not made at each poll.
const AFTER_INTERRUPTIONS: [i64; 4] = [15, HOUR, 6 * HOUR, DAY];
/// After one before the stop, in minutes. It costs the network and the processor only, so the first two cost no waiting; a
/// release that can never be made ready is tried once a day.
const AFTER_EARLY: [i64; 5] = [0, 0, HOUR, 6 * HOUR, DAY];

/// One cut by a kill or a power cut is not the release's fault. From this one on each of them counts as a failure of it: it may
/// be what brings the machine down.
const CUT_THAT_COUNTS: usize = 3;

/// Why a release is left alone, the strongest reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// An admin went back from it, or gave a stuck update to it up. Only an admin brings it in again.
    TakenBack,
    /// It failed past the stop by its own fault: it is remembered as bad.
    Failed,
    /// It failed past the stop, and it was not its fault.
    Interrupted,
    /// It failed, several times in a row, before anything was stopped.
    Early,
}

/// One time that a release did not stay.
#[derive(Clone, Copy, Debug)]
struct Fall {
    /// The update's number, or the rollback's: by it, and not by the clock, falls and approvals have an order.
    id: u32,
    at: Timestamp,
    why: Why,
    was_cut: bool,
}

/// What a release has behind it on this machine.
#[derive(Clone, Debug)]
pub struct Setback {
    /// The release, for people.
    pub version: ReleaseVersion,
    /// The release, for the agent.
    pub manifest: Sha256,
    falls: Vec<Fall>,
}

/// How a release stands because of its setbacks, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Because of what.
    pub why: Why,
    /// How often that happened.
    pub times: usize,
    /// When it happened last.
    pub last: Timestamp,
    /// Until when.
    pub until: Until,
}

/// Until when a release is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until an admin approves it, or names it with `--again`.
    AnAdmin,
    /// Until then.
    Then(Timestamp),
    /// It may be tried.
    Over,
}

/// All setbacks that still stand. One that was followed by a good update to the same release, or by an approval of it, does
/// not.
pub fn setbacks(journals: &[Journal], approvals: &[Approval]) -> Vec<Setback> {
    let mut all: Vec<Setback> = Vec::new();
    for journal in journals {
        if history::took_effect(journal) && matches!(journal.plan().act, Act::Install | Act::Update) {
            all.retain(|setback| Some(setback.manifest) != journal.plan().to.manifest);
        }
        let Some((of, fall)) = fall(journal, journals) else { continue };
        let Some(manifest) = of.plan().to.manifest else { continue };
        if !approvals.iter().any(|approval| approval.manifest == manifest && approval.after >= fall.id) {
            add(&mut all, of.plan().to.version.clone(), manifest, fall);
        }
    }
    all
}

fn add(all: &mut Vec<Setback>, version: ReleaseVersion, manifest: Sha256, fall: Fall) {
    match all.iter_mut().find(|setback| setback.manifest == manifest) {
        Some(setback) => setback.falls.push(fall),
        None => all.push(Setback { version, manifest, falls: vec![fall] }),
    }
}

/// What one journal says against a release, and the update that brought that release.
fn fall<'a>(journal: &'a Journal, all: &'a [Journal]) -> Option<(&'a Journal, Fall)> {
    let at = history::completed_at(journal)?;
    let fall = |why| Fall { id: journal.plan().id, at, why, was_cut: history::was_cut_off(journal) };
    match (journal.plan().act, history::status(journal)) {
        (Act::Update, Status::RolledBack) if history::blame(journal) != Some(Blame::Release) => {
            Some((journal, fall(Why::Interrupted)))
        }
        // A journal from before there was a blame names the release for a cut too.
        (Act::Update, Status::RolledBack) if history::was_cut_off(journal) => Some((journal, fall(Why::Interrupted))),
        (Act::Update, Status::RolledBack) => Some((journal, fall(Why::Failed))),
        (Act::Update, Status::Failed) => Some((journal, fall(Why::Early))),
        (Act::Update, Status::Abandoned) if history::was_given_up(journal) => Some((journal, fall(Why::TakenBack))),
        (Act::Rollback, Status::Completed | Status::Abandoned) => {
            Some((history::what_it_took_back(journal, all)?, fall(Why::TakenBack)))
        }
        (Act::Update, Status::Pending | Status::InProgress | Status::Completed | Status::Stuck | Status::Abandoned)
        | (Act::Rollback, Status::Pending | Status::InProgress | Status::Stuck | Status::RolledBack | Status::Failed)
        | (Act::Install | Act::Adopt | Act::Release, _) => None,
    }
}

impl Setback {
    /// How the release stands at `now`: the reason that holds it longest, or where none does, the strongest one.
    pub fn rest(&self, now: Timestamp) -> Rest {
        let rests: Vec<Rest> = [Why::TakenBack, Why::Failed, Why::Interrupted, Why::Early]
            .into_iter()
            .filter_map(|why| self.because_of(why, now))
            .collect();
        // The first of equals, which the maximum of an iterator is not.
        let longest = rests.iter().rev().max_by_key(|rest| rest.until.order());
        *longest.expect("a setback has a fall")
    }

    /// As [`Self::rest`] where a person asks for the release, who is there to see what happens: only what they would have to
    /// insist on counts.
    pub fn rest_for_a_person(&self, now: Timestamp) -> Option<Rest> {
        self.because_of(Why::TakenBack, now).or_else(|| self.because_of(Why::Failed, now))
    }

    /// Whether the application was ever stopped for it in vain, so that what was approved has already happened once.
    pub fn has_been_in(&self) -> bool {
        self.falls.iter().any(|fall| fall.why != Why::Early)
    }

    fn because_of(&self, why: Why, now: Timestamp) -> Option<Rest> {
        let falls = self.falls_of(why);
        let last = falls.last()?.at;
        Some(Rest { why, times: falls.len(), last, until: until(why, &falls, now) })
    }

    /// In a row: a release that has been made ready since can be made ready.
    fn falls_of(&self, wanted: Why) -> Vec<Fall> {
        let falls = self.counted();
        let begin = match wanted {
            Why::Early => falls.iter().rposition(|fall| fall.why != Why::Early).map_or(0, |last| last + 1),
            Why::TakenBack | Why::Failed | Why::Interrupted => 0,
        };
        falls[begin..].iter().filter(|fall| fall.why == wanted).copied().collect()
    }

    /// The falls, the cuts that are too many being failures.
    fn counted(&self) -> Vec<Fall> {
        let mut cuts = 0;
        let count = |fall: &Fall| {
            cuts += usize::from(fall.was_cut && fall.why == Why::Interrupted);
            let counts = fall.was_cut && fall.why == Why::Interrupted && cuts >= CUT_THAT_COUNTS;
            Fall { why: if counts { Why::Failed } else { fall.why }, ..*fall }
        };
        self.falls.iter().map(count).collect()
    }
}

/// A fall that is dated in the future, because the clock was wrong then or is now, counts in number and keeps nobody waiting:
/// it could be for years.
fn until(why: Why, falls: &[Fall], now: Timestamp) -> Until {
    let pauses: &[i64] = match why {
        Why::TakenBack => return Until::AnAdmin,
        Why::Failed => &AFTER_FAILURES,
        Why::Interrupted => &AFTER_INTERRUPTIONS,
        Why::Early => &AFTER_EARLY,
    };
    let minutes = pauses.get(falls.len() - 1).or(pauses.last()).copied().unwrap_or_default();
    let last = falls.iter().map(|fall| fall.at).filter(|at| *at <= now).max();
    let end = last.and_then(|at| at.checked_add(SignedDuration::from_mins(minutes)).ok());
    end.filter(|end| *end > now).map_or(Until::Over, Until::Then)
}

impl Until {
    /// The later, the greater.
    fn order(self) -> (u8, Timestamp) {
        match self {
            Self::Over => (0, Timestamp::MIN),
            Self::Then(at) => (1, at),
            Self::AnAdmin => (2, Timestamp::MAX),
        }
    }
}

impl Rest {
    /// Whether the release is left alone.
    pub fn holds(&self) -> bool {
        self.until != Until::Over
    }

    /// What happened and what comes of it, as the rest of a sentence that begins with the version. `moment` says how a time is
    /// written, `command` how one of this program's.
    pub fn words(
        &self,
        version: &ReleaseVersion,
        moment: impl Fn(Timestamp) -> String,
        command: impl Fn(&str) -> String,
    ) -> String {
        let (times, last) = (times(self.times), moment(self.last));
        let what = match self.why {
            Why::TakenBack => format!("was taken back here, on {last}"),
            Why::Failed => format!("failed here {times}, last on {last}"),
            Why::Interrupted => format!("was put back here {times} through no fault of its own, last on {last}"),
            Why::Early => format!("could not be made ready here {times} in a row, last on {last}"),
        };
        let command = match self.why {
            Why::TakenBack | Why::Failed => command(&format!("update {version} --again")),
            Why::Interrupted | Why::Early => command(&format!("update {version}")),
        };
        match self.until {
            Until::AnAdmin => format!("{what}: it comes back only with {command}"),
            Until::Then(at) => format!("{what}: tried again after {}, or now with {command}", moment(at)),
            Until::Over => format!("{what}: it may be tried again"),
        }
    }
}

fn times(number: usize) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests;
