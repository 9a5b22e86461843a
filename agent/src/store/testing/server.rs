//! A PostgreSQL server for the tests alone: its own data, port and socket, gone when the last test that uses it ends.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::super::User;
use super::PASSWORD;
use crate::durable;
use crate::host::child::{Child, Input};

/// A running server.
pub(crate) struct Server {
    process: Mutex<std::process::Child>,
    pub(crate) port: u16,
    /// Whose process it is and which role rules it.
    owner: User,
    dir: TempDir,
}

impl Server {
    /// The server that all tests share which run at this time.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *shared = Arc::downgrade(&server);
        server
    }

    /// Makes a cluster and starts it.
    pub(crate) fn start() -> Self {
        let owner = owner();
        let dir = tempfile::tempdir().unwrap();
        durable::make_dir(&dir.path().join("socket"), 0o755).unwrap();
        durable::give_tree(dir.path(), owner.owner()).unwrap();
        // Others must reach the socket.
        rustix::fs::chmod(dir.path(), rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        let data = dir.path().join("data");
        Child::new(program("initdb"), Duration::from_secs(120))
            .user(Some(&owner))
            .args(["--pgdata", data.to_str().unwrap(), "--username", &owner.name, "--no-sync", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--auth-local=peer", "--auth-host=scram-sha-256"])
            .run_well()
            .unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Mutex::new(Self::spawn(&dir, port, &owner));
        let server = Self { process, port, owner, dir };
        server.wait_until_ready();
        server
    }

    fn spawn(dir: &TempDir, port: u16, owner: &User) -> std::process::Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.path().join("log")).unwrap();
        let mut command = Command::new(program("postgres"));
        command
            .args(["-D", dir.path().join("data").to_str().unwrap(), "-p", &port.to_string()])
            .args(["-k", dir.path().join("socket").to_str().unwrap(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "fsync=off", "-c", "max_connections=200", "-c", "max_prepared_transactions=10"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid).gid(owner.gid);
        }
        command.spawn().unwrap()
    }

    fn process(&self) -> MutexGuard<'_, std::process::Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let arguments = ["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()];
        while Child::new(program("pg_isready"), Duration::from_secs(10)).args(arguments).run_well().is_err() {
            let ended = self.process().try_wait().unwrap();
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "the server does not start: {}", log());
        }
    }

    /// Stops it, sessions and all (SIGINT: a fast shutdown; manual, "Shutting Down the Server").
    pub(crate) fn stop(&self) {
        let mut process = self.process();
        let _ = kill_process(Pid::from_child(&process), Signal::INT);
        let _ = process.wait();
    }

    /// Starts it again.
    pub(crate) fn run(&self) {
        *self.process() = Self::spawn(&self.dir, self.port, &self.owner);
        self.wait_until_ready();
    }

    /// Runs SQL as the ruler of the server.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let socket = self.dir.path().join("socket");
        let child = self.psql(socket.to_str().unwrap(), &self.owner.name, database).user(Some(&self.owner));
        child.input(Input::Reader(&mut sql.as_bytes())).run_well().unwrap().out.text()
    }

    /// Runs SQL as a role with the tests' password.
    pub(crate) fn sql_as(&self, role: &str, database: &str, sql: &str) -> String {
        let child = self.psql("127.0.0.1", role, database).env("PGPASSWORD", PASSWORD);
        child.input(Input::Reader(&mut sql.as_bytes())).run_well().unwrap().out.text()
    }

    /// The same, where the session may well be ended from outside.
    pub(crate) fn try_sql_as(&self, role: &str, database: &str, sql: &str) {
        let child = self.psql("127.0.0.1", role, database).env("PGPASSWORD", PASSWORD);
        let _ = child.input(Input::Reader(&mut sql.as_bytes())).run_well();
    }

    /// A session of a role that stays until the value is dropped.
    pub(crate) fn linger(&self, role: &str, database: &str, called: &str, sql: &str) -> Lingering {
        self.session(role, database, called, &["-c", sql], "active")
    }

    /// A session that does nothing until the value is dropped.
    pub(crate) fn idle(&self, role: &str, database: &str, called: &str) -> Lingering {
        self.session(role, database, called, &[], "idle")
    }

    fn session(&self, role: &str, database: &str, called: &str, arguments: &[&str], state: &str) -> Lingering {
        let process = Command::new(program("psql"))
            .args(["-X", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", role, "-d", database])
            .args(arguments)
            .envs([("PGPASSWORD", PASSWORD), ("PGAPPNAME", called)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lingering = Lingering(process);
        let there =
            format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{called}' AND state = '{state}';");
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.sql("postgres", &there).trim() != "1" {
            assert!(Instant::now() < deadline, "the session {called} does not begin");
        }
        lingering
    }

    fn psql<'c>(&self, host: &str, role: &str, database: &str) -> Child<'c> {
        Child::new(program("psql"), Duration::from_secs(60))
            .args(["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .args(["-h", host, "-p", &self.port.to_string(), "-U", role, "-d", database])
    }

    /// Where the server keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A client that works until it is ended.
pub(crate) struct Lingering(std::process::Child);

impl Lingering {
    /// Waits for it to be ended by the server.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As root the packages' own user, since a server refuses to run as root; otherwise oneself.
fn owner() -> User {
    let me = rustix::process::geteuid();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let user = |line: &str| -> Option<User> {
        let fields: Vec<&str> = line.split(':').collect();
        Some(User {
            name: fields.first()?.to_string(),
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
        })
    };
    let meant = |user: &User| if me.is_root() { user.name == "postgres" } else { user.uid == me.as_raw() };
    passwd.lines().filter_map(user).find(meant).expect("the user postgres (package postgresql) for tests as root")
}

/// A program of the server's package; the newest version there is.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("the package postgresql for the tests");
    let mut paths: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin").join(name)).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.pop().unwrap_or_else(|| panic!("{name} of the package postgresql is missing"))
}
