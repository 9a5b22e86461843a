//! Commands of the host that must end well.

use std::process::Command;

use anyhow::{Context, ensure};

/// Runs a command and answers what it wrote to its standard output.
pub(super) fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}{}", output.status, complained.trim());
    Ok(said)
}
