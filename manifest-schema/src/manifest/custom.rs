//! What the vendor decides about a release: the `custom` member of the target `vX.Y.Z/manifest.json`, signed by the targets
//! role. It may change while the release stays as it is, so it is no part of the manifest.
//!
//! Each release is read by itself here. What holds among several (a recall leads to a release that exists) is for whoever has
//! them all. Members that are not known are tolerated; what is known must be right.

use serde::{Deserialize, Deserializer, Serialize};

use super::Severity;
use super::rollout::Rollout;
use crate::path::Name;
use crate::version::ReleaseVersion;

/// What the agent decides on without reading a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseCustom {
    /// The application.
    pub product: Name,
    /// The release's version.
    pub version: ReleaseVersion,
    /// The channels that carry it, such as `stable`.
    pub channels: Vec<Name>,
    /// How much it matters.
    pub severity: Severity,
    /// When it was released.
    pub released_at: jiff::Timestamp,
    /// A machine below this version goes through the releases between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_version: Option<ReleaseVersion>,
    /// Whether going back from it is possible at all.
    pub rollback_supported: bool,
    /// Whether it introduces migration steps.
    pub database_migration: bool,
    /// The machines that it is for; all, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub platforms: Option<Platforms>,
    /// Which installations it goes to, and when; to all at once, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub rollout: Option<Rollout>,
    /// Why nobody may install it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// Where those go who have what must not stay.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub recall: Option<Recall>,
    /// Since this release, what is below this version has a known hole and is not installed any more.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub security_floor: Option<ReleaseVersion>,
}

/// Reads what is there. It is left out or it is right: `null` could be meant either way.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl ReleaseCustom {
    /// Why this release's recall leads nowhere among `all` releases, as the rest of a sentence; nothing where it has none, or leads
    /// somewhere.
    pub fn lost_recall<'a>(&self, all: impl Iterator<Item = &'a Self> + Clone) -> Option<String> {
        let to = self.recall.as_ref()?.to();
        let mut others = all.filter(|other| other.product == self.product);
        let is_recalled = |other: &Self| other.recall.as_ref().is_some_and(|recall| recall.from().contains(to));
        match others.clone().find(|other| other.version == *to) {
            None => Some(format!("it recalls to {to}, and there is no such release")),
            Some(goal) if goal.withdrawn.is_some() => Some(format!("it recalls to {to}, which is withdrawn itself")),
            Some(_) if others.any(is_recalled) => Some(format!("it recalls to {to}, which is recalled itself")),
            Some(_) => None,
        }
    }
}

/// The machines that a release is for, such as `linux-x86_64`: never none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Platforms(Vec<String>);

impl Platforms {
    /// Whether `platform` is one of them.
    #[must_use]
    pub fn has(&self, platform: &str) -> bool {
        self.0.iter().any(|one| one == platform)
    }
}

impl std::fmt::Display for Platforms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl TryFrom<Vec<String>> for Platforms {
    type Error = PlatformsError;

    fn try_from(names: Vec<String>) -> Result<Self, PlatformsError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let is_one = |name: &&String| (1..=40).contains(&name.len()) && name.chars().all(legal);
        match names.iter().find(|name| !is_one(name)) {
            Some(name) => Err(PlatformsError::NotOne(name.chars().take(80).collect())),
            None if names.is_empty() => Err(PlatformsError::Empty),
            None => Ok(Self(names)),
        }
    }
}

/// Why a list is not one of platforms.
#[derive(Debug, thiserror::Error)]
pub enum PlatformsError {
    /// A release for no machine at all.
    #[error("`platforms` is empty: leave it out for all of them")]
    Empty,
    /// A name that is none.
    #[error("{0:?} is not a platform such as linux-x86_64")]
    NotOne(String),
}

/// A recall: those who have one of `from` go to `to`. The versions are named one by one, so that none is caught by accident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AnyRecall")]
pub struct Recall {
    to: ReleaseVersion,
    from: Vec<ReleaseVersion>,
}

