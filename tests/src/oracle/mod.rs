//! python-tuf, the reference implementation of The Update Framework, as a second opinion on repositories in a directory.

pub mod tough;

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

/// What the oracle is made of. Pinned: a new version is a change to look at.
const REQUIREMENTS: [&str; 2] = ["tuf==7.0.1", "securesystemslib[crypto]==1.6.0"];

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/oracle/oracle.py");

/// What an oracle trusts of a repository, or why it refuses it.
pub type Verdict = std::result::Result<Value, String>;

/// What a client of python-tuf makes of a repository that it meets for the first time, with every target.
///
/// # Errors
/// When the oracle cannot be installed, or breaks.
pub fn reads(repository: &Path) -> Result<Verdict> {
    verdict(&oracle(&["read".as_ref(), repository.as_os_str()])?)
}

/// The same of a client that keeps in `state` what it trusted before.
///
/// # Errors
/// When the oracle cannot be installed, or breaks.
pub fn follows(state: &Path, repository: &Path) -> Result<Verdict> {
    verdict(&oracle(&["follow".as_ref(), repository.as_os_str(), state.as_os_str()])?)
}

/// What clients of python-tuf make of repositories in memory: of each line of JSON, as `oracle.py` describes it, a verdict.
///
/// # Errors
/// When the oracle cannot be installed, or breaks.
pub fn judges(cases: &[Value]) -> Result<Vec<Value>> {
    let mut lines = tempfile::tempfile()?;
    for case in cases {
        writeln!(lines, "{case}")?;
    }
    lines.rewind()?;
    let output = Command::new(python()?).arg(ORACLE).arg("judge").stdin(Stdio::from(lines)).output()?;
    ensure!(output.status.success(), "the oracle broke: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    let verdicts: Vec<Value> = said.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>()?;
    ensure!(verdicts.len() == cases.len(), "{} verdicts on {} repositories", verdicts.len(), cases.len());
    Ok(verdicts)
}

/// Lets python-tuf write a repository.
///
/// # Errors
/// When the oracle cannot be installed, or breaks.
pub fn writes(repository: &Path) -> Result<()> {
    let output = oracle(&["write".as_ref(), repository.as_os_str()])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn verdict(output: &Output) -> Result<Verdict> {
    let said = String::from_utf8(output.stdout.clone())?;
    match output.status.code() {
        Some(0) => Ok(Ok(serde_json::from_str(&said)?)),
        Some(3) => Ok(Err(said)),
        _ => bail!("the oracle broke: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn oracle(arguments: &[&std::ffi::OsStr]) -> Result<Output> {
    Ok(Command::new(python()?).arg(ORACLE).args(arguments).output()?)
}

/// The Python that has python-tuf. The first call builds it where the build puts its files; tests of several processes wait for
/// the one that does.
fn python() -> Result<PathBuf> {
    let target = super::notes::programs()?.parent().context("programs lie below target")?.to_owned();
    let venv = target.join("oracle-venv");
    let python = venv.join("bin/python");
    let lock = File::create(target.join("oracle-venv.lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    // Written last, so that an interrupted installation is begun again.
    let complete = venv.join("complete");
    let wanted = REQUIREMENTS.join("\n");
    if !fs::read_to_string(&complete).is_ok_and(|found| found == wanted) {
        install(&venv, &python)?;
        fs::write(complete, wanted)?;
    }
    Ok(python)
}

fn install(venv: &Path, python: &Path) -> Result<()> {
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv).status();
    ensure!(
        made.is_ok_and(|status| status.success()),
        "the oracle needs Python 3.10 or newer with its venv module (Debian: python3-venv)"
    );
    let installed = Command::new(python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(REQUIREMENTS)
        .status();
    ensure!(
        installed.is_ok_and(|status| status.success()),
        "pip could not install {REQUIREMENTS:?}: is there a way to the Python package index?"
    );
    Ok(())
}
