//! Whose fault it is that a step failed: the release's, this machine's, or the agent's. Pure.
//!
//! What failed is judged first by itself ([`of`]), then by what was the matter around it ([`excuse`]).
//!
//! Only a release's own fault is remembered as bad. So what a release cannot help (a full disk, a database server that went
//! away) must not count against it, and what it can help must not hide behind the machine.

use std::ffi::OsStr;
use std::path::Path;

use crate::host::ServiceError;
use crate::host::child::ChildError;
use crate::host::vendor::VendorError;
use crate::journal::Blame;
use crate::plan::Step;
use crate::source::SourceError;
use crate::store::StoreError;
use crate::unpack::UnpackError;
use crate::update::StepError;

/// The class of a step's failure, by the step and its cause alone.
pub fn of(step: &Step, error: &StepError) -> Blame {
    match error {
        StepError::Disk(_) | StepError::Guard(_) | StepError::Backup(_) | StepError::Room { .. } => Blame::Environment,
        StepError::Source(error) => of_source(error),
        StepError::Unpack(error) => of_unpack(error),
        StepError::Vendor(error) => of_vendor(error),
        StepError::Service(error) => of_service(step, error),
        StepError::Store { source, .. } => of_store(step, source),
        StepError::Unhealthy(_) => Blame::Release,
        StepError::NoDatabase(_) | StepError::Journal(_) => Blame::Agent,
        StepError::Missing(_) => of_missing(step),
    }
}

/// What the source sends is the network's, until it is bytes that nobody signed: those were published like that.
fn of_source(error: &SourceError) -> Blame {
    match error {
        SourceError::Stopped { .. } => Blame::Release,
        SourceError::Unreachable { .. }
        | SourceError::NotFound { .. }
        | SourceError::Refused { .. }
        | SourceError::Denied { .. }
        | SourceError::RateLimited { .. }
        | SourceError::TooLarge { .. }
        | SourceError::Broken { .. }
        | SourceError::Unsafe { .. }
        | SourceError::Unusable { .. }
        | SourceError::Local { .. } => Blame::Environment,
        SourceError::Process { .. } => Blame::Agent,
    }
}

/// Each block was checked when it came: one that is wrong now has changed on this machine's disk. An archive whose blocks are
/// right and whose content is not what the manifest lists was signed like that.
fn of_unpack(error: &UnpackError) -> Blame {
    match error {
        UnpackError::Archive { .. } | UnpackError::Refused(_) => Blame::Release,
        UnpackError::Read { .. } | UnpackError::Damaged { .. } | UnpackError::Write(_) => Blame::Environment,
    }
}

fn of_vendor(error: &VendorError) -> Blame {
    match error {
        VendorError::Run { source, .. } => of_child(source),
        VendorError::Write { .. } => Blame::Environment,
    }
}

/// A program that ran and did not come to a good end has itself to blame; one that could not even be started, or heard, has
/// not. (What the vendor's command is missing in its own release shows as an exit status of whoever was to run it.)
fn of_child(error: &ChildError) -> Blame {
    match error {
        ChildError::Failed { program, status, last_words }
            if has_lost_its_server(program, status.code()) || has_no_room(last_words) =>
        {
            Blame::Environment
        }
        ChildError::Failed { .. } | ChildError::TimedOut { .. } => Blame::Release,
        ChildError::Start { .. } | ChildError::Pipe { .. } => Blame::Environment,
    }
}

/// psql(1), "Exit Status": 2 where the connection went bad, 3 where the script did.
fn has_lost_its_server(program: &Path, status: Option<i32>) -> bool {
    program.file_name() == Some(OsStr::new("psql")) && status == Some(2)
}

/// What `ENOSPC` and `EDQUOT` are called in the language that every child is given (strerror(3)).
fn has_no_room(last_words: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|words| last_words.contains(words))
}

/// What was the matter with the machine while a step failed, as sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// A database server does not answer now, or was started anew meanwhile.
    pub database: Option<String>,
    /// The service manager does not answer.
    pub manager: Option<String>,
    /// The kernel has killed processes to get memory back.
    pub memory: Option<String>,
}

/// Whether what was the matter with the machine may excuse a failure that looks like the release's.
pub fn may_be_excused(step: &Step, error: &StepError) -> bool {
    of(step, error) == Blame::Release && (runs_a_command(step) || runs_the_services(step))
}

