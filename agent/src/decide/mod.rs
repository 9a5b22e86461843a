//! Deciding: which release, if any, goes in now, and why. Pure: everything it needs, time included, is an argument, and
//! every rule that had a say is in the trace.

mod approvals;
mod setbacks;
mod way;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{ReleaseCustom, Severity};
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

pub use approvals::{Approval, ApprovalError, read_approvals, write_approval};
pub use setbacks::{Rest, Setback, Until, Why, setbacks};

use self::way::Way;
use crate::config::Policy;

/// A release that signed metadata names.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What the vendor says of it.
    pub custom: ReleaseCustom,
    /// The hash of its manifest.
    pub manifest: Sha256,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The schedule asks: what may go in by itself?
    Poll,
    /// A person wants the newest release.
    Newest {
        /// Who.
        by: String,
    },
    /// A person wants this one.
    Named {
        /// Which.
        version: ReleaseVersion,
        /// Who.
        by: String,
        /// Even though it failed before.
        again: bool,
    },
}

/// Everything that a decision rests on.
pub struct Facts<'a> {
    /// The application, as configured.
    pub product: &'a Name,
    /// What runs now.
    pub installed: Option<&'a ReleaseVersion>,
    /// What signed metadata names.
    pub releases: &'a [Candidate],
    /// The client's policy.
    pub policy: &'a Policy,
    /// What admins approved.
    pub approvals: &'a [Approval],
    /// What failed here before.
    pub setbacks: &'a [Setback],
    /// The time, for which a release that failed is left alone.
    pub now: jiff::Timestamp,
    /// What is asked.
    pub wish: Wish,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This release goes in now.
    Apply {
        /// Which.
        version: ReleaseVersion,
        /// Why: `critical`, `automatic`, `approved by NAME`, or who asked.
        why: String,
    },
    /// A release waits for a person.
    Await {
        /// Which.
        version: ReleaseVersion,
        /// How much it matters.
        severity: Severity,
        /// Why it does not go in by itself.
        because: Because,
    },
    /// Nothing newer may go in.
    Nothing,
}

/// Why a release waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Releases of its severity do not go in by themselves here.
    Severity,
    /// There is no way back from it, so it never goes in unattended, whatever its severity: nobody would be there to repair it.
    NoWayBack,
    /// It is outside the versions that are allowed here: a new major, where nothing else is configured.
    Outside,
}

impl Because {
    /// For people, as the rest of a sentence that begins with 'it'.
    pub fn words(self) -> &'static str {
        match self {
            Self::Severity => "is not of a severity that goes in by itself",
            Self::NoWayBack => "cannot be rolled back, so it never goes in by itself",
            Self::Outside => "is outside the versions that go in by themselves",
        }
    }
}

/// A verdict and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is to be done.
    pub verdict: Verdict,
    /// One sentence a rule and release, in the order in which they were weighed.
    pub trace: Vec<Finding>,
}

/// What one rule says of one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The release.
    pub version: String,
    /// The rule's word on it.
    pub says: String,
}

/// Decides.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let mut trace = Vec::new();
    let mut waiting: Vec<(&Candidate, Because)> = Vec::new();
    for candidate in newest_first(facts) {
        match weigh(facts, candidate) {
            Weight::No(reason) => trace.push(finding(candidate, reason)),
            Weight::Waits(because) => {
                trace.push(finding(candidate, says(facts, candidate, because)));
                waiting.push((candidate, because));
            }
            Weight::Goes(why) => {
                trace.push(finding(candidate, why.clone()));
                match way::to(facts, candidate, &mut trace) {
                    Way::Through(first) => {
                        let version = first.custom.version.clone();
                        return Decision { verdict: Verdict::Apply { version, why }, trace };
                    }
                    Way::Waits(first) => waiting.push((first, Because::NoWayBack)),
                    Way::None => {}
                }
            }
        }
    }
    Decision { verdict: wait(&waiting), trace }
}

/// The newest release that waits; but a critical one, which would go in by itself on other machines, before that.
fn wait(waiting: &[(&Candidate, Because)]) -> Verdict {
    let critical = waiting.iter().find(|(candidate, _)| candidate.custom.severity == Severity::Critical);
    match critical.or(waiting.first()) {
        Some((Candidate { custom, .. }, because)) => {
            Verdict::Await { version: custom.version.clone(), severity: custom.severity, because: *because }
        }
        None => Verdict::Nothing,
    }
}

fn says(facts: &Facts<'_>, candidate: &Candidate, because: Because) -> String {
    let severity = candidate.custom.severity;
    let what = match because {
        Because::Severity => format!("is {severity} and waits for approval"),
        Because::NoWayBack => format!("is {severity} and waits for approval: it {}", because.words()),
        Because::Outside => because.words().to_owned(),
    };
    match (&facts.wish, because) {
        (Wish::Newest { .. }, Because::Outside) => format!("{what}: name it to install it"),
        (Wish::Poll, Because::Outside) => format!("{what}: approve it"),
        (Wish::Poll | Wish::Newest { .. } | Wish::Named { .. }, _) => what,
    }
}

