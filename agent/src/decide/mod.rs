//! Deciding: which release, if any, goes in now, and why. Pure: everything it needs, time included, is an argument, and
//! every rule that had a say is in the trace.

mod approvals;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{ReleaseCustom, Severity};
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;
use serde::Serialize;

pub use approvals::{Approval, ApprovalError, read_approvals, write_approval};

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
    /// Manifests of releases that failed here.
    pub bad: &'a [Sha256],
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
    },
    /// Nothing newer may go in.
    Nothing,
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
    let mut waiting = None;
    for candidate in newest_first(facts) {
        match weigh(facts, candidate) {
            Weight::No(reason) => trace.push(finding(candidate, reason)),
            Weight::Waits(reason) => {
                trace.push(finding(candidate, reason));
                waiting = waiting.or(Some(candidate));
            }
            Weight::Goes(why) => {
                trace.push(finding(candidate, why.clone()));
                return apply(facts, candidate, why, trace);
            }
        }
    }
    let verdict = waiting.map_or(Verdict::Nothing, |candidate| Verdict::Await {
        version: candidate.custom.version.clone(),
        severity: candidate.custom.severity,
    });
    Decision { verdict, trace }
}

enum Weight {
    No(String),
    Waits(String),
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
    if facts.bad.contains(&candidate.manifest) && !again {
        return Weight::No("failed here before and is not tried again".to_owned());
    }
    match &facts.wish {
        Wish::Newest { .. } if !is_allowed(facts, &custom.version) => {
            return Weight::Waits("is outside the versions that are allowed: name it to install it".to_owned());
        }
        Wish::Named { by, .. } | Wish::Newest { by } => return Weight::Goes(format!("asked for by {by}")),
        Wish::Poll => {}
    }
    if let Some(approval) = facts.approvals.iter().find(|approval| approval.manifest == candidate.manifest) {
        return Weight::Goes(format!("approved by {}", approval.by));
    }
    if !is_allowed(facts, &custom.version) {
        return Weight::Waits("is outside the versions that go in by themselves: approve it".to_owned());
    }
    if custom.severity == Severity::Critical && facts.policy.force_critical {
        return Weight::Goes("critical".to_owned());
    }
    if !custom.rollback_supported {
        return Weight::Waits("cannot be rolled back: approve it".to_owned());
    }
    if facts.policy.automatic.contains(&custom.severity) {
        return Weight::Goes("automatic".to_owned());
    }
    Weight::Waits(format!("is {} and waits for approval", custom.severity))
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

/// The goal itself, or the newest release on the way to it that this machine is not below the minimum of.
fn apply(facts: &Facts<'_>, goal: &Candidate, why: String, mut trace: Vec<Finding>) -> Decision {
    let is_reachable = |candidate: &Candidate| match (&candidate.custom.minimum_version, facts.installed) {
        (Some(minimum), Some(installed)) => installed >= minimum,
        (Some(_), None) | (None, _) => true,
    };
    if is_reachable(goal) {
        let version = goal.custom.version.clone();
        return Decision { verdict: Verdict::Apply { version, why }, trace };
    }
    let hop = newest_first(facts).into_iter().find(|candidate| {
        candidate.custom.version < goal.custom.version && is_on_the_way(facts, candidate) && is_reachable(candidate)
    });
    let verdict = match hop {
        Some(hop) => {
            trace.push(finding(hop, format!("comes first: {} cannot be reached in one step", goal.custom.version)));
            Verdict::Apply { version: hop.custom.version.clone(), why }
        }
        None => {
            trace.push(finding(goal, "needs a release in between that does not exist".to_owned()));
            Verdict::Nothing
        }
    };
    Decision { verdict, trace }
}

fn is_on_the_way(facts: &Facts<'_>, candidate: &Candidate) -> bool {
    let custom = &candidate.custom;
    custom.product == *facts.product
        && facts.installed.is_none_or(|installed| custom.version > *installed)
        && custom.withdrawn.is_none()
        && custom.channels.contains(&facts.policy.channel)
        && !facts.bad.contains(&candidate.manifest)
}

fn finding(candidate: &Candidate, says: String) -> Finding {
    Finding { version: candidate.custom.version.to_string(), says }
}

#[cfg(test)]
mod tests;
