//! A world: the same program once more, in namespaces of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use super::command::run;
use super::place;
use crate::notes::program;

/// Tells the program that it is inside, and the seed.
const MARK: &str = "SUREFOOT_INSIDE_WORLD";

/// The accounts that the agent needs, beside those of the host. Nothing is written to the host's own files.
const ACCOUNTS: [(&str, u32); 2] = [("surefoot", 61_001), (APPLICATION.0, APPLICATION.1)];

/// The application's user.
pub(super) const APPLICATION: (&str, u32) = ("ledger", 61_002);

/// The seed that was told on the way in.
pub(super) fn seed() -> Option<u64> {
    std::env::var(MARK).ok()?.parse().ok()
}

/// Whether this process is the first one of a world.
pub(super) fn is_inside() -> bool {
    std::env::var_os(MARK).is_some() && std::process::id() == 1
}

/// Runs this program with `arguments` as the first process of a new world, and waits for it. When it ends, or whoever waits,
/// everything in the world ends. The seed is told, since nobody may have named it.
///
/// # Errors
/// When this process is not root, or what runs inside fails.
pub(super) fn enter(arguments: &[String], seed: u64) -> anyhow::Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "power cuts need root (file systems are mounted, a PostgreSQL cluster is run): run the same command as root"
    );
    // unshare(1) takes no notice of signals while it waits: without the first of these a world would outlive whoever waits.
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig=KILL",
        "unshare",
        "--mount",
        "--net",
        "--ipc",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation=private",
    ]);
    command
        .arg(std::env::current_exe().context("the path of this program")?)
        .args(arguments)
        .env(MARK, seed.to_string());
    let status = command.status().context("cannot run setpriv (package util-linux)")?;
    if !status.success() {
        bail!("the runs did not all end well");
    }
    Ok(())
}

/// Furnishes the world that this process is in.
///
/// # Errors
/// When something cannot be mounted or copied.
pub(super) fn furnish() -> anyhow::Result<()> {
    ensure!(is_inside(), "this would change the host itself");
    let top = Path::new(place::TOP);
    fs::create_dir_all(top)?;
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=755,size=8g", "tmpfs", place::TOP]))?;
    // PostgreSQL keeps shared memory there; that of the host is not ours to empty.
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm"]))?;
    for directory in [place::images(), place::disks(), place::scratch(), place::socket(), top.join("bin")] {
        fs::create_dir_all(directory)?;
    }
    // The application and the fetch process, each its own user, come here.
    fs::set_permissions(place::socket(), fs::Permissions::from_mode(0o777))?;
    fs::copy(program("surefoot-faults")?, place::program())
        .context("the agent's program, with places to stop it at")?;
    make_accounts(top)?;
    boot_anew()?;
    run(Command::new("mount").arg("--bind").arg(place::boot_id()).arg(BOOT_ID))?;
    run(Command::new("ip").args(["link", "set", "lo", "up"])).map(drop)
}

/// What tells one run of the machine from the next (proc(5)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The machine has been switched on anew, as far as a program can tell: the kernel below it goes on.
pub(super) fn boot_anew() -> anyhow::Result<()> {
    let another = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok(fs::write(place::boot_id(), another)?)
}

fn make_accounts(top: &Path) -> anyhow::Result<()> {
    for (file, fields) in [("passwd", ":/nonexistent:/usr/sbin/nologin"), ("group", "")] {
        let (theirs, ours) = (Path::new("/etc").join(file), top.join(file));
        let lines: String = fs::read_to_string(&theirs)?
            .lines()
            .filter(|line| ACCOUNTS.iter().all(|(name, _)| !line.starts_with(&format!("{name}:"))))
            .map(|line| format!("{line}\n"))
            .collect();
        let own = ACCOUNTS.map(|(name, id)| match file {
            "passwd" => format!("{name}:x:{id}:{id}:{fields}\n"),
            _ => format!("{name}:x:{id}:\n"),
        });
        fs::write(&ours, lines + &own.concat())?;
        run(Command::new("mount").arg("--bind").arg(&ours).arg(&theirs))?;
    }
    Ok(())
}