enum Weight {
    No(String),
    Waits(Because),
    Goes(String),
}

fn newest_first<'a>(facts: &Facts<'a>) -> Vec<&'a Candidate> {
    let mut releases: Vec<&Candidate> = facts.releases.iter().collect();
    releases.sort_by(|a, b| b.custom.version.cmp(&a.custom.version));
    releases
}

/// The rules in the order of their strength: what the vendor forbids, what failed here, what a person said, what the
/// policy says.
fn weigh(facts: &Facts<'_>, candidate: &Candidate) -> Weight {
    if let Some(reason) = is_out_of_question(facts, candidate) {
        return Weight::No(reason);
    }
    let custom = &candidate.custom;
    let again = matches!(&facts.wish, Wish::Named { again: true, .. });
    if let Some(reason) = is_left_alone(facts, candidate).filter(|_| !again) {
        return Weight::No(reason);
    }
    match &facts.wish {
        Wish::Newest { .. } if !is_allowed(facts, &custom.version) => {
            return Weight::Waits(Because::Outside);
        }
        Wish::Named { by, .. } | Wish::Newest { by } => return Weight::Goes(format!("asked for by {by}")),
        Wish::Poll => {}
    }
    if let Some(approval) = approval(facts, candidate) {
        return Weight::Goes(format!("approved by {}", approval.by));
    }
    unattended(facts, candidate)
}

/// What may go in although nobody is there.
fn unattended(facts: &Facts<'_>, candidate: &Candidate) -> Weight {
    let custom = &candidate.custom;
    let is_forced = custom.severity == Severity::Critical && facts.policy.force_critical;
    if !is_allowed(facts, &custom.version) {
        return Weight::Waits(Because::Outside);
    }
    if !custom.rollback_supported {
        return Weight::Waits(Because::NoWayBack);
    }
    if is_forced {
        return Weight::Goes("critical".to_owned());
    }
    if facts.policy.automatic.contains(&custom.severity) {
        return Weight::Goes("automatic".to_owned());
    }
    Weight::Waits(Because::Severity)
}

fn utc(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Why a release that failed here is not tried now.
fn is_left_alone(facts: &Facts<'_>, candidate: &Candidate) -> Option<String> {
    let setback = facts.setbacks.iter().find(|setback| setback.manifest == candidate.manifest)?;
    let rest = match facts.wish {
        Wish::Poll => Some(setback.rest(facts.now)),
        Wish::Newest { .. } | Wish::Named { .. } => setback.rest_for_a_person(facts.now),
    };
    let rest = rest.filter(Rest::holds)?;
    Some(rest.words(&setback.version, utc, |verb| format!("'surefoot {verb}'")))
}

/// An approval that counts. One for a release without a way back is used up once it has gone in: that it failed then is news
/// to the admin, who must say so again.
fn approval<'a>(facts: &Facts<'a>, candidate: &Candidate) -> Option<&'a Approval> {
    let is_used_up = !candidate.custom.rollback_supported
        && facts.setbacks.iter().any(|setback| setback.manifest == candidate.manifest && setback.has_been_in());
    facts.approvals.iter().rfind(|approval| approval.manifest == candidate.manifest && !is_used_up)
}

fn is_out_of_question(facts: &Facts<'_>, candidate: &Candidate) -> Option<String> {
    let custom = &candidate.custom;
    if custom.product != *facts.product {
        return Some(format!("is a release of {}, not of {}", custom.product, facts.product));
    }
    if facts.installed.is_some_and(|installed| custom.version <= *installed) {
        return Some("is not newer than what is installed".to_owned());
    }
    if let Some(reason) = &custom.withdrawn {
        return Some(format!("was withdrawn by the vendor: {reason}"));
    }
    if let Wish::Named { version, .. } = &facts.wish {
        return (custom.version != *version).then(|| "is not the one that was asked for".to_owned());
    }
    (!custom.channels.contains(&facts.policy.channel))
        .then(|| format!("is not in the channel {}", facts.policy.channel))
}

/// A new major may break what the client relies on, so it does not come by itself unless the client allows it.
fn is_allowed(facts: &Facts<'_>, version: &ReleaseVersion) -> bool {
    match (&facts.policy.allow, facts.installed) {
        (Some(range), _) => version.matches(range),
        (None, Some(installed)) => version.major() == installed.major(),
        (None, None) => true,
    }
}

fn finding(candidate: &Candidate, says: String) -> Finding {
    Finding { version: candidate.custom.version.to_string(), says }
}

#[cfg(test)]
mod tests;
