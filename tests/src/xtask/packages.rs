//! The Debian packages that the tests need on this host, and their installation.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// For the test machine: to build its root tree and to boot it.
pub const MACHINE: &[&str] = &[
    "debian-archive-keyring",
    "debootstrap",
    "e2fsprogs",
    "mount",
    "python3",
    "python3-pip",
    "systemd-container",
    "tar",
    "util-linux",
];

/// For power cuts: disks, a world of its own, a database server.
pub const POWERCUT: &[&str] =
    &["e2fsprogs", "git", "iproute2", "mount", "postgresql", "python3", "tar", "util-linux", "xfsprogs"];

/// For fuzzing: libFuzzer is compiled from its sources.
pub const FUZZ: &[&str] = &["g++"];

/// For all tests.
pub const TESTS: &[&str] = &[
    "binutils",
    "debian-archive-keyring",
    "debootstrap",
    "dpkg-dev",
    "e2fsprogs",
    "g++",
    "gh",
    "git",
    "iproute2",
    "mount",
    "openssl",
    "postgresql",
    "python3",
    "python3-pip",
    "python3-venv",
    "strace",
    "systemd-container",
    "tar",
    "util-linux",
    "xfsprogs",
    "zstd",
];

/// Installs those of `packages` that are missing. Fails when there is no apt, or when it needs root and is not.
pub fn ensure(packages: &[&str]) -> Result<()> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if !rustix::process::geteuid().is_root() {
        bail!("packages are missing on this host; run as root: apt-get update && {install}");
    }
    eprintln!("packages: installing {} …", missing.join(", "));
    // One unreachable third-party list makes this fail although ours are fresh; whether that matters, the installation tells.
    let _ = apt(&["update", "-q"]);
    apt(&[&["install", "-y", "-q", "--no-install-recommends"], missing.as_slice()].concat())
}

/// Those of `packages` that dpkg does not know as installed.
fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${db:Status-Status}\n"]).args(packages);
    // Its exit status is 1 as soon as one package is unknown; the list of the others is still complete.
    let output =
        query.output().context("cannot run dpkg-query: the tests install what they need on Debian and Ubuntu only")?;
    let known = String::from_utf8_lossy(&output.stdout);
    let installed = |package: &&&str| known.lines().any(|line| line == format!("{package} installed"));
    Ok(packages.iter().filter(|package| !installed(package)).copied().collect())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    // Its chatter is shown only when it fails.
    let output = apt.output().context("cannot run apt-get")?;
    if !output.status.success() {
        bail!("{apt:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
