//! What a plan is made of: one step, and what a step names.

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, Format};
use manifest_schema::migration::MigrationStep;
use manifest_schema::path::Name;
use manifest_schema::profile::Command;
use serde::{Deserialize, Serialize};

use super::space::Reserve;
use crate::store::Way;

/// One step. See the module of the same name below [`crate::update::step`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Step {
    /// The artifact is here, each block checked.
    Fetch {
        /// Which one.
        artifact: ArtifactRef,
    },
    /// Its files are unpacked beside the running release.
    Stage {
        /// Which one.
        artifact: ArtifactRef,
    },
    /// The vendor's build has run in it.
    Prepare {
        /// The build, if there is one.
        hook: Option<Command>,
    },
    /// A plain directory has become a link to the first release, or the reverse.
    Adopt,
    /// A managed directory has become plain.
    Release,
    /// Room is set aside for what happens until the application serves again, and for the way back.
    Reserve {
        /// How much, and where.
        reserves: Vec<Reserve>,
    },
    /// Nothing of the application runs or starts.
    Stop,
    /// Copies exist of what could be lost.
    Backup {
        /// Whether configuration and uploads are among them.
        files: bool,
        /// The databases among them, and how each is copied.
        databases: Vec<DatabaseBackup>,
    },
    /// The databases have the release's schema.
    Migrate {
        /// What is run, in this order.
        steps: Vec<MigrationStep>,
    },
    /// The databases are those that another update's backup holds.
    Restore {
        /// The update that made the backup.
        of: u32,
        /// Which databases.
        databases: Vec<Name>,
    },
    /// The link and the unit files are the release's.
    Activate,
    /// Its services run.
    Start,
    /// It has stood the test.
    Probe,
}

impl Step {
    /// The glossary's word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "fetch",
            Self::Stage { .. } => "stage",
            Self::Prepare { .. } => "prepare",
            Self::Adopt => "adopt",
            Self::Release => "release",
            Self::Reserve { .. } => "reserve",
            Self::Stop => "stop",
            Self::Backup { .. } => "backup",
            Self::Migrate { .. } => "migrate",
            Self::Restore { .. } => "restore",
            Self::Activate => "activate",
            Self::Start => "start",
            Self::Probe => "probe",
        }
    }

    /// What it does, for a person who watches.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "downloading",
            Self::Stage { .. } => "unpacking",
            Self::Prepare { .. } => "preparing",
            Self::Adopt => "adopting the directory",
            Self::Release => "giving the directory back",
            Self::Reserve { .. } => "setting room aside",
            Self::Stop => "stopping services",
            Self::Backup { .. } => "creating backup",
            Self::Migrate { .. } => "applying migrations",
            Self::Restore { .. } => "bringing the backup back",
            Self::Activate => "installing",
            Self::Start => "starting services",
            Self::Probe => "health checks",
        }
    }
}

/// How one database is backed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseBackup {
    /// Which one.
    pub database: Name,
    /// How.
    pub way: Way,
}

/// An artifact as the journal names it; its block hashes stay in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// File name.
    pub name: String,
    /// How it is packed.
    pub format: Format,
    /// Bytes.
    pub length: u64,
    /// The hash of the whole.
    pub sha256: Sha256,
}

impl From<&Artifact> for ArtifactRef {
    fn from(artifact: &Artifact) -> Self {
        Self { name: artifact.name.clone(), format: artifact.format, length: artifact.length, sha256: artifact.sha256 }
    }
}
