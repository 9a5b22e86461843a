//! The service manager `command`: the vendor's own commands start and stop a service, a file holds its process id. For
//! machines without systemd, and for the demo.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use manifest_schema::profile::Service;
use rustix::process::{Pid, Signal, kill_process};

use super::child::{Child, ChildError, User};
use super::process;
use super::services::{Observed, ServiceError, Services};
use crate::program;

/// How long a start or stop command may take.
const LIMIT: Duration = Duration::from_secs(90);
/// How long a process may live on after its stop command, before it is killed.
const MERCY: Duration = Duration::from_secs(10);

/// Runs the vendor's commands in the application's directory.
#[derive(Debug)]
pub struct Commands {
    /// The directory that the configuration names.
    pub directory: PathBuf,
    /// As whom they run.
    pub user: Option<User>,
    /// Where a started service's output goes.
    pub log: PathBuf,
}

impl Services for Commands {
    fn start(&mut self, service: &Service) -> Result<(), ServiceError> {
        if self.observe(service)?.running {
            return Ok(());
        }
        let log = self.log.join(format!("service-{}.log", service.name));
        let options = ["--session".as_ref(), "--log".as_ref(), log.as_os_str()];
        self.run("start", service, &service.start, &options).map_err(|error| in_its_own_words(error, &log))?;
        let pid = wait(|| self.observe(service).ok().filter(|observed| observed.running));
        pid.map(drop).ok_or_else(|| ServiceError::NotRunning {
            service: service.name.to_string(),
            words: "its pid file names no running process".to_owned(),
        })
    }

    fn stop(&mut self, service: &Service) -> Result<(), ServiceError> {
        let Some(pid) = self.pid(service)? else { return Ok(()) };
        let stopped = self.run("stop", service, &service.stop, &[]);
        if wait(|| (!process::is_alive(pid)).then_some(())).is_some() {
            return Ok(());
        }
        if let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(process, Signal::KILL);
        }
        match wait(|| (!process::is_alive(pid)).then_some(())) {
            Some(()) => Ok(()),
            None => stopped.and(Err(ServiceError::StillRunning { service: service.name.to_string(), pid })),
        }
    }

    fn observe(&mut self, service: &Service) -> Result<Observed, ServiceError> {
        let pid = self.pid(service)?;
        Ok(Observed {
            running: pid.is_some(),
            pid,
            life: pid.and_then(process::life),
            words: pid.map_or("no process".to_owned(), |pid| format!("process {pid}")),
        })
    }
}

impl Commands {
    /// The running process that the pid file names. A stale number is nobody.
    fn pid(&self, service: &Service) -> Result<Option<u32>, ServiceError> {
        let Some(file) = &service.pid_file else { return Err(incomplete(service, "pid_file")) };
        let path = self.directory.join(file);
        match process::read_pid_file(&path) {
            Ok(pid) => Ok(pid.filter(|pid| process::is_alive(*pid) && self.is_ours(*pid))),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(source) => Err(ServiceError::PidFile { path, source }),
        }
    }

    /// The file is the application's: what it names must be a process of the same user before root ends it. After a reboot the
    /// number may be anybody's.
    fn is_ours(&self, pid: u32) -> bool {
        self.user.as_ref().is_none_or(|user| process::user_of(pid) == Some(user.uid))
    }

    fn run(
        &self,
        act: &'static str,
        service: &Service,
        argv: &[String],
        options: &[&std::ffi::OsStr],
    ) -> Result<(), ServiceError> {
        if argv.is_empty() {
            return Err(incomplete(service, act));
        }
        Child::new(program::own(), LIMIT)
            .named(&argv[0])
            .args(["internal", "exec"])
            .args(options)
            .args(["--"])
            .args(argv)
            .directory(Path::new(&self.directory))
            .user(self.user.as_ref())
            .run_well()
            .map(drop)
            .map_err(|source| ServiceError::Command { act, service: service.name.to_string(), source })
    }
}

/// What a service said when it did not start is in its log, not in the answer of the program that started it.
fn in_its_own_words(error: ServiceError, log: &Path) -> ServiceError {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    match (error, said.trim_end().lines().next_back()) {
        (ServiceError::Command { act, service, source: ChildError::Failed { program, status, .. } }, Some(last)) => {
            let source = ChildError::Failed { program, status, last_words: last.to_owned() };
            ServiceError::Command { act, service, source }
        }
        (error, _) => error,
    }
}

fn incomplete(service: &Service, what: &'static str) -> ServiceError {
    ServiceError::Incomplete { service: service.name.to_string(), what }
}

/// Asks again until there is an answer or mercy ends.
fn wait<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + MERCY;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
