//! A PostgreSQL cluster that trusts its disk: `fsync` is on, as everything else is as it comes.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::command::run;
use super::place;
use crate::machine::wait_until;

/// The application's database. Its role has the same name.
pub(super) const DATABASE: &str = "ledger";

/// What a small cluster needs. None of it touches what is durable.
const SETTINGS: [&str; 4] = ["shared_buffers=16MB", "max_connections=40", "max_wal_size=64MB", "min_wal_size=2MB"];

/// A running server.
pub(super) struct Cluster {
    postmaster: Child,
}

impl Cluster {
    /// Makes the cluster with an empty database of the application's.
    pub(super) fn make() -> anyhow::Result<()> {
        let (uid, gid) = owner()?;
        let data = place::cluster();
        fs::create_dir_all(&data)?;
        chown(&data, Some(uid), Some(gid))?;
        let mut initdb = server_program("initdb")?;
        initdb.args(["--wal-segsize=1", "--no-locale", "--encoding=UTF8", "--auth-local=peer"]);
        run(initdb.args(["--auth-host=scram-sha-256", "--pgdata"]).arg(&data))?;
        let cluster = Self::start()?;
        query("postgres", "create role ledger login password 'secret';")?;
        query("postgres", "create database ledger owner ledger;")?;
        cluster.stop()
    }

    /// Starts the server and waits until it has recovered and serves.
    pub(super) fn start() -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(log())?;
        let mut command = server_program("postgres")?;
        command.arg("-D").arg(place::cluster()).arg("-k").arg(place::socket());
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let postmaster = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut cluster = Self { postmaster };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let mut ended = None;
        wait_until("the database server serves", Duration::from_secs(60), || {
            ended = self.postmaster.try_wait().ok().flatten();
            ended.is_some() || is_ready()
        });
        ensure!(ended.is_none(), "the database server does not start: {}", fs::read_to_string(log())?);
        Ok(())
    }

    /// Shuts the server down in good order.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        // SIGINT: sessions are ended (manual, "Shutting Down the Server").
        kill_process(Pid::from_child(&self.postmaster), Signal::INT)?;
        let status = self.postmaster.wait()?;
        ensure!(status.success(), "the database server ended with {status}: {}", fs::read_to_string(log())?);
        Ok(())
    }
}

/// What the server says of itself.
pub(super) fn log() -> PathBuf {
    place::scratch().join("postgres.log")
}

fn is_ready() -> bool {
    let mut command = match server_program("pg_isready") {
        Ok(command) => command,
        Err(_) => return false,
    };
    command.arg("-q").arg("-h").arg(place::socket()).status().is_ok_and(|status| status.success())
}

/// Runs SQL as the ruler of the server; answers its rows, a line each, columns apart by `|`.
pub(super) fn query(database: &str, sql: &str) -> anyhow::Result<String> {
    let mut psql = server_program("psql")?;
    psql.args(["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-d", database, "-h"]);
    run(psql.arg(place::socket()).args(["-c", sql]))
}

/// A program of the server's package, run as the server's user.
fn server_program(name: &str) -> anyhow::Result<Command> {
    let versions = fs::read_dir("/usr/lib/postgresql").context("the package postgresql is missing")?;
    let mut paths: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin").join(name)).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    let path = paths.pop().with_context(|| format!("{name} of the package postgresql is missing"))?;
    let (uid, gid) = owner()?;
    let mut command = Command::new(path);
    command.uid(uid).gid(gid).current_dir("/").stdin(Stdio::null()).env_clear().env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// The user that Debian's package runs the server as.
fn owner() -> anyhow::Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> = line.context("the user postgres (package postgresql) is missing")?.split(':').collect();
    Ok((fields[2].parse()?, fields[3].parse()?))
}
