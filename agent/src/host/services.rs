//! Service managers: start, stop, look. A trait because what a service manager does is what a test machine cannot own.

use std::path::PathBuf;

use manifest_schema::profile::Service;

use super::child::ChildError;

/// Starts and stops the services of one instance.
pub trait Services {
    /// Starts a service and returns when its manager says that it runs. That it runs already is fine.
    ///
    /// # Errors
    /// When it does not come up.
    fn start(&mut self, service: &Service) -> Result<(), ServiceError>;

    /// Stops a service and returns when none of its processes is left. That it does not run is fine.
    ///
    /// # Errors
    /// When it does not go down.
    fn stop(&mut self, service: &Service) -> Result<(), ServiceError>;

    /// Looks at a service.
    ///
    /// # Errors
    /// When the manager does not answer.
    fn observe(&mut self, service: &Service) -> Result<Observed, ServiceError>;
}

/// A service at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Whether it runs, not merely starts or stops.
    pub running: bool,
    /// Its main process.
    pub pid: Option<u32>,
    /// What tells this run of the service from the one before and the next, whoever started them; `None` where nobody can tell.
    pub life: Option<String>,
    /// The manager's own words, such as `failed (exit-code)`.
    pub words: String,
}

/// Why a service is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The manager's command failed.
    #[error("cannot {act} service {service}")]
    Command {
        /// `start`, `stop` or `look at`.
        act: &'static str,
        /// The service or unit.
        service: String,
        /// What its command said.
        source: ChildError,
    },
    /// It is not running although its start succeeded.
    #[error("service {service} does not run: {words}")]
    NotRunning {
        /// The service or unit.
        service: String,
        /// The manager's own words.
        words: String,
    },
    /// It still runs although its stop succeeded.
    #[error("service {service} still runs as process {pid}")]
    StillRunning {
        /// The service or unit.
        service: String,
        /// Its main process.
        pid: u32,
    },
    /// It runs, but it is not the new release.
    #[error("service {service} runs, but not the new release: {reason}")]
    OldProcess {
        /// The service or unit.
        service: String,
        /// What gives it away.
        reason: String,
    },
    /// The profile does not say what this manager needs to know.
    #[error("service {service} has no {what} in the application's profile, which this machine's service manager needs")]
    Incomplete {
        /// The service.
        service: String,
        /// The profile's key.
        what: &'static str,
    },
    /// Its process id cannot be read.
    #[error("cannot read {}", path.display())]
    PidFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
