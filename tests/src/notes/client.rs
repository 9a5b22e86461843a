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
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
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

    /// The daemon's process id.
    pub fn daemon(&self) -> Option<u32> {
        self.daemon.as_ref().map(Child::id)
    }

    /// Tells the daemon to end, as systemd does, and waits until it has.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let mut child = self.daemon.take().context("no daemon runs")?;
        send(child.id(), Signal::TERM)?;
        let status = child.wait()?;
        ensure!(status.success(), "the daemon ended with {status}: {}", self.log());
        Ok(())
    }

    /// Kills the daemon's worker at once; the daemon lives on.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_worker(&self) -> anyhow::Result<()> {
        let daemon = self.daemon().context("no daemon runs")?;
        let worker = children(daemon).into_iter().next().context("the daemon has no worker")?;
        send(worker, Signal::KILL)
    }

    /// Lets the daemon's schedule be due, or not be due for a day: what counts is when it looked last.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn looked_last(&self, at: jiff::Timestamp) -> anyhow::Result<()> {
        let path = self.state().join("last-check.json");
        std::fs::create_dir_all(self.state())?;
        std::fs::write(path, format!(r#"{{"at":"{at}","exit":"ok","message":"","expires":null,"waiting":null}}"#))?;
        give_to_nobody(&self.root)
    }

    /// What the agent remembers of the instance.
    pub fn state(&self) -> PathBuf {
        self.root.join("var/lib/surefoot/notes")
    }

    /// Where the releases lie.
    pub fn releases(&self) -> PathBuf {
        PathBuf::from(format!("{}.surefoot/releases", self.directory.display()))
    }

    /// The versions that lie there, in the order of their names; a half-made one is called `X.Y.Z.pending`.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn kept_releases(&self) -> anyhow::Result<Vec<String>> {
        names(&self.releases())
    }

    /// Artifacts that are left over on their way here.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn fetched(&self) -> anyhow::Result<Vec<String>> {
        names(&self.state().join("fetch"))
    }

    /// The history, as `surefoot history --json` has it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn history(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        Ok(serde_json::from_str(&self.surefoot(&["history", "--json"])?.well()?.out)?)
    }

    /// `act version status` of each line of the history, such as `update 1.1.0 completed`.
    ///
    /// # Errors
    /// As [`Self::history`].
    pub fn story(&self) -> anyhow::Result<Vec<String>> {
        let word = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let line =
            |row: &serde_json::Value| format!("{} {} {}", word(row, "act"), word(row, "version"), word(row, "status"));
        Ok(self.history()?.iter().map(line).collect())
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

fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process id")?;
    Ok(kill_process(pid, signal)?)
}

/// The processes that `parent` started and that still run, as proc(5) shows them.
fn children(parent: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn names(directory: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| directory.display().to_string()),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
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
