//! Services that a test owns: each is a process that sleeps in the directory of its release, so that what is asked of real
//! processes can be asked of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use manifest_schema::profile::Service;

use super::data;
use crate::fault;
use crate::host::child::ChildError;
use crate::host::{Observed, ServiceError, Services};

/// The running services of one application.
pub(crate) struct Processes {
    directory: PathBuf,
    running: BTreeMap<String, Child>,
    /// Rows that the application wrote, with the version that wrote them.
    pub(crate) written: Vec<(String, String)>,
    /// What was done, in order.
    pub(crate) log: Vec<String>,
    /// An act that fails, such as `start web`, and how often.
    pub(crate) fails: Option<(&'static str, u32)>,
}

impl Processes {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            running: BTreeMap::new(),
            written: Vec::new(),
            log: Vec::new(),
            fails: None,
        }
    }

    /// Where each running service works.
    pub(crate) fn places(&self) -> BTreeMap<String, PathBuf> {
        let place = |child: &Child| std::fs::read_link(format!("/proc/{}/cwd", child.id())).unwrap();
        self.running.iter().map(|(name, child)| (name.clone(), place(child))).collect()
    }

    /// Starts one in a directory, as a service manager does by itself.
    pub(crate) fn spawn(&mut self, name: &str, directory: &Path) {
        let mut command = Command::new("sleep");
        command.arg("1000").current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running.insert(name.to_owned(), command.spawn().unwrap());
    }

    /// All processes are gone, as after a power cut.
    pub(crate) fn kill_all(&mut self) {
        for child in self.running.values_mut() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.running.clear();
    }

    /// The application writes until its last moment, and nothing of that may be lost.
    fn last_words(&mut self, name: &str) {
        let place = &self.places()[name];
        let Ok(version) = std::fs::read_to_string(place.join("VERSION")) else { return };
        let row = format!("{name} of {} {}", version.trim(), self.written.len());
        if data::write(&self.directory.join("data/app.db"), &row) {
            self.written.push((version.trim().to_owned(), row));
        }
    }

    fn act(&mut self, act: &'static str, service: &Service) -> Result<(), ServiceError> {
        let entry = format!("{act} {}", service.name);
        let refused = |source| ServiceError::Command {
            act,
            service: service.name.to_string(),
            source: ChildError::Start { program: "service".into(), source },
        };
        if let Some((_, left)) = self.fails.as_mut().filter(|(fails, left)| *fails == entry && *left > 0) {
            *left -= 1;
            return Err(refused(std::io::Error::other("it does not want to")));
        }
        self.log.push(entry);
        fault::point("ask the service manager").map_err(refused)
    }
}

impl Services for Processes {
    fn start(&mut self, service: &Service) -> Result<(), ServiceError> {
        if !self.running.contains_key(service.name.as_str()) {
            let directory = self.directory.clone();
            self.spawn(service.name.as_str(), &directory);
        }
        self.act("start", service)
    }

    fn stop(&mut self, service: &Service) -> Result<(), ServiceError> {
        if self.running.contains_key(service.name.as_str()) {
            self.last_words(service.name.as_str());
        }
        if let Some(mut child) = self.running.remove(service.name.as_str()) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.act("stop", service)
    }

    fn observe(&mut self, service: &Service) -> Result<Observed, ServiceError> {
        let pid = self.running.get(service.name.as_str()).map(Child::id);
        Ok(Observed { running: pid.is_some(), pid, restarts: 0, words: "as the test has it".to_owned() })
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.kill_all();
    }
}
