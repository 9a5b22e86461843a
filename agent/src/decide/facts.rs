//! What a decision rests on.

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::ReleaseCustom;
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;

use super::{Approval, Setback};
use crate::config::Policy;

/// A release that signed metadata names.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What the vendor says of it.
    pub custom: ReleaseCustom,
    /// The hash of its manifest.
    pub manifest: Sha256,
}

/// A release that signed metadata names in a way that cannot be right. Nothing is installed on its account, and no other
/// release suffers by it.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Where it is: its version as its path has it, or the whole path where there is none in it.
    pub name: String,
    /// The version in its path.
    pub version: Option<ReleaseVersion>,
    /// What is wrong, as the rest of a sentence.
    pub reason: String,
    /// What is said of it, where that could be read and is wrong only beside what is said of others.
    pub custom: Option<ReleaseCustom>,
}

/// All that signed metadata names.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    /// What can be decided on.
    pub sound: Vec<Candidate>,
    /// What cannot.
    pub refused: Vec<Refused>,
}

impl Releases {
    /// What the vendor says of each release, of those as well that are refused because of others: a security floor still holds.
    pub(super) fn customs(&self) -> impl Iterator<Item = &ReleaseCustom> {
        let refused = self.refused.iter().filter_map(|refused| refused.custom.as_ref());
        self.sound.iter().map(|candidate| &candidate.custom).chain(refused)
    }
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
    pub releases: &'a Releases,
    /// This installation's id, by which it has its place in rollouts.
    pub installation: &'a str,
    /// What this machine is, such as `linux-x86_64`.
    pub platform: &'a str,
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
