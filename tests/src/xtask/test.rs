//! `cargo xtask test`: everything that must hold. It installs what it lacks, builds once, and runs all that there is; where
//! something cannot run it fails and says why.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

use super::faults::seed;
use super::{advisories, demo, fuzz, lint, packages, reproducible, tools};
use crate::{machine, scenario};

/// Runs the checks; `quick` leaves out those on the real machine.
///
/// # Errors
/// With the first check that does not hold.
pub fn test(quick: bool) -> anyhow::Result<()> {
    let start = Instant::now();
    packages::ensure(packages::TESTS)?;
    tools::ensure()?;
    stage("building", || {
        cargo(&["build", "--workspace", "--all-targets"]).and_then(|()| build_faults()).and_then(|()| build_tough())
    })?;
    if !quick {
        stage("building the package", tools::build_deb)?;
        stage("building the package as a stranger", reproducible::as_tested)?;
        stage("building the test machine", || {
            machine::Image::ensure()?;
            scenario::updated().map(drop)
        })?;
    }
    stage("checking the code", lint::lint)?;
    stage("testing", || nextest(quick))?;
    if !quick {
        stage("fuzzing for a moment", fuzz::smoke)?;
    }
    stage("trying the demo", demo::demo)?;
    // At the end, where it is seen what could not be looked up.
    stage("looking up advisories", advisories::advisories)?;
    eprintln!("xtask: everything holds, after {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn nextest(quick: bool) -> anyhow::Result<()> {
    let mut arguments = vec!["nextest", "run", "--workspace", "--no-fail-fast"];
    if std::env::var_os("CI").is_some() {
        arguments.extend(["--profile", "ci"]);
    }
    if quick {
        // The tests on the real machine are those in files named so: see tests/tests/.
        arguments.extend(["-E", "not binary(/machine/)"]);
    }
    let mut command = cargo_command(&arguments);
    eprintln!("xtask: {}", seed::for_tests(&mut command));
    run(&mut command)
}

fn stage(name: &str, act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let start = Instant::now();
    eprintln!("xtask: {name} …");
    act().with_context(|| name.to_owned())?;
    eprintln!("xtask: {name}: done in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Builds the agent's program with the places where a test can stop it, beside the others and with none of them changed. Tests that
/// use it call this as well: it is not among what a test run builds by itself, and an old one would prove nothing.
///
/// # Errors
/// When it does not build; cargo has then said why.
pub fn build_faults() -> anyhow::Result<()> {
    cargo(&["build", "--quiet", "--package=surefoot", "--features=faults", "--bin=surefoot-faults"])
}

/// Builds what asks tough for its opinion: a workspace of its own, which tests build no more than the agent with its faults.
///
/// # Errors
/// As [`build_faults`].
pub fn build_tough() -> anyhow::Result<()> {
    let place = ["--manifest-path=tests/tough/Cargo.toml", "--target-dir=target/tough"];
    cargo(&[&["build", "--quiet", "--locked"], &place[..]].concat())
}

/// Runs cargo in the workspace.
pub(super) fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    run(&mut cargo_command(arguments))
}

/// The same cargo that runs this, as a shell would run it: what cargo tells a program about the package it is of is taken out of
/// the environment. Build scripts (ring's) look at it, and whoever builds with another one builds half of the dependencies
/// anew, in the middle of tests that use what is built.
pub(super) fn cargo_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_a_package)) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// Whether a variable is one that cargo sets for the programs it runs (The Cargo Book, "Environment Variables").
fn is_of_a_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|start| name.starts_with(start))
}

/// Runs a command in the workspace's directory; what it says is for whoever watches.
pub(super) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.current_dir(workspace()).status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// The workspace's directory.
pub(super) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in a workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cargo sets the variables for this test.
    #[test]
    fn a_cargo_that_is_run_from_a_test_builds_what_one_from_a_shell_builds() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo runs this test");
        let command = cargo_command(&["build"]);
        let removed: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(removed.contains(&"CARGO_MANIFEST_DIR".as_ref()), "{removed:?}");
        assert!(removed.contains(&"CARGO_PKG_NAME".as_ref()), "{removed:?}");
        assert!(!removed.contains(&"CARGO_HOME".as_ref()) && !removed.contains(&"CARGO".as_ref()), "{removed:?}");
    }
}
