//! Weighing one release: the rules in the order of their strength. Pure.

use manifest_schema::manifest::Severity;
use manifest_schema::version::ReleaseVersion;

use super::{Approval, Because, Candidate, Facts, Rest, Wish, rollout, utc, word};

/// What becomes of one release.
pub(super) enum Weight {
    No(String),
    Waits(Because),
    Goes(String),
}

/// The rules: what the vendor forbids, what failed here, whom the vendor has released it to so far, what a person said, what
/// the policy says.
pub(super) fn weigh(facts: &Facts<'_>, candidate: &Candidate) -> Weight {
    if let Some(reason) = word::is_out_of_question(facts, candidate) {
        return Weight::No(reason);
    }
    let custom = &candidate.custom;
    let again = matches!(&facts.wish, Wish::Named { again: true, .. });
    if let Some(reason) = is_left_alone(facts, candidate).filter(|_| !again) {
        return Weight::No(reason);
    }
    if let Some(reason) = rollout::holds(facts, custom) {
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
    if !is_allowed(facts, &custom.version) {
        return Weight::Waits(Because::Outside);
    }
    if !custom.rollback_supported {
        return Weight::Waits(Because::NoWayBack);
    }
    if let Some(urgency) = urgency(facts, candidate).filter(|_| facts.policy.force_critical) {
        return Weight::Goes(urgency);
    }
    if facts.policy.automatic.contains(&custom.severity) {
        return Weight::Goes("automatic".to_owned());
    }
    Weight::Waits(Because::Severity)
}

/// Why a release cannot wait for anybody: it mends what endangers data, or what is installed must not stay.
pub(super) fn urgency(facts: &Facts<'_>, candidate: &Candidate) -> Option<String> {
    if candidate.custom.severity == Severity::Critical {
        return Some("critical".to_owned());
    }
    let recall = word::recall(facts.releases, facts.product, facts.installed?)?;
    (recall.to == candidate.custom.version).then(|| format!("recall of {}", recall.from))
}

/// Why a release that failed here is not tried now.
pub(super) fn is_left_alone(facts: &Facts<'_>, candidate: &Candidate) -> Option<String> {
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
pub(super) fn approval<'a>(facts: &Facts<'a>, candidate: &Candidate) -> Option<&'a Approval> {
    let is_used_up = !candidate.custom.rollback_supported
        && facts.setbacks.iter().any(|setback| setback.manifest == candidate.manifest && setback.has_been_in());
    facts.approvals.iter().rfind(|approval| approval.manifest == candidate.manifest && !is_used_up)
}

/// A new major may break what the client relies on, so it does not come by itself unless the client allows it.
fn is_allowed(facts: &Facts<'_>, version: &ReleaseVersion) -> bool {
    match (&facts.policy.allow, facts.installed) {
        (Some(range), _) => version.matches(range),
        (None, Some(installed)) => version.major() == installed.major(),
        (None, None) => true,
    }
}
