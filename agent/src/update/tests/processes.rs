//! Services that a test owns: each is a thread that waits in the directory of its release. What is asked of processes can be
//! asked of them: proc(5) shows a thread as it shows a process, and starting one takes no time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use manifest_schema::profile::Service;
use nix::sched::{CloneFlags, unshare};

use super::data;
use crate::fault;
use crate::host::child::ChildError;
use crate::host::{Observed, ServiceError, Services};

/// A service: it works in a directory until its end is dropped.
struct Running {
    pid: u32,
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(directory: &Path) -> Self {
        let directory = directory.to_owned();
        let (tell, told) = channel();
        let (end, ended) = channel::<()>();
        let work = move || {
            // The working directory is this thread's alone from here on (unshare(2)).
            unshare(CloneFlags::CLONE_FS).unwrap();
            std::env::set_current_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
            tell.send(rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()).unwrap();
            // It never comes: the other side is dropped.
            let _ = ended.recv();
        };
        let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(work).unwrap();
        Self { pid: told.recv().expect("its directory is there"), end, thread }
    }

    fn kill(self) {
        drop(self.end);
        self.thread.join().unwrap();
    }
}

/// The running services of one application.
pub(crate) struct Processes {
    directory: PathBuf,
    running: BTreeMap<String, Running>,
    /// Rows that the application wrote, with the version that wrote them.
    pub(crate) written: Vec<(String, String)>,
    /// What was done, in order.
    pub(crate) log: Vec<String>,
    /// A service that dies and is started again by somebody just before it is looked at for the n-th time from now on.
    pub(crate) dies: Option<(&'static str, u32)>,
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
            dies: None,
            fails: None,
        }
    }

    /// Where each running service works.
    pub(crate) fn places(&self) -> BTreeMap<String, PathBuf> {
        let place = |service: &Running| std::fs::read_link(format!("/proc/{}/cwd", service.pid)).unwrap();
        self.running.iter().map(|(name, service)| (name.clone(), place(service))).collect()
    }

    /// Starts one in a directory, as a service manager does by itself.
    pub(crate) fn spawn(&mut self, name: &str, directory: &Path) {
        self.running.insert(name.to_owned(), Running::start(directory));
    }

    /// One ends and is started again, as a service manager does by itself.
    pub(crate) fn start_again(&mut self, name: &str) {
        let place = self.places()[name].clone();
        self.running.remove(name).unwrap().kill();
        self.spawn(name, &place);
    }

    /// All processes are gone, as after a power cut.
    pub(crate) fn kill_all(&mut self) {
        std::mem::take(&mut self.running).into_values().for_each(Running::kill);
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
        if let Some(running) = self.running.remove(service.name.as_str()) {
            running.kill();
        }
        self.act("stop", service)
    }

    fn observe(&mut self, service: &Service) -> Result<Observed, ServiceError> {
        if let Some((_, left)) = self.dies.as_mut().filter(|(dies, _)| *dies == service.name.as_str()) {
            *left -= 1;
            if *left == 0 {
                self.dies = None;
                self.start_again(service.name.as_str());
            }
        }
        let pid = self.running.get(service.name.as_str()).map(|running| running.pid);
        let life = pid.map(|pid| format!("process {pid}"));
        Ok(Observed { running: pid.is_some(), pid, life, words: "as the test has it".to_owned() })
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.kill_all();
    }
}
