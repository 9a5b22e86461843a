//! Starting systemd-nspawn for a machine and hearing from it that the machine is up.

use std::ffi::OsString;
use std::fs::File;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cgroup::Cgroup;
use super::life::Description;
use super::wait::holds_within;

const LAUNCH: &str = include_str!("launch.sh");

/// A boot takes about a second; a recovery that runs before the boot is complete may take longer.
const BOOT: Duration = Duration::from_secs(120);

const SHUTDOWN: Duration = Duration::from_secs(120);

/// systemd-nspawn's way to say that the machine wants to be started again (systemd-nspawn(1), `--keep-unit`).
const REBOOT_STATUS: i32 = 133;

/// A machine that has been switched on.
#[derive(Debug)]
pub(super) struct Running {
    /// PID 1 of the machine, as the host numbers it.
    pub(super) leader: u32,
    pub(super) cgroup: Cgroup,
    nspawn: Child,
    /// Closing it ends the machine, see launch.sh.
    _life_line: Option<ChildStdin>,
}

/// What the machine wanted when it shut down.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    PowerOff,
    Reboot,
}

impl Running {
    /// Switches the machine on and waits until its boot is complete.
    pub(super) fn launch(machine: &Description) -> Result<Running> {
        let cgroup = Cgroup::create(&machine.unique)?;
        let (ear, address) = listen(&machine.unique)?;
        let mut nspawn = command(machine, &cgroup, &address)?.spawn().context("cannot run unshare")?;
        let life_line = nspawn.stdin.take();
        let mut running = Running { leader: 0, cgroup, nspawn, _life_line: life_line };
        running
            .wait_for_boot(&ear)
            .with_context(|| format!("machine {} does not boot, see {}", machine.name, machine.console().display()))?;
        Ok(running)
    }

    /// The host's number of systemd-nspawn, which sees the machine's mounts.
    pub(super) fn nspawn(&self) -> u32 {
        self.nspawn.id()
    }

    /// Waits until the machine has shut down by itself.
    pub(super) fn ended(&mut self) -> Result<Ended> {
        let mut status = None;
        holds_within(SHUTDOWN, &mut || {
            status = self.nspawn.try_wait().ok().flatten();
            status.is_some()
        });
        match status.map(|status: ExitStatus| (status, status.code())) {
            Some((_, Some(0))) => Ok(Ended::PowerOff),
            Some((_, Some(REBOOT_STATUS))) => Ok(Ended::Reboot),
            Some((status, _)) => bail!("systemd-nspawn ended with {status}"),
            None => bail!("the machine does not shut down within {SHUTDOWN:?}"),
        }
    }

    fn wait_for_boot(&mut self, ear: &UnixDatagram) -> Result<()> {
        let started = Instant::now();
        let mut buffer = [0; 4096];
        while started.elapsed() < BOOT {
            if let Some(status) = self.nspawn.try_wait().context("cannot wait for systemd-nspawn")? {
                bail!("systemd-nspawn ended with {status}");
            }
            let Ok(length) = ear.recv(&mut buffer) else {
                continue;
            };
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            for line in message.lines() {
                if let Some(leader) = line.strip_prefix("X_NSPAWN_LEADER_PID=") {
                    self.leader = leader.parse().context("systemd-nspawn names no process number")?;
                }
                if line == "READY=1" {
                    return Ok(());
                }
            }
        }
        bail!("its boot is not complete after {BOOT:?}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cgroup.kill();
        let _ = self.nspawn.wait();
    }
}

/// A socket for sd_notify(3) that needs no file.
fn listen(unique: &str) -> Result<(UnixDatagram, OsString)> {
    static BOOTS: AtomicU32 = AtomicU32::new(0);
    let name = format!("surefoot-machine/{}/{unique}/{}", std::process::id(), BOOTS.fetch_add(1, Ordering::Relaxed));
    let address = SocketAddr::from_abstract_name(&name).context("cannot name a socket")?;
    let ear = UnixDatagram::bind_addr(&address).with_context(|| format!("cannot listen on @{name}"))?;
    ear.set_read_timeout(Some(Duration::from_millis(50))).context("cannot set a time limit on a socket")?;
    Ok((ear, format!("@{name}").into()))
}

fn command(machine: &Description, cgroup: &Cgroup, address: &OsString) -> Result<Command> {
    let console = machine.console();
    let log = File::options()
        .create(true)
        .append(true)
        .open(&console)
        .with_context(|| format!("cannot write {}", console.display()))?;
    let errors = log.try_clone().with_context(|| format!("cannot write {}", console.display()))?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", LAUNCH, "launch.sh"]);
    command
        .arg(&machine.place)
        .arg(machine.lower_dirs())
        .arg(&machine.id)
        .arg(&machine.name)
        .args(cgroup.paths())
        .arg("--")
        .args(nspawn_arguments(machine));
    command.env("NOTIFY_SOCKET", address).env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
    command.stdin(Stdio::piped()).stdout(log).stderr(errors);
    Ok(command)
}

fn nspawn_arguments(machine: &Description) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "--boot",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--settings=no",
        "--private-network",
        "--notify-ready=yes",
    ]
    .into_iter()
    .chain(["--link-journal=no", "--resolv-conf=off", "--timezone=off", "--console=read-only"])
    .map(OsString::from)
    .collect();
    // IPAddressDeny= of the machine's units is a program for the kernel (bpf(2)).
    arguments.push("--system-call-filter=bpf".into());
    arguments.push(format!("--machine={}", machine.unique).into());
    for (host, guest, access) in &machine.binds {
        let mut bind = OsString::from(access.flag());
        bind.push(host);
        bind.push(":");
        bind.push(guest);
        arguments.push(bind);
    }
    arguments
}
