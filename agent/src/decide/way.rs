//! The way to a release: in one step, or through the releases in between that its minimum version asks for. Pure.

use super::weigh::{approval, is_left_alone};
use super::{Because, Candidate, Facts, Finding, Wish, finding, newest_first, rollout, says, word};

/// How a release can be reached.
pub(super) enum Way<'a> {
    /// By installing this one now: the release itself, or the one that comes first.
    Through(&'a Candidate),
    /// The one that comes first waits for a person, since there is no way back from it.
    Waits(&'a Candidate),
    /// Not at all.
    None,
}

/// The goal itself, or the newest release on the way to it that this machine is not below the minimum of.
pub(super) fn to<'a>(facts: &Facts<'a>, goal: &'a Candidate, trace: &mut Vec<Finding>) -> Way<'a> {
    if is_reachable(facts, goal) {
        return Way::Through(goal);
    }
    let first = format!("comes first: {} cannot be reached in one step", goal.custom.version);
    let mut waits = Way::None;
    let mut is_there_one = false;
    for hop in newest_first(facts).into_iter().filter(|hop| is_between(facts, hop, goal) && is_reachable(facts, hop)) {
        is_there_one = true;
        match obstacle(facts, hop) {
            None => {
                trace.push(finding(hop, first));
                return Way::Through(hop);
            }
            Some(Obstacle::NoWayBack) => {
                trace.push(finding(hop, format!("{first}; it {}", says(facts, hop, Because::NoWayBack))));
                if matches!(waits, Way::None) {
                    waits = Way::Waits(hop);
                }
            }
            Some(Obstacle::Rests(reason)) => trace.push(finding(hop, format!("{first}; it {reason}"))),
        }
    }
    if !is_there_one {
        trace.push(finding(goal, "needs a release in between that does not exist".to_owned()));
    }
    waits
}

fn is_reachable(facts: &Facts<'_>, candidate: &Candidate) -> bool {
    match (&candidate.custom.minimum_version, facts.installed) {
        (Some(minimum), Some(installed)) => installed >= minimum,
        (Some(_), None) | (None, _) => true,
    }
}

fn is_between(facts: &Facts<'_>, candidate: &Candidate, goal: &Candidate) -> bool {
    let custom = &candidate.custom;
    custom.product == *facts.product
        && custom.version < goal.custom.version
        && facts.installed.is_none_or(|installed| custom.version > *installed)
        && word::forbids(facts, custom).is_none()
        && custom.channels.contains(&facts.policy.channel)
}

enum Obstacle {
    NoWayBack,
    Rests(String),
}

/// What stands against a release on the way. Its severity does not: the goal is what was decided on. But that there is no way
/// back from it is as bad here as anywhere.
fn obstacle(facts: &Facts<'_>, hop: &Candidate) -> Option<Obstacle> {
    if let Some(reason) = is_left_alone(facts, hop).or_else(|| rollout::holds(facts, &hop.custom)) {
        return Some(Obstacle::Rests(reason));
    }
    let is_attended = facts.wish != Wish::Poll || approval(facts, hop).is_some();
    let goes = hop.custom.rollback_supported || is_attended;
    (!goes).then_some(Obstacle::NoWayBack)
}
