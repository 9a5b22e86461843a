//! `cargo xtask advisories`: whether a dependency has a known vulnerability, is no longer looked after, or was withdrawn (yanked).
//!
//! The RustSec database is a git repository on GitHub, and comes by no package registry. Where it cannot be reached, that is said
//! in so many words, and what can be looked up without it is looked up: withdrawn versions, in the index of cargo's registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::test::{cargo_command, workspace};

/// Where cargo-deny gets its database by default (cargo-deny, "db-urls").
const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// About no version of a crate that is not published.
const NOTHING: &str = "```toml\n[advisory]\nid = \"RUSTSEC-1970-0001\"\npackage = \"surefoot\"\ndate = \"1970-01-01\"\n\
                       [versions]\npatched = [\">= 0.0.0\"]\n```\n\n# Nothing\n\nNothing.\n";

/// What could be looked up.
#[derive(Debug, PartialEq, Eq)]
enum LookedUp {
    /// All that is known.
    All,
    /// Withdrawn versions only, and why.
    WithoutDatabase(String),
}

/// Looks up what is known against the dependencies.
///
/// # Errors
/// When something is.
pub fn advisories() -> Result<()> {
    match look_up(DATABASE)? {
        LookedUp::All => eprintln!("advisories: nothing is known against any dependency"),
        LookedUp::WithoutDatabase(reason) => eprintln!(
            "advisories: NOT LOOKED UP: {DATABASE} cannot be reached from here ({reason}). No version that is used was withdrawn; \
             for the rest run `cargo xtask advisories` where GitHub can be reached."
        ),
    }
    Ok(())
}

/// With the database at `origin`, a URL or a path, which need not be there.
fn look_up(origin: &str) -> Result<LookedUp> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    if let Err(reason) = reach(origin) {
        deny(empty(directory.path())?.as_str(), directory.path())?;
        return Ok(LookedUp::WithoutDatabase(reason));
    }
    deny(origin, directory.path())?;
    Ok(LookedUp::All)
}

/// Git's last words if it cannot list the repository.
fn reach(origin: &str) -> Result<(), String> {
    let mut git = Command::new("timeout");
    git.args(["30", "git", "ls-remote", "--heads", origin, "main"]).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    let output = git.output().map_err(|error| error.to_string())?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    Err(complaints.lines().last().unwrap_or("no answer within 30 s").to_owned())
}

/// A database that knows nothing of any crate that there is: cargo-deny does not look for withdrawn versions without one.
fn empty(directory: &Path) -> Result<String> {
    let path = directory.join("empty");
    database(&path, &[("crates/surefoot/RUSTSEC-1970-0001.md", NOTHING)])?;
    Ok(path.display().to_string())
}

/// A git repository in the form of the database, with these files.
fn database(path: &Path, files: &[(&str, &str)]) -> Result<()> {
    for (name, text) in files {
        let file = path.join(name);
        let parent = file.parent().context("a file lies in a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let who = ["-c", "user.name=xtask", "-c", "user.email=xtask@localhost", "-c", "commit.gpgsign=false"];
    let steps =
        [&["init", "--quiet", "--initial-branch=main", "."][..], &["add", "."], &["commit", "--quiet", "-m", "it"]];
    steps.iter().try_for_each(|step| {
        let status = Command::new("git").args(who).args(*step).current_dir(path).status().context("cannot run git")?;
        ensure!(status.success(), "git {step:?} ended with {status}");
        Ok(())
    })
}

/// cargo-deny with the database at `origin`, cloned below `directory`.
fn deny(origin: &str, directory: &Path) -> Result<()> {
    let rules = workspace().join("deny.toml");
    let text = fs::read_to_string(&rules).with_context(|| format!("cannot read {}", rules.display()))?;
    let place = format!("[advisories]\ngit-fetch-with-cli = true\ndb-path = {:?}", directory.join("clone"));
    ensure!(text.contains("\n[advisories]\n"), "{} says nothing about advisories", rules.display());
    let rules = directory.join("deny.toml");
    fs::write(&rules, text.replace("[advisories]", &place))
        .with_context(|| format!("cannot write {}", rules.display()))?;
    let mut command = cargo_command(&["deny", "--locked", "--log-level", "error", "--config"]);
    command.arg(&rules).args(["check", "advisories"]).current_dir(workspace());
    // The origin is a form of the address that cargo-deny takes only from git's own settings when it is a path.
    let settings = [(format!("url.{origin}.insteadOf"), DATABASE), ("safe.directory".to_owned(), "*")];
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (number, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key).env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADVISORY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2026-9999\"\npackage = \"serde_json\"\ndate = \"2026-01-01\"\n\
        [versions]\npatched = [\">= 99.0.0\"]\n```\n\n# It is only a test\n\nIt says so.\n";

    #[test]
    fn an_advisory_against_a_dependency_is_found() {
        let directory = tempfile::tempdir().unwrap();
        database(directory.path(), &[("crates/serde_json/RUSTSEC-2026-9999.md", ADVISORY)]).unwrap();
        let said = look_up(directory.path().to_str().unwrap()).unwrap_err().to_string();
        assert!(said.contains("RUSTSEC-2026-9999") && said.contains("serde_json"), "{said}");
    }

    #[test]
    fn a_database_that_cannot_be_reached_is_not_one_that_knows_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let nowhere = directory.path().join("nowhere");
        let outcome = look_up(nowhere.to_str().unwrap()).unwrap();
        assert!(matches!(&outcome, LookedUp::WithoutDatabase(reason) if !reason.is_empty()), "{outcome:?}");
        empty(directory.path()).map(|path| fs::rename(path, &nowhere)).unwrap().unwrap();
        assert_eq!(look_up(nowhere.to_str().unwrap()).unwrap(), LookedUp::All);
    }
}
