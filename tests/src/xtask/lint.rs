//! What is checked without running anything of ours: form, lints, dependencies, shell scripts, units.
//!
//! All checks run, and all that failed are named at the end: whoever mends one wants to know of the others.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::test::{cargo, run, workspace};
use super::{named_tests, packages};

/// For shellcheck(1) and systemd-analyze(1).
const PACKAGES: &[&str] = &["git", "shellcheck", "systemd"];

/// The services, and how exposed each may be: ten times the figure of `systemd-analyze security`.
///
/// Under systemd 252 the agent stands at 3.0, the fetch process at 1.1 and the guard at 0.7; other versions count a little
/// differently. What the agent lacks is what it is for: to be root (0.4), loopback (0.5 and 0.3), the owners of the
/// application's files (0.2 and 0.3), its processes (0.3). What the fetch process lacks is the network. See the units.
const SERVICES: [(&str, &str); 3] =
    [("surefoot.service", "30"), ("surefoot-fetch@.service", "15"), ("surefoot-guard.service", "10")];

/// The other units; `systemd-analyze` does not count how exposed these are.
const SOCKETS: [&str; 1] = ["surefoot-fetch.socket"];

/// One of the checks.
type Check = fn() -> Result<()>;

/// Runs all of it.
///
/// # Errors
/// With the names of the checks that failed; each has said what it found.
pub fn lint() -> Result<()> {
    packages::ensure(PACKAGES)?;
    let checks: [(&str, Check); 6] = [
        ("format", format),
        ("clippy", clippy),
        ("dependencies", dependencies),
        ("shell scripts", shell_scripts),
        ("units", units),
        ("named tests", named_tests::check),
    ];
    let failed: Vec<&str> =
        checks.into_iter().filter(|(name, check)| !passes(name, *check)).map(|(name, _)| name).collect();
    ensure!(failed.is_empty(), "not as it should be: {}", failed.join(", "));
    Ok(())
}

fn passes(name: &str, check: Check) -> bool {
    eprintln!("lint: {name}");
    let outcome = check();
    if let Err(error) = &outcome {
        eprintln!("lint: {name}: {error:#}");
    }
    outcome.is_ok()
}

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])
}

fn clippy() -> Result<()> {
    cargo(&["clippy", "--quiet", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// Without `advisories`: see there.
fn dependencies() -> Result<()> {
    // Workspaces of their own, with locks of their own. The oracle's is in nothing that is passed on, so that only its sources count.
    let workspaces: [(&str, &[&str]); 3] = [
        ("Cargo.toml", &["bans", "licenses", "sources"]),
        ("fuzz/Cargo.toml", &["bans", "licenses", "sources"]),
        ("tests/tough/Cargo.toml", &["sources"]),
    ];
    workspaces.iter().try_for_each(|(manifest, checks)| {
        let options =
            ["deny", "--manifest-path", manifest, "--locked", "--log-level", "error", "--config", "deny.toml", "check"];
        cargo(&[&options[..], checks].concat())
    })
}

fn shell_scripts() -> Result<()> {
    let mut git = Command::new("git");
    let tracked = output(git.args(["ls-files", "-z"]).current_dir(workspace()))?;
    tracked.split_terminator('\0').try_for_each(|path| match Shell::of(&workspace().join(path)) {
        Shell::Named => run(Command::new("shellcheck").args(["--", path])),
        // Read by a shell that is named elsewhere.
        Shell::Unnamed => run(Command::new("shellcheck").args(["--shell=sh", "--", path])),
        Shell::None => Ok(()),
    })
}

/// Whether a file is a shell script, and says for which shell.
enum Shell {
    Named,
    Unnamed,
    None,
}

impl Shell {
    fn of(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_default();
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match String::from_utf8_lossy(first).strip_prefix("#!") {
            Some(program) if program.ends_with("sh") => Self::Named,
            None if path.extension().is_some_and(|extension| extension == "sh") => Self::Unnamed,
            Some(_) | None => Self::None,
        }
    }
}

fn units() -> Result<()> {
    let elsewhere = tempfile::tempdir().context("cannot make a temporary directory")?;
    let unit = |name: &str| workspace().join("systemd/system").join(name);
    SERVICES.iter().try_for_each(|(name, threshold)| {
        verify(&unit(name), &elsewhere.path().join(name))?;
        security(&unit(name), threshold)
    })?;
    // Each beside the services that it starts.
    SOCKETS.iter().try_for_each(|name| verify(&unit(name), &elsewhere.path().join(name)))
}

/// systemd-analyze wants the program to be there, which it is not where the package is not installed. Keys that it does not
/// know are only warnings to systemd, and errors here.
fn verify(unit: &Path, copy: &Path) -> Result<()> {
    let text = std::fs::read_to_string(unit).with_context(|| format!("cannot read {}", unit.display()))?;
    let text = text.replace("ExecStart=/usr/bin/surefoot", "ExecStart=/bin/true");
    std::fs::write(copy, text).with_context(|| format!("cannot write {}", copy.display()))?;
    run(Command::new("systemd-analyze").args(["verify", "--man=no", "--recursive-errors=no"]).arg(copy))
}

fn security(unit: &Path, threshold: &str) -> Result<()> {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", "--threshold", threshold]).arg(unit);
    output(&mut analyze).map(drop)
}

/// Runs a program whose output is wanted here, and shown only when it fails.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}:\n{text}{complaints}", output.status);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_in_a_unit_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let (unit, copy) = (directory.path().join("misspelt.service"), directory.path().join("copy.service"));
        let text = std::fs::read_to_string(workspace().join("systemd/system/surefoot.service")).unwrap();
        std::fs::write(&unit, &text).unwrap();
        verify(&unit, &copy).unwrap();
        std::fs::write(&unit, text.replace("ProtectClock=", "ProtectClocks=")).unwrap();
        assert!(verify(&unit, &copy).is_err());
    }

    #[test]
    fn a_unit_that_is_too_exposed_is_found() {
        let unit = workspace().join("systemd/system/surefoot.service");
        security(&unit, "30").unwrap();
        assert!(security(&unit, "10").is_err());
    }

    #[test]
    fn scripts_are_known_by_their_first_line_or_their_name() {
        let of = |path: &str| Shell::of(&workspace().join(path));
        assert!(matches!(of(".ci/run"), Shell::Named));
        assert!(matches!(of("tests/src/machine/launch.sh"), Shell::Unnamed));
        assert!(matches!(of("Cargo.toml"), Shell::None));
        shell_scripts().unwrap();
    }
}