#[derive(Deserialize)]
#[serde(expecting = "a recall")]
struct AnyRecall {
    to: ReleaseVersion,
    from: Vec<ReleaseVersion>,
}

impl Recall {
    /// A recall of `from`.
    ///
    /// # Errors
    /// When it recalls nothing, or leads back to what it recalls.
    pub fn new(to: ReleaseVersion, from: Vec<ReleaseVersion>) -> Result<Self, RecallError> {
        if from.is_empty() {
            return Err(RecallError::Nothing);
        }
        if from.contains(&to) {
            return Err(RecallError::ToItself(to));
        }
        Ok(Self { to, from })
    }

    /// Where they go.
    #[must_use]
    pub const fn to(&self) -> &ReleaseVersion {
        &self.to
    }

    /// The versions that must not stay.
    #[must_use]
    pub fn from(&self) -> &[ReleaseVersion] {
        &self.from
    }
}

impl TryFrom<AnyRecall> for Recall {
    type Error = RecallError;

    fn try_from(AnyRecall { to, from }: AnyRecall) -> Result<Self, RecallError> {
        Self::new(to, from)
    }
}

/// Why something is not a recall.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// No version in `from`.
    #[error("a recall names no version that it recalls")]
    Nothing,
    /// `to` is in `from`.
    #[error("{0} is recalled to itself")]
    ToItself(ReleaseVersion),
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn with(member: &str, value: Value) -> Result<ReleaseCustom, String> {
        let mut custom = json!({
            "product": "kkt", "version": "1.1.0", "channels": ["stable"], "severity": "minor",
            "released_at": "2026-01-10T12:00:00Z", "rollback_supported": true, "database_migration": false,
        });
        custom[member] = value;
        serde_json::from_value(custom).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_known_is_tolerated_and_what_is_not_said_is_not_written() {
        let plain = with("mood", json!(["good"])).unwrap();
        let written = serde_json::to_value(&plain).unwrap();
        for absent in ["platforms", "rollout", "withdrawn", "recall", "security_floor", "minimum_version", "mood"] {
            assert!(written.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn what_is_said_survives_a_round_trip() {
        for (member, value) in [
            ("platforms", json!(["linux-x86_64", "linux-aarch64"])),
            ("rollout", json!({ "salt": "s", "waves": [{ "start": "2026-12-01T03:00:00Z", "percent": 10 }] })),
            ("recall", json!({ "to": "1.1.1", "from": ["1.1.0", "1.0.9"] })),
            ("security_floor", json!("1.0.7")),
        ] {
            let custom = with(member, value.clone()).unwrap();
            assert_eq!(serde_json::to_value(custom).unwrap()[member], value);
        }
    }

    #[test]
    fn a_recall_to_itself_or_of_nothing_is_refused() {
        for (recall, reason) in [
            (json!({ "to": "1.1.0", "from": ["1.0.9", "1.1.0"] }), "1.1.0 is recalled to itself"),
            (json!({ "to": "1.1.1", "from": [] }), "names no version"),
            (json!({ "to": "1.1.1" }), "missing field `from`"),
            (json!({ "from": ["1.1.0"] }), "missing field `to`"),
            (json!({ "to": "newest", "from": ["1.1.0"] }), "\"newest\" is not a version"),
            (json!("1.1.1"), "invalid type"),
        ] {
            let refused = with("recall", recall).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn a_list_of_platforms_names_some() {
        for (platforms, reason) in [
            (json!([]), "leave it out"),
            (json!([""]), "not a platform"),
            (json!(["Linux x86"]), "\"Linux x86\" is not a platform"),
            (json!("linux-x86_64"), "invalid type"),
            (json!([7]), "invalid type"),
        ] {
            let refused = with("platforms", platforms).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn a_floor_is_a_version() {
        for floor in [json!("high"), json!("1.0"), json!("v1.0.0"), json!(1)] {
            with("security_floor", floor).unwrap_err();
        }
    }

    #[test]
    fn null_says_nothing_and_is_refused() {
        for member in ["platforms", "rollout", "recall", "security_floor"] {
            with(member, Value::Null).unwrap_err();
        }
    }
}
