//! How the packages that are shipped are built, so that whoever builds the same sources with the same compiler gets the same bytes.
//!
//! What would tell one build from another is taken away: the folder of the sources and of cargo's home become fixed names in
//! what compilers write (rustc by `--remap-path-prefix`, C by `-ffile-prefix-map`), and the time is that of the topmost entry of
//! the Debian changelog. It knows nothing about what is in a package: that is in the `Cargo.toml` of each.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::test::{cargo_command, workspace};
use super::{packages, sbom};

/// dpkg-shlibdeps(1) finds the libraries that a package depends on, dpkg-parsechangelog(1) the date.
const PACKAGES: &[&str] = &["dpkg-dev"];

/// Cargo's name of each package that is shipped. The Debian ones are named in their `Cargo.toml`.
pub const SHIPPED: [&str; 2] = ["surefoot", "publisher"];

/// Sources, and what they are built with.
pub struct Recipe {
    sources: PathBuf,
    cargo_home: PathBuf,
    profile: String,
    /// Seconds since 1970: what packages say about when they were made.
    date: i64,
    /// What the environment of the build has beside what this process has.
    surroundings: Vec<(&'static str, OsString)>,
    umask: &'static str,
}

/// What `rustc -vV` says.
pub(super) struct Compiler {
    pub(super) host: String,
    pub(super) release: String,
    pub(super) commit: String,
}

impl Recipe {
    /// For the sources of this workspace.
    ///
    /// # Errors
    /// When what it needs cannot be installed, or the changelog has no date.
    pub fn here(profile: &str) -> Result<Self> {
        Self::new(workspace().to_owned(), cargo_home()?, profile)
    }

    /// For sources anywhere, with a home for cargo of their own.
    pub(super) fn new(sources: PathBuf, cargo_home: PathBuf, profile: &str) -> Result<Self> {
        packages::ensure(PACKAGES)?;
        let date = date(&sources)?;
        Ok(Self { sources, cargo_home, profile: profile.to_owned(), date, surroundings: Vec::new(), umask: "022" })
    }

    /// The same in other surroundings.
    pub(super) fn amid(self, umask: &'static str, surroundings: Vec<(&'static str, OsString)>) -> Self {
        Self { umask, surroundings, ..self }
    }

    /// Builds `package` and its bill of materials; the Debian package is written to `output`.
    ///
    /// # Errors
    /// When it does not build; cargo has then said why.
    pub fn build(&self, package: &str, output: &Path) -> Result<()> {
        let directory = self.sources.join("target/sbom");
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let bill = directory.join(format!("{package}.cdx.json"));
        let text = sbom::bill_of_materials(self, package)?;
        fs::write(&bill, text).with_context(|| format!("cannot write {}", bill.display()))?;
        let output = output.to_str().context("the package's path is not UTF-8")?;
        let profile = format!("--profile={}", self.profile);
        let package = format!("--package={package}");
        let mut command = self.cargo(&["deb", "--quiet", "--locked", &package, &profile, "--output", output])?;
        let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
        ensure!(status.success(), "{command:?} ended with {status}");
        Ok(())
    }

    pub(super) fn sources(&self) -> &Path {
        &self.sources
    }

    pub(super) fn date(&self) -> i64 {
        self.date
    }

    pub(super) fn compiler(&self) -> Result<Compiler> {
        let text = said(Command::new("rustc").arg("-vV").current_dir(&self.sources))?;
        let word = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.map(str::to_owned).with_context(|| format!("rustc -vV names no {name}"))
        };
        Ok(Compiler { host: word("host")?, release: word("release")?, commit: word("commit-hash")? })
    }

    /// What a run of cargo says on its standard output.
    pub(super) fn cargo_output(&self, arguments: &[&str]) -> Result<String> {
        said(&mut self.cargo(arguments)?)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Command> {
        let cargo = cargo_command(arguments);
        // A shell, because nothing else sets a umask without unsafe code.
        let mut command = Command::new("sh");
        command.args(["-c", "umask \"$0\" && exec \"$@\"", self.umask]).arg(cargo.get_program()).args(cargo.get_args());
        for (name, _) in cargo.get_envs().filter(|(_, value)| value.is_none()) {
            command.env_remove(name);
        }
        command.current_dir(&self.sources).envs(self.surroundings.iter().map(|(name, value)| (name, value)));
        // Flags of whoever builds would be in the program, and the package takes the program from where it is by default.
        ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"].iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env("CARGO_HOME", &self.cargo_home).env("SOURCE_DATE_EPOCH", self.date.to_string());
        command.env("CARGO_ENCODED_RUSTFLAGS", self.flags("--remap-path-prefix=", "\u{1f}")?);
        command.env("CFLAGS", self.flags("-ffile-prefix-map=", " ")?);
        Ok(command)
    }

    /// The folders, and what they are called in every build.
    fn flags(&self, option: &str, between: &str) -> Result<String> {
        let of = |path: &Path, name: &str| {
            let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
            ensure!(!path.contains([' ', '=']), "{path:?} has a blank or a = in its name, which compilers do not take");
            Ok(format!("{option}{path}={name}"))
        };
        Ok([of(&self.cargo_home, "/cargo")?, of(&self.sources, "/surefoot")?].join(between))
    }
}

/// Where cargo keeps the crates (The Cargo Book, "Cargo Home").
pub(super) fn cargo_home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("neither CARGO_HOME nor HOME is set")
}

/// `SOURCE_DATE_EPOCH` (reproducible-builds.org), as Debian derives it.
fn date(sources: &Path) -> Result<i64> {
    let mut changelog = Command::new("dpkg-parsechangelog");
    changelog.args(["--show-field", "Timestamp", "--file", "packaging/deb/changelog"]);
    said(changelog.current_dir(sources))?.trim().parse().context("the changelog's timestamp is not a number")
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {complaints}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} said something that is not UTF-8"))
}
