//! `cargo xtask reproducible`: builds the packages twice, in two folders and in two sorts of surroundings, and compares them byte
//! for byte.
//!
//! The second build has another folder, another home, other copies of the crates, another umask, time zone, language, number of
//! jobs, and sources of another age. What the two have in common is what a stranger needs as well: the commit, the compiler,
//! and the system's C compiler and libraries.

mod differ;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::recipe::{Recipe, SHIPPED, cargo_home};
use super::test::{cargo, run, workspace};
use super::{packages, tools};

/// readelf(1) and strings(1) say what differs.
const PACKAGES: &[&str] = &["binutils", "git"];

/// Builds each of the shipped packages twice, and compares.
///
/// # Errors
/// When two builds differ, with what differs.
pub fn reproducible(profile: &str) -> Result<()> {
    packages::ensure(PACKAGES)?;
    tools::ensure()?;
    // The builds themselves have no network.
    cargo(&["fetch", "--locked", "--quiet"])?;
    let directory = afresh()?;
    let builds = [Build::first(&directory, profile)?, Build::second(&directory, profile)?];
    let mut differences = Vec::new();
    for package in SHIPPED {
        let [one, other] = builds.each_ref().map(|build| build.package(package));
        differences.extend(compare(package, &one?, &other?)?);
    }
    judge(differences, &directory)
}

/// Builds the package that the tests use once more, as a stranger, and compares. That is not the profile that is shipped; it is
/// as quick as a build in another place can be.
///
/// # Errors
/// As [`reproducible`].
pub fn as_tested() -> Result<()> {
    packages::ensure(PACKAGES)?;
    let directory = afresh()?;
    let again = Build::second(&directory, tools::TESTED)?.package("surefoot")?;
    judge(compare("surefoot", &tools::deb(), &again)?, &directory)
}

/// An empty folder for builds.
fn afresh() -> Result<PathBuf> {
    let directory = workspace().join("target/reproducible");
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    Ok(directory)
}

/// What was built stays where it differs, to be looked at.
fn judge(differences: Vec<String>, directory: &Path) -> Result<()> {
    ensure!(differences.is_empty(), "two builds of one commit are not the same:\n{}", differences.join("\n"));
    fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))
}

/// What differs, if anything does.
fn compare(package: &str, one: &Path, other: &Path) -> Result<Vec<String>> {
    let differences = differ::packages(one, other)?;
    if differences.is_empty() {
        let bytes = fs::metadata(one).with_context(|| format!("cannot read {}", one.display()))?.len();
        eprintln!("reproducible: {package}: the same {bytes} bytes twice, SHA-256 {}", differ::digest(one)?);
    }
    Ok(differences.into_iter().map(|line| format!("{package}: {line}")).collect())
}

/// Sources in a place of their own.
struct Build {
    directory: PathBuf,
    recipe: Recipe,
}

impl Build {
    /// As whoever releases builds.
    fn first(directory: &Path, profile: &str) -> Result<Self> {
        let directory = directory.join("a");
        let sources = directory.join("surefoot");
        copy_sources(&sources)?;
        Ok(Self { recipe: Recipe::new(sources, cargo_home()?, profile)?.amid("022", surroundings(OFFLINE)), directory })
    }

    /// As a stranger builds.
    fn second(directory: &Path, profile: &str) -> Result<Self> {
        let directory = directory.join("another-place/below");
        let (sources, home) = (directory.join("checkout-of-a-stranger"), directory.join("home"));
        copy_sources(&sources)?;
        run(Command::new("find").arg(&sources).args(["-type", "f", "-exec", "touch", "-d", "2021-02-03", "{}", "+"]))?;
        let cargo_home = strange_cargo_home(&home.join("crates"))?;
        let mut surroundings = surroundings(STRANGE);
        surroundings.extend([("RUSTUP_HOME", rustup_home()?), ("HOME", home.into())]);
        Ok(Self { recipe: Recipe::new(sources, cargo_home, profile)?.amid("077", surroundings), directory })
    }

    fn package(&self, package: &str) -> Result<PathBuf> {
        let (start, output) = (Instant::now(), self.directory.join(format!("{package}.deb")));
        eprintln!("reproducible: building {package} in {} …", self.directory.display());
        self.recipe.build(package, &output)?;
        eprintln!("reproducible: built in {:.0} s", start.elapsed().as_secs_f64());
        Ok(output)
    }
}

const OFFLINE: &[(&str, &str)] = &[("CARGO_NET_OFFLINE", "true")];

const STRANGE: &[(&str, &str)] = &[
    ("CARGO_NET_OFFLINE", "true"),
    ("CARGO_BUILD_JOBS", "3"),
    ("LC_ALL", "C.UTF-8"),
    ("LANG", "de_DE.UTF-8"),
    ("TZ", "Pacific/Kiritimati"),
    ("USER", "stranger"),
    ("LOGNAME", "stranger"),
    ("RUSTFLAGS", "-Copt-level=0"),
];

fn surroundings(of: &[(&'static str, &str)]) -> Vec<(&'static str, OsString)> {
    of.iter().map(|(name, value)| (*name, value.into())).collect()
}

/// What git tracks, as it lies in the workspace.
fn copy_sources(to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let to = to.to_str().context("the workspace's path is not UTF-8")?;
    let script = "git ls-files -z | tar --create --null --files-from=- | tar --extract --directory=\"$0\"";
    run(Command::new("bash").args(["-o", "pipefail", "-c", script, to]))
}

/// A home for cargo with the archives of the crates that are there, to be unpacked anew.
fn strange_cargo_home(home: &Path) -> Result<PathBuf> {
    let (ours, theirs) = (cargo_home()?.join("registry"), home.join("registry"));
    fs::create_dir_all(&theirs).with_context(|| format!("cannot make {}", theirs.display()))?;
    for name in ["cache", "index"] {
        symlink(ours.join(name), theirs.join(name)).with_context(|| format!("cannot link to cargo's {name}"))?;
    }
    // Cargo finds its subcommands there.
    symlink(cargo_home()?.join("bin"), home.join("bin")).context("cannot link to cargo's programs")?;
    Ok(home.to_owned())
}

/// Where rustup keeps the compiler, which is the same for both; without rustup nobody looks there.
fn rustup_home() -> Result<OsString> {
    let home = std::env::var_os("RUSTUP_HOME");
    home.or_else(|| Some(std::env::home_dir()?.join(".rustup").into())).context("neither RUSTUP_HOME nor HOME is set")
}
