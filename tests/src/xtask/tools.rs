//! Cargo's own tools that the tests need, their installation from the crates registry, and the package that one of them makes.
//!
//! Versions are pinned, so that a new release of a tool cannot break a checkout that was good yesterday. A tool that is there
//! already is used as it is, whatever its version: it may come from the distribution or from whoever set the machine up.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::recipe::{Recipe, SHIPPED};
use super::test::workspace;

/// A subcommand of cargo.
struct Tool {
    /// What follows `cargo`.
    verb: &'static str,
    /// The crate that holds it.
    package: &'static str,
    version: &'static str,
}

const TOOLS: [Tool; 4] = [
    // Runs tests.
    Tool { verb: "nextest", package: "cargo-nextest", version: "0.9.143" },
    // Says what a dependency may be.
    Tool { verb: "deny", package: "cargo-deny", version: "0.20.2" },
    // Makes Debian packages.
    Tool { verb: "deb", package: "cargo-deb", version: "3.8.0" },
    // Builds programs that are fed with damaged bytes.
    Tool { verb: "fuzz", package: "cargo-fuzz", version: "0.13.2" },
];

/// The profile of the package that the tests install.
pub(super) const TESTED: &str = "machine";

/// Installs the tools that are missing, each in one to five minutes.
///
/// # Errors
/// When one cannot be installed; cargo has then said why.
pub fn ensure() -> Result<()> {
    TOOLS.iter().filter(|tool| !tool.is_there()).try_for_each(Tool::install)
}

/// Builds the agent's package for the tests, as [`deb`].
///
/// # Errors
/// When it does not build; cargo has then said why.
pub fn build_deb() -> Result<()> {
    Recipe::here(TESTED)?.build("surefoot", &deb())
}

/// Builds the packages that are shipped, into `target/debian`.
///
/// # Errors
/// As [`build_deb`].
pub fn package() -> Result<()> {
    ensure()?;
    let (recipe, directory) = (Recipe::here("release")?, workspace().join("target/debian"));
    SHIPPED.iter().try_for_each(|package| recipe.build(package, &directory))
}

/// Where [`build_deb`] puts the agent's package.
pub fn deb() -> PathBuf {
    workspace().join("target/machine/surefoot.deb")
}

impl Tool {
    fn is_there(&self) -> bool {
        let mut cargo = Command::new("cargo");
        cargo.args([self.verb, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        cargo.status().is_ok_and(|status| status.success())
    }

    fn install(&self) -> Result<()> {
        let Self { package, version, .. } = self;
        eprintln!("tools: installing {package} {version} …");
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "--quiet", "--locked", "--version", version, package]);
        let status = cargo.status().context("cannot run cargo")?;
        if !status.success() {
            bail!("cannot install {package}: {cargo:?} ended with {status}");
        }
        Ok(())
    }
}
