//! Deciding: which release, if any, goes in now, and why. Pure: everything it needs, time included, is an argument, and
//! every rule that had a say is in the trace.

mod approvals;
mod facts;
mod rollout;
mod setbacks;
mod verdict;
mod way;
mod weigh;
mod word;

pub use approvals::{Approval, ApprovalError, read_approvals, write_approval};
pub use facts::{Candidate, Facts, Refused, Releases, Wish};
pub use setbacks::{Rest, Setback, Until, Why, setbacks};
pub use verdict::{Because, Decision, Finding, Verdict};
pub use word::{Recalled, recall, security_floor};

use self::way::Way;
use self::weigh::{Weight, weigh};

/// Decides.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let refused = word::refused(facts);
    let recalled = word::recalled_back(facts);
    let mut trace = refused.clone();
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
                trace.extend(rollout::overruled(facts, &candidate.custom).map(|says| finding(candidate, says)));
                match way::to(facts, candidate, &mut trace) {
                    Way::Through(first) => {
                        let version = first.custom.version.clone();
                        return Decision { verdict: Verdict::Apply { version, why }, trace, refused, recalled };
                    }
                    Way::Waits(first) => waiting.push((first, Because::NoWayBack)),
                    Way::None => {}
                }
            }
        }
    }
    Decision { verdict: wait(facts, &waiting), trace, refused, recalled }
}

/// The newest release that waits; but an urgent one, which would go in by itself on other machines, before that.
fn wait(facts: &Facts<'_>, waiting: &[(&Candidate, Because)]) -> Verdict {
    let urgent = waiting.iter().find(|(candidate, _)| weigh::urgency(facts, candidate).is_some());
    match urgent.or(waiting.first()) {
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

fn newest_first<'a>(facts: &Facts<'a>) -> Vec<&'a Candidate> {
    let mut releases: Vec<&Candidate> = facts.releases.sound.iter().collect();
    releases.sort_by(|a, b| b.custom.version.cmp(&a.custom.version));
    releases
}

fn utc(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn finding(candidate: &Candidate, says: String) -> Finding {
    Finding { version: candidate.custom.version.to_string(), says }
}

#[cfg(test)]
mod tests;
