//! The life of a machine: boot, reboot, power off, power cut, and its end.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};

use super::launch::{Ended, Running};
use super::place::{self, Hold};
use super::{Image, disk};

/// What a machine is called, how large its disk is, and which folders of the host it sees.
#[derive(Debug, Clone)]
pub struct MachineOptions {
    /// Unique among the machines that run at one time; letters, digits and dashes. Its host name too.
    pub name: String,
    /// Folders of the host: path on the host, path in the machine, access.
    pub binds: Vec<(PathBuf, PathBuf, Access)>,
    /// Size of the machine's writable disk, in bytes; 8 GiB by default, of which the host's disk holds only what is written.
    pub disk: u64,
}

impl MachineOptions {
    /// A machine of that name that sees nothing of the host.
    #[must_use]
    pub fn named(name: &str) -> MachineOptions {
        MachineOptions { name: name.to_owned(), binds: Vec::new(), disk: 8 << 30 }
    }

    /// The same, and it also sees the host's folder.
    #[must_use]
    pub fn bind(mut self, host: impl Into<PathBuf>, guest: impl Into<PathBuf>, access: Access) -> MachineOptions {
        self.binds.push((host.into(), guest.into(), access));
        self
    }
}

/// What a machine may do with a folder of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Look only.
    ReadOnly,
    /// Change it.
    ReadWrite,
}

impl Access {
    pub(super) fn flag(self) -> &'static str {
        match self {
            Access::ReadOnly => "--bind-ro=",
            Access::ReadWrite => "--bind=",
        }
    }
}

/// What stays the same over all boots of a machine.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) name: String,
    /// Its name, unique on this host even if another workspace has a machine of the same name.
    pub(super) unique: String,
    /// machine-id(5).
    pub(super) id: String,
    pub(super) place: PathBuf,
    pub(super) binds: Vec<(PathBuf, PathBuf, Access)>,
    image: Image,
}

impl Description {
    /// The file that collects what the machine's console shows.
    pub(super) fn console(&self) -> PathBuf {
        self.place.join("console.log")
    }

    /// The image's layers as overlayfs wants them.
    pub(super) fn lower_dirs(&self) -> OsString {
        self.image.layers().iter().map(|layer| layer.as_os_str()).collect::<Vec<_>>().join(":".as_ref())
    }
}

/// A machine. All its methods take `&self`, so that one thread may cut the power while a command of another runs inside.
///
/// Dropping it ends all its processes at once and removes its disk; after a panic the disk is kept for a look.
#[derive(Debug)]
pub struct Machine {
    description: Description,
    /// `None`: it is off.
    running: Mutex<Option<Running>>,
    _hold: Hold,
}

impl Machine {
    /// Boots a new machine from `image` and waits until its boot is complete. Fails without root, when a machine of this name is running,
    /// or when systemd inside does not come up; the console's log is in `target/machines/NAME/console.log`.
    pub fn boot(image: &Image, options: MachineOptions) -> Result<Machine> {
        place::require_root()?;
        let place = place::machines().join(&options.name);
        let lock = place::machines().join(format!("{}.lock", options.name));
        let Some(hold) = Hold::if_free(&lock) else {
            bail!("a machine called {} is already running ({} is locked)", options.name, lock.display())
        };
        disk::create(&place, options.disk)?;
        let unique = format!("{}-{}", options.name, place::digest(&[&place.to_string_lossy()]));
        let description = Description {
            name: options.name,
            unique,
            id: new_id()?,
            place,
            binds: options.binds,
            image: image.clone(),
        };
        let machine = Machine { description, running: Mutex::new(None), _hold: hold };
        machine.power_on()?;
        Ok(machine)
    }

    /// Its name, which is its host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Switches a machine on that is off, with the disk as it is, and waits until its boot is complete.
    pub fn power_on(&self) -> Result<()> {
        let mut running = self.lock();
        if running.is_some() {
            bail!("machine {} is already on", self.name());
        }
        *running = Some(Running::launch(&self.description)?);
        Ok(())
    }

    /// Shuts the machine down in order, all services stopped.
    pub fn power_off(&self) -> Result<()> {
        self.shut_down("poweroff", &Ended::PowerOff)
    }

    /// Shuts the machine down in order and boots it again.
    pub fn reboot(&self) -> Result<()> {
        self.shut_down("reboot", &Ended::Reboot)?;
        self.power_on()
    }

    /// Cuts the power: what had not been synced to the disk is lost and all processes end at once. The machine stays off.
    pub fn pull_plug(&self) -> Result<()> {
        let Some(running) = self.lock().take() else { bail!("machine {} is already off", self.name()) };
        disk::cut_off(&self.description.place, running.nspawn())
        // Dropping `running` ends its processes.
    }

    /// Cuts the power and boots again from what the disk then holds. The boot is complete when this returns.
    pub fn cut_power(&self) -> Result<()> {
        self.pull_plug()?;
        self.power_on()
    }

    pub(super) fn place(&self) -> &Path {
        &self.description.place
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shut_down(&self, verb: &str, expected: &Ended) -> Result<()> {
        self.run(["systemctl", "--no-block", verb]);
        let Some(mut running) = self.lock().take() else { bail!("machine {} is already off", self.name()) };
        let ended = running.ended().with_context(|| format!("cannot {verb} machine {}", self.name()))?;
        if ended != *expected {
            bail!("machine {} was told to {verb}, but it wanted {ended:?}", self.name());
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.lock().take());
        let place = &self.description.place;
        if std::thread::panicking() {
            eprintln!("machine {}: its disk and console.log are kept in {}", self.name(), place.display());
        } else {
            let _ = fs::remove_dir_all(place);
        }
    }
}

fn new_id() -> Result<String> {
    let source = "/proc/sys/kernel/random/uuid";
    let uuid = fs::read_to_string(source).with_context(|| format!("cannot read {source}"))?;
    Ok(uuid.trim().replace('-', ""))
}
