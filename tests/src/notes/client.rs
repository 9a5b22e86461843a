//! The client: a configuration, an agent with its daemon, and the application's own port.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let client = Self { root: directory.join("client"), directory: directory.join("srv/notes"), port, daemon: None };
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
        Ok(std::fs::write(self.root.join("etc/surefoot/notes.toml"), text)?)
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

    /// Starts the daemon and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.root.join("daemon.log"))?;
        let child = self.command(&["daemon"])?.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        self.daemon = Some(child);
        let socket = self.root.join("run/surefoot/api.sock");
        wait(Duration::from_secs(60), || std::os::unix::net::UnixStream::connect(&socket).is_ok())
            .with_context(|| format!("the daemon does not answer: {}", self.log()))
    }

    /// What the daemon has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.root.join("daemon.log")).unwrap_or_default()
    }

    /// Kills the daemon, and with it its worker, at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Runs `surefoot` and answers what it said.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn surefoot(&self, arguments: &[&str]) -> anyhow::Result<Answer> {
        let output = self.command(arguments)?.stdin(Stdio::null()).output()?;
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// A `surefoot` command of this client.
    ///
    /// # Errors
    /// Never; room for a client elsewhere.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(self.program());
        command.arg("--root").arg(&self.root).args(arguments).current_dir("/");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ok(command)
    }

    /// Asks the application.
    ///
    /// # Errors
    /// When it does not answer with 200.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.contains(" 200 "), "{head}");
        Ok(body.to_owned())
    }

    /// Writes a note.
    ///
    /// # Errors
    /// When the application does not take it.
    pub fn note(&self, text: &str) -> anyhow::Result<()> {
        self.ask("POST", "/notes", text).map(drop)
    }

    /// How many notes the application has.
    ///
    /// # Errors
    /// When it does not say.
    pub fn notes(&self) -> anyhow::Result<u64> {
        Ok(self.ask("GET", "/notes", "")?.parse()?)
    }

    /// The version that serves.
    ///
    /// # Errors
    /// When nothing does.
    pub fn version(&self) -> anyhow::Result<String> {
        let answer: serde_json::Value = serde_json::from_str(&self.ask("GET", "/health", "")?)?;
        Ok(answer["version"].as_str().unwrap_or_default().to_owned())
    }

    /// The database, opened to be looked at.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn database(&self) -> anyhow::Result<rusqlite::Connection> {
        Ok(rusqlite::Connection::open(self.shared().join("data/notes.sqlite3"))?)
    }
}

impl Answer {
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
