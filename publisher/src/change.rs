//! What is decided about a release after it was published: withdrawn, rolled out otherwise, recalled, promoted. Pure: targets and
//! a change → targets. The release stays as it is, byte by byte; only the `custom` of its manifest's target says something new.
//!
//! Members that this version of `publish` does not know stay as they are.

use std::collections::BTreeMap;

use manifest_schema::manifest::{Percent, Recall, RecallError, ReleaseCustom, Rollout, RolloutError, Wave};
use manifest_schema::path::Name;
use manifest_schema::strict::{self, Value};
use manifest_schema::tuf::{TargetDescription, TargetPath};
use manifest_schema::version::ReleaseVersion;

use crate::release::manifest_path;

/// All targets of a repository.
pub type Described = BTreeMap<TargetPath, TargetDescription>;

/// What changes.
#[derive(Clone, Debug)]
pub enum Change {
    /// Nobody installs it any more, for this reason.
    Withdraw(String),
    /// It goes to shares of the installations.
    Roll(Roll),
    /// Who has it goes to this one.
    Recall(ReleaseVersion),
    /// It is carried by these channels as well.
    Promote(Vec<Name>),
}

/// What changes about a rollout.
#[derive(Clone, Debug)]
pub struct Roll {
    /// New waves; those that it has, where there are none.
    pub waves: Vec<Wave>,
    /// Whether it is halted or goes on; as it is, where nothing is said.
    pub halted: Option<bool>,
    /// The one reading of the clock.
    pub now: jiff::Timestamp,
}

/// Why a decision cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No such release.
    #[error("{} is not published", .0.tag())]
    Unpublished(ReleaseVersion),
    /// What is published says something that this version does not understand.
    #[error("what is signed of {} is not understood: use a newer `publish`", version.tag())]
    Foreign {
        /// The release.
        version: ReleaseVersion,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A reason without words, or with control characters.
    #[error("the reason must be a line of text: people read it where they wonder why nothing is installed")]
    Reason,
    /// Waves that are none.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// A recall that is none.
    #[error(transparent)]
    Recall(#[from] RecallError),
    /// A recall would lead nowhere, this one or another.
    #[error("clients would refuse {}: {reason}", version.tag())]
    Lost {
        /// Whose recall.
        version: ReleaseVersion,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing would be different.
    #[error("{} says so already: nothing was changed", .0.tag())]
    Same(ReleaseVersion),
}

/// The targets with one release's decisions changed.
///
/// # Errors
/// When the release is not there, says so already, or clients would refuse what comes out.
pub fn changed(targets: &Described, version: &ReleaseVersion, change: &Change) -> Result<Described, ChangeError> {
    let mut targets = targets.clone();
    let described =
        targets.get_mut(&manifest_path(version)).ok_or_else(|| ChangeError::Unpublished(version.clone()))?;
    let custom = custom(described, version)?;
    let (member, value) = member(&custom, change)?;
    let Some(Value::Object(members)) = &mut described.custom else {
        return Err(ChangeError::Unpublished(version.clone()));
    };
    if members.insert(member.to_owned(), value.clone()) == Some(value) {
        return Err(ChangeError::Same(version.clone()));
    }
    recalls_lead_somewhere(&targets)?;
    Ok(targets)
}

/// What is said of a release now.
fn custom(described: &TargetDescription, version: &ReleaseVersion) -> Result<ReleaseCustom, ChangeError> {
    let custom = described.custom.as_ref().ok_or_else(|| ChangeError::Unpublished(version.clone()))?;
    custom.to().map_err(|source| ChangeError::Foreign { version: version.clone(), source })
}

/// The member of the custom that changes, and what it says then.
fn member(custom: &ReleaseCustom, change: &Change) -> Result<(&'static str, Value), ChangeError> {
    match change {
        Change::Withdraw(reason) if reason.trim().is_empty() || reason.chars().any(char::is_control) => {
            Err(ChangeError::Reason)
        }
        Change::Withdraw(reason) => Ok(("withdrawn", Value::String(reason.clone()))),
        Change::Roll(roll) => Ok(("rollout", value(&roll.of(custom)?))),
        Change::Recall(to) => Ok(("recall", value(&Recall::new(to.clone(), vec![custom.version.clone()])?))),
        Change::Promote(channels) => {
            let new = channels.iter().filter(|channel| !custom.channels.contains(channel));
            let all: Vec<&Name> = custom.channels.iter().chain(new).collect();
            Ok(("channels", value(&all)))
        }
    }
}

impl Roll {
    /// The rollout of a release after this change. Its salt stays: who has the release by it keeps it.
    fn of(&self, custom: &ReleaseCustom) -> Result<Rollout, RolloutError> {
        let (salt, waves, was_halted) = match &custom.rollout {
            Some(rollout) => (rollout.salt().to_owned(), rollout.waves().to_vec(), rollout.is_halted()),
            None => (salt(&custom.product, &custom.version), vec![everybody(self.now)], false),
        };
        let waves = if self.waves.is_empty() { waves } else { self.waves.clone() };
        let rollout = Rollout::new(salt, waves)?;
        Ok(if self.halted.unwrap_or(was_halted) { rollout.halt() } else { rollout })
    }
}

/// A salt that no other release has.
pub fn salt(product: &Name, version: &ReleaseVersion) -> String {
    let mut salt = format!("{product}-{}", version.tag());
    salt.truncate(64);
    salt
}

/// What a release without a rollout has.
fn everybody(now: jiff::Timestamp) -> Wave {
    let start = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    Wave { start, percent: Percent::new(100).expect("a hundred is no more than a hundred") }
}

fn value<T: serde::Serialize>(of: &T) -> Value {
    let bytes = serde_json::to_vec(of).expect("it has text keys only");
    strict::parse(&bytes, u64::MAX).expect("it has neither floats nor control characters")
}

/// A change of one release can take the ground from another one's recall.
fn recalls_lead_somewhere(targets: &Described) -> Result<(), ChangeError> {
    let customs = targets.values().filter_map(|target| target.custom.as_ref());
    let all: Vec<ReleaseCustom> = customs.filter_map(|custom| custom.to().ok()).collect();
    for custom in &all {
        if let Some(reason) = custom.lost_recall(all.iter()) {
            return Err(ChangeError::Lost { version: custom.version.clone(), reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
