//! The client: a configuration, an agent with its daemon, and the application's own port.

mod application;
mod daemon;
mod left;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::program;

/// A client's machine in a directory.
pub struct Client {
    root: PathBuf,
    directory: PathBuf,
    port: u16,
    daemon: Option<Child>,
    environment: Vec<(String, String)>,
}

/// What a command of the client said, and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Client {
    /// A client below `directory` that follows `source`, with `more` appended to its configuration.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(directory: &Path, source: &str, root: &Path, more: &str) -> anyhow::Result<Self> {
        let port = free_port()?;
        let client = Self {
            root: directory.join("client"),
            directory: directory.join("srv/notes"),
            port,
            daemon: None,
            environment: Vec::new(),
        };
        std::fs::create_dir_all(client.root.join("etc/surefoot"))?;
        std::fs::create_dir_all(client.shared().join("data"))?;
        std::fs::write(client.shared().join("data/settings.txt"), port.to_string())?;
        std::fs::copy(root, client.root.join("etc/surefoot/notes.root.json")).context("the vendor's root.json")?;
        std::fs::copy(program("surefoot")?, client.program()).context("the agent's program")?;
        client.configure(source, more)?;
        give_to_nobody(&client.root)?;
        give_to_nobody(&directory.join("srv"))?;
        Ok(client)
    }

    /// A copy of the agent's program where the client's user can run it.
    fn program(&self) -> PathBuf {
        self.root.join("surefoot")
    }

    /// Runs the agent with this in its environment from now on.
    pub fn set_environment(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Gives a file or a tree to the user that the agent runs as.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn give_to_its_user(&self, path: &Path) -> anyhow::Result<()> {
        give_to_nobody(path)
    }

    /// Writes the configuration anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, source: &str, more: &str) -> anyhow::Result<()> {
        let text = format!(
            "product = \"notes\"\ndirectory = \"{}\"\nsource = \"{source}\"\nservice_manager = \"command\"\n{more}\n\
             [checks.web]\nurl = \"http://127.0.0.1:{}/health\"\n",
            self.directory.display(),
            self.port
        );
        Ok(std::fs::write(self.configuration(), text)?)
    }

    /// The file of its configuration.
    pub fn configuration(&self) -> PathBuf {
        self.root.join("etc/surefoot/notes.toml")
    }

    /// Where the agent keeps its files.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The application's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What survives an update.
    pub fn shared(&self) -> PathBuf {
        PathBuf::from(format!("{}.surefoot/shared", self.directory.display()))
    }

    /// Runs `surefoot` and answers what it said.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn surefoot(&self, arguments: &[&str]) -> anyhow::Result<Answer> {
        Answer::of(&mut self.command(arguments)?)
    }

    /// Runs `surefoot` as another user of the machine than the one that the agent belongs to.
    ///
    /// # Errors
    /// When this process is not root: nobody else can become another user.
    pub fn surefoot_as_stranger(&self, arguments: &[&str]) -> anyhow::Result<Answer> {
        ensure!(is_root(), "only root can run a command as another user: run this test as root");
        let mut command = self.command(arguments)?;
        Answer::of(command.uid(STRANGER).gid(STRANGER))
    }

    /// A `surefoot` command of this client.
    ///
    /// # Errors
    /// Never; room for a client elsewhere.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(self.program());
        command.arg("--root").arg(&self.root).args(arguments).current_dir("/");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ok(command)
    }
}

impl Answer {
    fn of(command: &mut Command) -> anyhow::Result<Self> {
        let output = command.stdin(Stdio::null()).output()?;
        Ok(Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Insists on an exit code, and on words in what was said.
    ///
    /// # Errors
    /// With all that was said.
    pub fn says(self, code: i32, words: &str) -> anyhow::Result<Self> {
        let right = self.code == code && format!("{}{}", self.out, self.err).contains(words);
        ensure!(right, "expected {code} and {words:?}, got exit code {}\n{}{}", self.code, self.out, self.err);
        Ok(self)
    }

    /// Insists on success.
    ///
    /// # Errors
    /// With all that was said.
    pub fn well(self) -> anyhow::Result<Self> {
        ensure!(self.code == 0, "exit code {}\n{}{}", self.code, self.out, self.err);
        Ok(self)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.kill();
        let pid = std::fs::read_to_string(self.shared().join("data/notes.pid")).unwrap_or_default();
        if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Waits for a condition.
///
/// # Errors
/// When it does not come true in time.
pub fn wait(limit: Duration, mut condition: impl FnMut() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            bail!("nothing within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Root plays the client as the user `nobody`: an agent that is not root is what these worlds are about.
const NOBODY: u32 = 65534;
/// Somebody else: no user of this number needs to exist.
const STRANGER: u32 = 54321;

/// A port for the application, from below the range that the kernel hands out (`ip_local_port_range`, ip(7)): while the
/// application is stopped, any connection of another test could else be given its port.
fn free_port() -> anyhow::Result<u16> {
    let seed = std::process::id().wrapping_mul(7919) % 10_000;
    let candidates = (0..10_000).map(|step| 20_000 + (seed + step) % 10_000);
    let free = candidates
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.context("no port is free on loopback")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn give_to_nobody(path: &Path) -> anyhow::Result<()> {
    if !is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY))?;
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_to_nobody(&entry?.path())?;
        }
    }
    Ok(())
}
