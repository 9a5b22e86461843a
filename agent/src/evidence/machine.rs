//! The machine at one moment: versions, room, memory, load and clock, so that 'the disk was full then' can be seen later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use manifest_schema::profile::DatabaseKind;
use serde::{Deserialize, Serialize};

use crate::exit::chain;
use crate::host::child::Child;
use crate::host::vendor::Vendor;
use crate::layout::{AppLayout, Layout};
use crate::plan::{Manager, Plan};
use crate::redact::Redactor;
use crate::update::with_store;

/// How long a program may take to say its version.
const LIMIT: Duration = Duration::from_secs(5);
/// Where a PostgreSQL server of this machine has its data, in the usual packages.
const DATABASES: [&str; 2] = ["/var/lib/postgresql", "/var/lib/pgsql"];

/// The machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// When.
    pub at: Timestamp,
    /// The agent's version.
    pub agent: String,
    /// The distribution, as os-release(5) has it.
    pub os: Option<String>,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// systemd's version, where it is the service manager.
    pub systemd: Option<String>,
    /// The database's client programs, where one is needed.
    pub postgresql_client: Option<String>,
    /// The databases; asked only when everything is over.
    pub databases: Vec<Database>,
    /// Room where it counts.
    pub places: Vec<Place>,
    /// Main memory and swap, in bytes.
    pub memory: Option<Memory>,
    /// Load averages of 1, 5 and 15 minutes, and the number of processors.
    pub load: Option<String>,
    /// Since when it runs, and by what clock.
    pub clock: Clock,
}

/// A database as its server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The profile's name for it.
    pub name: String,
    /// What, where, which version and size; or why that cannot be said.
    pub says: String,
}

/// Room in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What lies there.
    pub what: String,
    /// Where.
    pub path: PathBuf,
    /// Which file system it is on: its number on this machine.
    pub disk: u64,
    /// Bytes that can still be written there.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Files that can still be made there; nothing where the file system does not count them.
    pub inodes_free: Option<u64>,
    /// Whether it is mounted for reading only.
    pub read_only: bool,
}

/// Main memory and swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes that programs can still have (`MemAvailable`).
    pub available: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes of swap that are free.
    pub swap_free: u64,
    /// Bytes of swap in all.
    pub swap_total: u64,
}

/// The clock, and the boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds since the boot.
    pub uptime: Option<u64>,
    /// Which boot it is.
    pub boot: Option<String>,
    /// Whether it is kept in time over the network (timedatectl(1)).
    pub synchronised: Option<String>,
}

/// Looks at the machine that the plan's application lives on.
pub fn look(layout: &Layout, plan: &Plan, databases: &[Database]) -> Machine {
    let has_systemd = plan.instance.manager == Manager::Systemd;
    let when_systemd = |program, args: &[&str]| if has_systemd { ask(program, args) } else { None };
    Machine {
        at: Timestamp::now(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
        os: field(&text("/etc/os-release"), "PRETTY_NAME", '=').map(|name| name.trim_matches('"').to_owned()),
        kernel: Some(text("/proc/sys/kernel/osrelease").trim().to_owned()).filter(|text| !text.is_empty()),
        systemd: when_systemd("systemctl", &["--version"]),
        postgresql_client: if has_postgresql(plan) { ask("pg_dump", &["--version"]) } else { None },
        databases: databases.to_vec(),
        places: places(layout, plan),
        memory: memory(&text("/proc/meminfo")),
        load: load(),
        clock: Clock {
            uptime: text("/proc/uptime").split('.').next().and_then(|seconds| seconds.parse().ok()),
            boot: Some(text("/proc/sys/kernel/random/boot_id").trim().to_owned()).filter(|id| !id.is_empty()),
            synchronised: when_systemd("timedatectl", &["show", "--property=NTPSynchronized", "--value"]),
        },
    }
}

/// Asks the databases of the plan.
pub(super) fn databases(layout: &Layout, plan: &Plan) -> Vec<Database> {
    let app = AppLayout::new(&plan.instance.directory);
    let here = layout.instance(&plan.instance.name);
    let vendor = Vendor {
        manager: plan.instance.manager,
        user: plan.instance.user.clone(),
        instance: plan.instance.name.clone(),
        update: plan.id,
        scratch: here.scratch(),
        log: here.scratch(),
        redactor: Redactor::default(),
    };
    let side = plan.from.as_ref().unwrap_or(&plan.to);
    let examine = |database| match with_store(database, &vendor, &app, |store| store.examine()) {
        Ok(found) => format!("{} {}, {} bytes", found.what, found.version, found.size),
        Err(error) => chain(&error),
    };
    let databases = side.profile.databases.iter();
    databases.map(|database| Database { name: database.name.to_string(), says: examine(database) }).collect()
}

fn has_postgresql(plan: &Plan) -> bool {
    let mut databases = std::iter::once(&plan.to).chain(&plan.from).flat_map(|side| &side.profile.databases);
    databases.any(|database| matches!(database.kind, DatabaseKind::Postgresql { .. }))
}

fn places(layout: &Layout, plan: &Plan) -> Vec<Place> {
    let directory = &plan.instance.directory;
    let application = directory.parent().unwrap_or(directory);
    let mut places = vec![("state", layout.state()), ("application", application.to_owned())];
    if has_postgresql(plan) {
        places.extend(
            DATABASES.map(|path| ("databases", PathBuf::from(path))).into_iter().filter(|(_, path)| path.exists()),
        );
    }
    places.push(("temporary files", std::env::temp_dir()));
    places.iter().filter_map(|(what, path)| place(what, path)).collect()
}

fn place(what: &str, path: &Path) -> Option<Place> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(Place {
        what: what.to_owned(),
        path: path.to_owned(),
        disk: std::os::unix::fs::MetadataExt::dev(&std::fs::metadata(path).ok()?),
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
        inodes_free: (disk.f_files > 0).then_some(disk.f_favail),
        read_only: disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    })
}

/// Reads /proc/meminfo (proc(5)).
pub(crate) fn memory(text: &str) -> Option<Memory> {
    let bytes = |key| Some(field(text, key, ':')?.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024));
    Some(Memory {
        available: bytes("MemAvailable")?,
        total: bytes("MemTotal")?,
        swap_free: bytes("SwapFree")?,
        swap_total: bytes("SwapTotal")?,
    })
}

fn load() -> Option<String> {
    let averages: Vec<String> = text("/proc/loadavg").split_whitespace().take(3).map(str::to_owned).collect();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (averages.len() == 3).then(|| format!("{} on {processors} processors", averages.join(" ")))
}

fn field(text: &str, key: &str, separator: char) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(separator))?;
    Some(line.trim().to_owned())
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The first line of what a program says.
fn ask(program: &str, args: &[&str]) -> Option<String> {
    let ended = Child::new(program, LIMIT).args(args).run().ok()?;
    ended.out.text().lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:  1024 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
        let wanted = Memory { available: 1 << 20, total: 2 << 20, swap_free: 0, swap_total: 0 };
        assert_eq!(memory(text), Some(wanted));
        assert_eq!(memory(""), None);
    }
}
