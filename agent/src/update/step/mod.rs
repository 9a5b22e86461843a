//! The steps. Each file holds an apply and its revert, side by side. A revert succeeds whether its apply ran, ran half, ran
//! twice or never ran, and leaves what was there before.

pub mod activate;
pub mod adopt;
pub mod backup;
pub mod fetch;
pub mod migrate;
pub mod prepare;
pub mod probe;
pub mod release;
pub mod reserve;
pub mod restore;
pub mod stage;
pub mod start;
pub mod stop;

use std::path::PathBuf;

use manifest_schema::path::Name;

use super::Walk;
use crate::durable;
use crate::exit::Exit;
use crate::host::ServiceError;
use crate::host::guard::GuardError;
use crate::host::vendor::VendorError;
use crate::plan::Step;
use crate::source::SourceError;
use crate::store::StoreError;
use crate::unpack::UnpackError;

/// Why a step, or its revert, did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] durable::Error),
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The artifact.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The vendor's own code.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// A service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The door.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A database.
    #[error("database {database}")]
    Store {
        /// The profile's name for it.
        database: Name,
        /// What happened.
        source: Box<StoreError>,
    },
    /// A database that neither release knows.
    #[error("neither release's profile has a database {0}")]
    NoDatabase(Name),
    /// A backup that is not there, or cannot be read.
    #[error("the backup cannot be used: {0}")]
    Backup(String),
    /// There is not enough room, and nothing was stopped.
    #[error("there is no room for {what}: {} has {} free, {} are needed", place.display(), mebibytes(*free), mebibytes(*needed))]
    Room {
        /// For what.
        what: &'static str,
        /// A directory of the file system.
        place: PathBuf,
        /// Bytes.
        free: u64,
        /// Bytes.
        needed: u64,
    },
    /// The application does not stand.
    #[error("{0}")]
    Unhealthy(String),
    /// The journal could not be written in the middle of a step.
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
    /// The plan asks for what is not here any more.
    #[error("{0}")]
    Missing(String),
}

impl StepError {
    /// Whether the cause may be gone by itself in a while: a database server that is starting, or away.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Store { source, .. } if matches!(**source, StoreError::Unreachable { .. }))
    }
}

/// A size in a sentence.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// How an update ends whose step failed before the old release was stopped. What comes later is put back, whatever it was.
pub(super) fn cause(step: &Step, error: &StepError) -> Exit {
    match step {
        Step::Fetch { .. } | Step::Stage { .. } => match error {
            StepError::Source(error) => of_source(error),
            StepError::Unpack(UnpackError::Damaged { .. } | UnpackError::Archive { .. } | UnpackError::Refused(_)) => {
                Exit::NotTrusted
            }
            StepError::Unpack(UnpackError::Read { .. } | UnpackError::Write(_)) => Exit::Refused,
            StepError::Disk(_)
            | StepError::Vendor(_)
            | StepError::Service(_)
            | StepError::Guard(_)
            | StepError::Store { .. }
            | StepError::NoDatabase(_)
            | StepError::Backup(_)
            | StepError::Room { .. }
            | StepError::Unhealthy(_)
            | StepError::Journal(_)
            | StepError::Missing(_) => Exit::Refused,
        },
        Step::Prepare { .. } | Step::Backup { .. } | Step::Reserve { .. } => Exit::Refused,
        Step::Adopt
        | Step::Release
        | Step::Stop
        | Step::Migrate { .. }
        | Step::Restore { .. }
        | Step::Activate
        | Step::Start
        | Step::Probe => Exit::RolledBack,
    }
}

/// The artifact did not come, or what came is not it: a block that is wrong stops the transfer.
fn of_source(error: &SourceError) -> Exit {
    match error {
        SourceError::Stopped { .. }
        | SourceError::Unusable { .. }
        | SourceError::TooLarge { .. }
        | SourceError::Unsafe { .. } => Exit::NotTrusted,
        SourceError::Unreachable { .. }
        | SourceError::NotFound { .. }
        | SourceError::Refused { .. }
        | SourceError::Denied { .. }
        | SourceError::RateLimited { .. }
        | SourceError::Broken { .. }
        | SourceError::Process { .. } => Exit::Unreachable,
        SourceError::Local { .. } => Exit::Refused,
    }
}

/// Applies a step.
pub(super) fn apply(walk: &mut Walk<'_, '_>, step: &Step) -> Result<(), StepError> {
    match step {
        Step::Fetch { artifact } => fetch::apply(walk, artifact),
        Step::Stage { artifact } => stage::apply(walk, artifact),
        Step::Prepare { hook } => prepare::apply(walk, hook.as_ref()),
        Step::Adopt => adopt::apply(walk),
        Step::Release => release::apply(walk),
        Step::Reserve { reserves } => reserve::apply(walk, reserves),
        Step::Stop => stop::apply(walk),
        Step::Backup { files, databases } => backup::apply(walk, *files, databases),
        Step::Migrate { steps } => migrate::apply(walk, steps),
        Step::Restore { of, databases } => restore::apply(walk, *of, databases),
        Step::Activate => activate::apply(walk),
        Step::Start => start::apply(walk),
        Step::Probe => probe::apply(walk),
    }
}

/// Reverts a step that was begun. `applied` says whether it had come to its end.
pub(super) fn revert(walk: &mut Walk<'_, '_>, step: &Step, applied: bool) -> Result<(), StepError> {
    match step {
        Step::Fetch { artifact } => fetch::revert(walk, artifact),
        Step::Stage { .. } => stage::revert(walk),
        Step::Prepare { .. } => prepare::revert(walk),
        Step::Adopt => adopt::revert(walk),
        Step::Release => release::revert(walk),
        Step::Reserve { .. } => reserve::revert(walk),
        Step::Stop => stop::revert(walk),
        Step::Backup { files, databases } => backup::revert(walk, *files, databases),
        Step::Migrate { .. } => migrate::revert(walk, applied),
        Step::Restore { databases, .. } => restore::revert(walk, databases, applied),
        Step::Activate => activate::revert(walk),
        Step::Start => start::revert(walk),
        Step::Probe => probe::revert(walk),
    }
}
