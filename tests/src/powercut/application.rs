//! The application as its machine starts it and as its users see it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::place;
use super::world::APPLICATION;

/// How long it may take to come up on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts it as the machine's service manager does at boot.
pub(super) fn boot() -> anyhow::Result<()> {
    let log = fs::File::options().create(true).append(true).open(place::scratch().join("application.log"))?;
    let (_, id) = APPLICATION;
    let mut command = Command::new(place::application().join("bin/start"));
    command.current_dir(place::application()).uid(id).gid(id).env_clear();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).status()?;
    ensure!(status.success(), "the application's start ended with {status}");
    Ok(())
}

/// Asks for something; answers the status and what was said.
pub(super) fn ask(method: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", 8000))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // In one piece: the application reads once.
    stream.write_all(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

/// Writes a row; answers the version that has it now.
pub(super) fn write(row: &str) -> anyhow::Result<String> {
    match ask("POST", &format!("/rows/{row}"))? {
        (200, version) => Ok(version),
        (status, body) => bail!("{row} was answered with {status}: {body}"),
    }
}

/// The version that serves, when it is well.
pub(super) fn healthy() -> anyhow::Result<String> {
    let (status, body) = ask("GET", "/health")?;
    ensure!(status == 200, "the application is not well: {body}");
    let answer: serde_json::Value = serde_json::from_str(&body)?;
    Ok(answer["version"].as_str().unwrap_or_default().to_owned())
}

/// Waits until it is well; answers its version.
pub(super) fn wait_until_healthy() -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match healthy() {
            Ok(version) => return Ok(version),
            Err(error) if Instant::now() > deadline => {
                let log = fs::read_to_string(place::scratch().join("application.log")).unwrap_or_default();
                return Err(error.context(format!("not well within {PATIENCE:?}: {log}")));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
