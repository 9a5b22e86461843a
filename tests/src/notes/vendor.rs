//! The vendor: a git checkout of `notes`, and `publish`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::program;

const PROFILE: &str = include_str!("../../apps/notes/publish.toml");

/// A vendor with a checkout, keys, and a directory to publish into.
pub struct Vendor {
    checkout: PathBuf,
    releases: PathBuf,
    changelog: Vec<String>,
    environment: Vec<(String, String)>,
}

/// What a release brings.
#[derive(Clone, Copy, Default)]
pub struct Change<'a> {
    /// SQL of a migration that it introduces.
    pub migration: Option<&'a str>,
    /// What else is said of that migration, such as `transaction = false`: lines of `publish.toml`.
    pub migration_keys: &'a str,
    /// A shell script that it runs as a migration of type `command`, after the SQL.
    pub script: Option<&'a str>,
    /// Anything else that changes in the checkout, which is its argument.
    pub edit: Option<&'a dyn Fn(&Path)>,
    /// Whether its health check fails.
    pub ill: bool,
    /// More arguments for `publish`.
    pub arguments: &'a [&'a str],
}

impl Vendor {
    /// A vendor of `notes` below `directory` who has run `publish init`.
    ///
    /// # Errors
    /// When git or `publish` fails.
    pub fn new(directory: &Path) -> anyhow::Result<Self> {
        Self::of(directory, "notes", PROFILE, |checkout| {
            std::fs::create_dir_all(checkout.join("bin"))?;
            std::fs::write(
                checkout.join("migrations/001_notes.sql"),
                "create table notes (id integer primary key, text text not null);\n",
            )?;
            std::fs::copy(program("notes")?, checkout.join("bin/notes"))?;
            Ok(())
        })
    }

    /// The vendor of another application: its name, its `publish.toml`, and what fills the checkout.
    ///
    /// # Errors
    /// When git or `publish` fails.
    pub fn of(
        directory: &Path,
        name: &str,
        profile: &str,
        fill: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let (checkout, releases) = (directory.join(name), directory.join("releases"));
        std::fs::create_dir_all(checkout.join("migrations"))?;
        std::fs::create_dir_all(&releases)?;
        std::fs::write(checkout.join("publish.toml"), profile)?;
        fill(&checkout)?;
        let vendor = Self { checkout, releases, changelog: Vec::new(), environment: Vec::new() };
        vendor.git(&["init", "--quiet", "--initial-branch=main"])?;
        vendor.publish(&["init", "--no-passphrase"])?;
        Ok(vendor)
    }

    /// Where releases are published: any static web server can serve it.
    pub fn releases(&self) -> &Path {
        &self.releases
    }

    /// The vendor's checkout.
    pub fn checkout(&self) -> &Path {
        &self.checkout
    }

    /// The root metadata that clients pin.
    pub fn root(&self) -> PathBuf {
        self.checkout.join(".surefoot/1.root.json")
    }

    /// Runs `publish` with this in its environment from now on.
    pub fn set_environment(&mut self, name: &str, value: impl Into<String>) {
        self.environment.retain(|(there, _)| there != name);
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Writes, commits, tags and publishes a release; answers what `publish` said.
    ///
    /// # Errors
    /// When git or `publish` fails.
    pub fn release(&mut self, version: &str, words: &str, change: Change<'_>) -> anyhow::Result<String> {
        self.commit(version, words, change)?;
        let tag = format!("v{version}");
        let to = self.releases.display().to_string();
        let mut arguments = vec![tag.as_str(), "--to", &to];
        arguments.extend(change.arguments);
        self.publish(&arguments)
    }

    /// Writes, commits and tags a release without publishing it.
    ///
    /// # Errors
    /// When git fails.
    pub fn commit(&mut self, version: &str, words: &str, change: Change<'_>) -> anyhow::Result<()> {
        self.changelog.insert(0, format!("## [{version}] - 2026-01-10\n\n### Changed\n\n- {words}\n"));
        let write = |name: &str, text: String| std::fs::write(self.checkout.join(name), text);
        write("CHANGELOG.md", format!("# Changelog\n\n{}", self.changelog.join("\n")))?;
        write("VERSION", format!("{version}\n"))?;
        write("BEHAVIOUR", if change.ill { "ill\n".to_owned() } else { "well\n".to_owned() })?;
        if let Some(sql) = change.migration {
            self.add_migration(version, "sql", sql, change.migration_keys)?;
        }
        if let Some(script) = change.script {
            self.add_migration(version, "command", &format!("#!/bin/sh\nset -e\n{script}\n"), "")?;
        }
        if let Some(edit) = change.edit {
            edit(&self.checkout);
        }
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", version])?;
        self.git(&["tag", &format!("v{version}")])
    }

    fn add_migration(&self, version: &str, kind: &str, text: &str, keys: &str) -> anyhow::Result<()> {
        let file = format!("migrations/{}.{kind}", version.replace('.', "_"));
        let path = self.checkout.join(&file);
        std::fs::write(&path, text)?;
        super::set_mode(&path, if kind == "command" { 0o755 } else { 0o644 })?;
        append(
            &self.checkout.join("publish.toml"),
            &format!(
                "\n[[migrations]]\nversion = \"{version}\"\ntype = \"{kind}\"\nfile = \"{file}\"\n\
                 description = \"Migration of {version}\"\n{keys}\n"
            ),
        )
    }

    /// Runs `publish` in the checkout.
    ///
    /// # Errors
    /// With what it said, when it fails.
    pub fn publish(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        run(Command::new(program("publish")?).args(arguments).current_dir(&self.checkout).envs(environment))
    }

    /// Forgets the last commit and its tag, as if they had never been made.
    ///
    /// # Errors
    /// When git fails.
    pub fn forget_last(&mut self, version: &str) -> anyhow::Result<()> {
        self.changelog.remove(0);
        // Whoever puts an older state back on purpose says so.
        let memory = self.checkout.join(".git/surefoot/published.json");
        if memory.exists() {
            std::fs::remove_file(memory)?;
        }
        self.git(&["tag", "--delete", &format!("v{version}")])?;
        self.git(&["reset", "--quiet", "--hard", "HEAD~1"])
    }

    /// Adds lines to the vendor's `publish.toml`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, lines: &str) -> anyhow::Result<()> {
        append(&self.checkout.join("publish.toml"), lines)
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Vendor", "-c", "user.email=vendor@example.com", "-c", "commit.gpgsign=false"]);
        run(command.args(arguments).current_dir(&self.checkout)).map(drop)
    }
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let all = std::fs::read_to_string(path)? + text;
    Ok(std::fs::write(path, all)?)
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    Ok(said)
}
