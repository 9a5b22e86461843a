//! What a decision is: a verdict, and how it came about.

use manifest_schema::manifest::Severity;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use super::Recalled;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This release goes in now.
    Apply {
        /// Which.
        version: ReleaseVersion,
        /// Why: `critical`, `recall of X.Y.Z`, `automatic`, `approved by NAME`, or who asked.
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
    /// What cannot be believed, and could have been meant for this installation: also in the trace.
    pub refused: Vec<Finding>,
    /// That what is installed must not stay, where that leads back: only a person does it.
    pub recalled: Option<Recalled>,
}

/// What one rule says of one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The release.
    pub version: String,
    /// The rule's word on it.
    pub says: String,
}