/// The excuse of a failure for which [`may_be_excused`] holds. Without its database nothing of a release works. A command that
/// fails when memory runs out was the kernel's choice, not its own; but a service that does not stand for want of memory does
/// not stand on this machine, and is not to be tried again as if nothing had been.
pub fn excuse<'a>(step: &Step, around: &'a Around) -> Option<&'a str> {
    let manager = around.manager.as_ref().filter(|_| runs_the_services(step));
    let memory = around.memory.as_ref().filter(|_| runs_a_command(step));
    around.database.as_ref().or(manager).or(memory).map(String::as_str)
}

fn runs_a_command(step: &Step) -> bool {
    match step {
        Step::Prepare { .. } | Step::Migrate { .. } => true,
        Step::Fetch { .. }
        | Step::Stage { .. }
        | Step::Adopt
        | Step::Release
        | Step::Reserve { .. }
        | Step::Stop
        | Step::Backup { .. }
        | Step::Restore { .. }
        | Step::Activate
        | Step::Start
        | Step::Probe => false,
    }
}

fn runs_the_services(step: &Step) -> bool {
    match step {
        Step::Start | Step::Probe => true,
        Step::Fetch { .. }
        | Step::Stage { .. }
        | Step::Prepare { .. }
        | Step::Adopt
        | Step::Release
        | Step::Reserve { .. }
        | Step::Stop
        | Step::Backup { .. }
        | Step::Migrate { .. }
        | Step::Restore { .. }
        | Step::Activate => false,
    }
}

/// Only Start has to do with the new release's services; a service of the old one that does not stop is not its fault.
fn of_service(step: &Step, error: &ServiceError) -> Blame {
    let of_the_old = !runs_the_services(step);
    match error {
        // Preflight has looked whether the profile says everything.
        ServiceError::Incomplete { .. } => Blame::Agent,
        ServiceError::StillRunning { .. } | ServiceError::PidFile { .. } => Blame::Environment,
        ServiceError::Command { .. } | ServiceError::NotRunning { .. } | ServiceError::OldProcess { .. }
            if of_the_old =>
        {
            Blame::Environment
        }
        ServiceError::Command { source, .. } => of_child(source),
        ServiceError::NotRunning { .. } | ServiceError::OldProcess { .. } => Blame::Release,
    }
}

/// What the agent itself does with a database needs a server, a disk and rights, and nothing of the release; but a migration
/// step that its kind of database cannot run was published like that.
fn of_store(step: &Step, error: &StoreError) -> Blame {
    match error {
        StoreError::NotPossible { .. } if matches!(step, Step::Migrate { .. }) => Blame::Release,
        StoreError::Answer { .. } => Blame::Agent,
        StoreError::NotPossible { .. }
        | StoreError::Settings { .. }
        | StoreError::SettingsSyntax { .. }
        | StoreError::NoSetting { .. }
        | StoreError::Url { .. }
        | StoreError::Unreachable { .. }
        | StoreError::WrongPassword { .. }
        | StoreError::NotAdmitted { .. }
        | StoreError::UnknownDatabase { .. }
        | StoreError::NoTool { .. }
        | StoreError::ToolTooOld { .. }
        | StoreError::InUse { .. }
        | StoreError::CalledOff { .. }
        | StoreError::NoRoom { .. }
        | StoreError::Refused { .. }
        | StoreError::Tool { .. }
        | StoreError::Sqlite { .. }
        | StoreError::Damaged { .. }
        | StoreError::Io { .. }
        | StoreError::Durable { .. }
        | StoreError::Vendor { .. } => Blame::Environment,
    }
}

/// What a step did not find: an artifact that did not come, what an admin put in the way of an adoption, a unit file that the
/// release's own build has changed since it was unpacked. Elsewhere the plan is wrong.
fn of_missing(step: &Step) -> Blame {
    match step {
        Step::Activate => Blame::Release,
        Step::Fetch { .. } | Step::Adopt | Step::Release => Blame::Environment,
        Step::Stage { .. }
        | Step::Prepare { .. }
        | Step::Reserve { .. }
        | Step::Stop
        | Step::Backup { .. }
        | Step::Migrate { .. }
        | Step::Restore { .. }
        | Step::Start
        | Step::Probe => Blame::Agent,
    }
}

#[cfg(test)]
mod tests;
