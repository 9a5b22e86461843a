//! What a person or the schedule can ask of the agent: the vocabulary of the local API.

use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

/// A request, and who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who, as the kernel says (SO_PEERCRED), never as the asker says.
    pub by: String,
    /// What.
    pub request: Request,
}

/// What can be asked. Versions and instances only: a path or a command never comes in this way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Finish or undo what a crash left open, in every instance.
    Recover,
    /// What the schedule asks: check every instance, and update where policy says so.
    Poll,
    /// Look for releases, change nothing else.
    Check {
        /// Which instance; the only one where none is named.
        instance: Option<Name>,
    },
    /// Install another release.
    Update {
        /// Which instance.
        instance: Option<Name>,
        /// Which release; the newest where none is named.
        version: Option<ReleaseVersion>,
        /// Even though it failed here before.
        again: bool,
    },
    /// Let a release go in.
    Approve {
        /// Which instance.
        instance: Option<Name>,
        /// Which release.
        version: ReleaseVersion,
    },
    /// Go back to the release before.
    Rollback {
        /// Which instance.
        instance: Option<Name>,
        /// Only say what it would cost.
        dry_run: bool,
        /// Even though the vendor says that the release cannot be rolled back.
        #[serde(default)]
        force: bool,
    },
    /// Install the first release.
    Install {
        /// Which instance.
        instance: Option<Name>,
        /// Which release; the newest where none is named.
        version: Option<ReleaseVersion>,
    },
    /// Manage a directory that is there already.
    Adopt {
        /// Which instance.
        instance: Option<Name>,
        /// Which release it is; read from its `VERSION` where none is named.
        version: Option<ReleaseVersion>,
        /// Only say what would happen.
        dry_run: bool,
    },
    /// Give a managed directory back.
    Release {
        /// Which instance.
        instance: Option<Name>,
    },
    /// Take a stuck update up again.
    Resume {
        /// Which instance.
        instance: Option<Name>,
    },
    /// Leave a stuck update as it is: a person has put things right.
    Abandon {
        /// Which instance.
        instance: Option<Name>,
        /// Only say what it would leave.
        dry_run: bool,
    },
    /// Fetch what a release is.
    Show {
        /// Which instance.
        instance: Option<Name>,
        /// Which release.
        version: ReleaseVersion,
    },
}

impl Request {
    /// The instance that is meant, if one is named.
    pub fn instance(&self) -> Option<&Name> {
        match self {
            Self::Recover | Self::Poll => None,
            Self::Check { instance }
            | Self::Update { instance, .. }
            | Self::Approve { instance, .. }
            | Self::Rollback { instance, .. }
            | Self::Install { instance, .. }
            | Self::Adopt { instance, .. }
            | Self::Release { instance }
            | Self::Resume { instance }
            | Self::Abandon { instance, .. }
            | Self::Show { instance, .. } => instance.as_ref(),
        }
    }
}
