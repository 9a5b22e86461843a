//! The vendor's word on releases: what is out of question by it, where what is installed must go, below what nothing is
//! installed. Pure.

use manifest_schema::manifest::ReleaseCustom;
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;
use serde::Serialize;

use super::facts::{Refused, Releases};
use super::{Candidate, Facts, Finding, Wish};

/// What is installed, and must not stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recalled {
    /// What is recalled.
    pub from: ReleaseVersion,
    /// Where it goes.
    pub to: ReleaseVersion,
}

/// Whether the vendor recalls `version`, and to which: of several the newest. In which channel it was said is no matter, since
/// what is installed may have come by another.
pub fn recall(releases: &Releases, product: &Name, version: &ReleaseVersion) -> Option<Recalled> {
    let recalls = releases.sound.iter().filter(|candidate| candidate.custom.product == *product);
    let recalls = recalls.filter_map(|candidate| candidate.custom.recall.as_ref());
    let to = recalls.filter(|recall| recall.from().contains(version)).map(|recall| recall.to()).max()?;
    Some(Recalled { from: version.clone(), to: to.clone() })
}

/// The version below which nothing is installed: the highest that a release of the channel says. What a withdrawn release says
/// counts as well: that it may not be installed makes the hole in older ones no smaller.
pub fn security_floor<'a>(releases: &'a Releases, product: &Name, channel: &Name) -> Option<&'a ReleaseVersion> {
    let of_channel = |custom: &&ReleaseCustom| custom.product == *product && custom.channels.contains(channel);
    releases.customs().filter(of_channel).filter_map(|custom| custom.security_floor.as_ref()).max()
}

/// Why a release is not even weighed.
pub(super) fn is_out_of_question(facts: &Facts<'_>, candidate: &Candidate) -> Option<String> {
    let custom = &candidate.custom;
    if custom.product != *facts.product {
        return Some(format!("is a release of {}, not of {}", custom.product, facts.product));
    }
    if facts.installed.is_some_and(|installed| custom.version <= *installed) {
        return Some(not_newer(facts, &custom.version));
    }
    if let Some(reason) = forbids(facts, custom) {
        return Some(reason);
    }
    if let Wish::Named { version, .. } = &facts.wish {
        return (custom.version != *version).then(|| "is not the one that was asked for".to_owned());
    }
    (!custom.channels.contains(&facts.policy.channel))
        .then(|| format!("is not in the channel {}", facts.policy.channel))
}

/// Where what is installed must go back to.
pub(super) fn recalled_back(facts: &Facts<'_>) -> Option<Recalled> {
    let recalled = recall(facts.releases, facts.product, facts.installed?)?;
    (recalled.to < recalled.from).then_some(recalled)
}

/// Going back loses what was written since, so it is never done on the vendor's word alone.
fn not_newer(facts: &Facts<'_>, version: &ReleaseVersion) -> String {
    match recalled_back(facts).filter(|recalled| recalled.to == *version) {
        Some(Recalled { from, .. }) => format!(
            "is older than what is installed, and the vendor recalls {from} to it: nothing goes back by itself, see 'surefoot status'"
        ),
        None => "is not newer than what is installed".to_owned(),
    }
}

/// What no person on this side can overrule.
pub(super) fn forbids(facts: &Facts<'_>, custom: &ReleaseCustom) -> Option<String> {
    if let Some(reason) = &custom.withdrawn {
        return Some(format!("was withdrawn by the vendor: {reason}"));
    }
    if let Some(Recalled { to, .. }) = recall(facts.releases, facts.product, &custom.version) {
        return Some(format!("is recalled by the vendor: who has it goes to {to}"));
    }
    if let Some(platforms) = custom.platforms.as_ref().filter(|platforms| !platforms.has(facts.platform)) {
        return Some(format!("is for {platforms}, and this machine is {}", facts.platform));
    }
    let floor = security_floor(facts.releases, facts.product, &facts.policy.channel)?;
    (custom.version < *floor).then(|| format!("has a known hole: the vendor lets nothing in below {floor}"))
}

/// What cannot be believed, where it could have been meant for this installation.
pub(super) fn refused(facts: &Facts<'_>) -> Vec<Finding> {
    let meant = facts.releases.refused.iter().filter(|refused| is_meant(facts, refused));
    meant
        .map(|refused| Finding { version: refused.name.clone(), says: format!("is refused: {}", refused.reason) })
        .collect()
}

fn is_meant(facts: &Facts<'_>, refused: &Refused) -> bool {
    if refused.custom.as_ref().is_some_and(|custom| custom.product != *facts.product) {
        return false;
    }
    match (&facts.wish, facts.installed, &refused.version) {
        (Wish::Named { version, .. }, _, Some(of)) => version == of,
        (Wish::Poll | Wish::Newest { .. }, Some(installed), Some(version)) => {
            let recall = refused.custom.as_ref().and_then(|custom| custom.recall.as_ref());
            version >= installed || recall.is_some_and(|recall| recall.from().contains(installed))
        }
        (Wish::Poll | Wish::Newest { .. }, None, Some(_)) | (_, _, None) => true,
    }
}
