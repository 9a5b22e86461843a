//! Base images: the disks of machines before each act, made once by the agent itself and kept below `target/`.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::act::{self, Base};
use super::cluster::{self, Cluster};
use super::command::run;
use super::disk::Kind;
use super::machine::Machine;
use super::world::APPLICATION;
use super::{agent, application, place, releases};
use crate::notes::program;

/// Where the application finds its database; what an admin brings.
pub(super) const SETTINGS: &str = "DATABASE_URL=postgresql://ledger:secret@127.0.0.1:5432/ledger\n";

/// What a user has uploaded: large enough to be copied in several pieces.
pub(super) const UPLOAD: usize = 400_000;

const CONFIGURATION: &str = "service_manager = \"command\"\nproduct = \"ledger\"\nuser = \"ledger\"\n";

/// The directory of a base's images.
pub(super) fn images(kind: Kind, base: Base) -> anyhow::Result<PathBuf> {
    Ok(cache()?.join(kind.name()).join(base.name()))
}

/// Makes what is missing of the releases and the base images of these machines, and puts the releases in their place. They
/// stay as long as the answer is held.
///
/// # Errors
/// When the vendor cannot publish, or the agent cannot install.
pub(super) fn ensure(kinds: &[Kind]) -> anyhow::Result<File> {
    let cache = cache()?;
    let in_use = hold(&cache)?;
    forget_others(&cache);
    alone(&cache, "releases", || provide_releases(&cache))?;
    for kind in kinds {
        let name = kind.name();
        alone(&cache, &name, || provide_images(*kind, &cache))
            .with_context(|| format!("cannot make the base images of {name}"))?;
    }
    Ok(in_use)
}

/// Says that the cache is in use, by others at the same time as well, until the answer is dropped.
fn hold(cache: &Path) -> anyhow::Result<File> {
    loop {
        fs::create_dir_all(cache)?;
        let lock = File::create(cache.join("lock"))?;
        flock(&lock, FlockOperation::LockShared)?;
        // Whoever forgets it meanwhile has taken the file away.
        if lock.metadata()?.nlink() > 0 {
            return Ok(lock);
        }
    }
}

/// Does what only one may do at a time. Others who make something else of the cache, or use it, do not wait.
fn alone(cache: &Path, what: &str, act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let lock = File::create(cache.join(format!("{what}.making")))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    act()
}

fn provide_images(kind: Kind, cache: &Path) -> anyhow::Result<()> {
    let (whole, partial) = (cache.join(kind.name()), cache.join(format!("{}.partial", kind.name())));
    if whole.exists() {
        return Ok(());
    }
    let began = Instant::now();
    let _ = fs::remove_dir_all(&partial);
    make(kind, &partial)?;
    fs::rename(&partial, whole)?;
    eprintln!("powercut: made the base images of {} in {:.0} s", kind.name(), began.elapsed().as_secs_f64());
    Ok(())
}

/// One for each build of the programs and each day, since metadata expires. A build that goes on meanwhile is another one's.
pub(super) fn cache() -> anyhow::Result<PathBuf> {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    if let Some(known) = CACHE.get() {
        return Ok(known.clone());
    }
    let target = crate::notes::programs()?.parent().context("programs lie below target")?.join("powercut");
    let mut parts = vec![jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()];
    for name in ["surefoot-faults", "publish", "xtask"] {
        let meta = fs::metadata(program(name)?)?;
        let changed = meta.modified()?.duration_since(std::time::UNIX_EPOCH)?.as_nanos();
        parts.push(format!("{}-{changed}", meta.len()));
    }
    let name = hex::encode(&Sha256::digest(parts.join(" "))[..6]);
    Ok(CACHE.get_or_init(|| target.join(name)).clone())
}

/// Earlier ones, unless somebody uses them.
fn forget_others(cache: &Path) {
    let siblings = cache.parent().and_then(|target| fs::read_dir(target).ok()).into_iter().flatten().flatten();
    for sibling in siblings.map(|entry| entry.path()).filter(|sibling| sibling != cache) {
        let is_free = File::create(sibling.join("lock"))
            .is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok());
        if is_free {
            let _ = fs::remove_dir_all(sibling);
        }
    }
}

fn provide_releases(cache: &Path) -> anyhow::Result<()> {
    let archive = cache.join("releases.tar");
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(place::TOP);
    if archive.exists() {
        return run(tar.arg("-xf").arg(archive)).map(drop);
    }
    releases::publish()?;
    let partial = cache.join("releases.tar.partial");
    run(tar.arg("-cf").arg(&partial).args(["vendor/releases", "vendor/ledger/.surefoot", "trees"]))?;
    Ok(fs::rename(partial, archive)?)
}

fn make(kind: Kind, cache: &Path) -> anyhow::Result<()> {
    let save = |base: Base| -> anyhow::Result<()> {
        let to = cache.join(base.name());
        fs::create_dir_all(&to)?;
        kind.copy(&place::images(), &to)
    };
    let on = || -> anyhow::Result<(Machine, Cluster)> { Ok((Machine::bare(kind)?, Cluster::start()?)) };
    let off = |(machine, cluster): (Machine, Cluster)| cluster.stop().and_then(|()| machine.off());

    kind.make()?;
    let machine = Machine::bare(kind)?;
    configure()?;
    Cluster::make()?;
    machine.off()?;
    save(Base::Empty)?;

    let machine = on()?;
    make_plain()?;
    write_rows(Base::Plain)?;
    off(machine)?;
    save(Base::Plain)?;

    kind.copy(&cache.join(Base::Empty.name()), &place::images())?;
    let machine = on()?;
    agent::ask_well(&act::install())?;
    fill_uploads(&place::home().join("shared/uploads"))?;
    write_rows(Base::First)?;
    off(machine)?;
    save(Base::First)?;

    let machine = on()?;
    application::boot()?;
    application::wait_until_healthy()?;
    agent::ask_well(&act::update("1.1.0"))?;
    write_rows(Base::Second)?;
    off(machine)?;
    save(Base::Second)
}

/// What an admin does before the first install.
fn configure() -> anyhow::Result<()> {
    let directory = place::state().join("etc/surefoot");
    let shared = place::home().join("shared");
    fs::create_dir_all(&directory)?;
    fs::create_dir_all(&shared)?;
    let (application, source) = (place::application(), place::releases());
    let places = format!("directory = {application:?}\nsource = {source:?}\n");
    fs::write(directory.join("ledger.toml"), format!("{CONFIGURATION}{places}"))?;
    fs::copy(place::vendor().join("ledger/.surefoot/1.root.json"), directory.join("ledger.root.json"))?;
    bring_settings(&shared)
}

fn bring_settings(directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(".env");
    fs::write(&path, SETTINGS)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640))?;
    give(&path)
}

/// 1.0.0 as somebody has put it there by hand.
fn make_plain() -> anyhow::Result<()> {
    let directory = place::application();
    fs::remove_dir_all(place::home())?;
    run(Command::new("cp").arg("-a").arg(place::trees().join("1.0.0")).arg(&directory))?;
    fs::remove_file(directory.join("publish.toml"))?;
    fs::create_dir_all(directory.join("data"))?;
    bring_settings(&directory)?;
    fill_uploads(&directory.join("uploads"))?;
    give(&directory)?;
    let migration = fs::read_to_string(directory.join("migrations/100_entries.sql"))?;
    cluster::query(cluster::DATABASE, &format!("set role ledger; {migration}"))?;
    application::boot()?;
    application::wait_until_healthy().map(drop)
}

/// A large file, small ones, and a link that leads nowhere.
fn fill_uploads(uploads: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(uploads.join("small"))?;
    fs::write(uploads.join("picture"), upload())?;
    for number in 0..10 {
        fs::write(uploads.join(format!("small/{number}")), format!("upload {number}\n"))?;
    }
    symlink("nowhere", uploads.join("dangling"))?;
    give(uploads)
}

/// The content of the large file.
pub(super) fn upload() -> Vec<u8> {
    (0..UPLOAD).map(|at| u8::try_from((at * at / 7) % 251).unwrap_or(0)).collect()
}

fn give(path: &Path) -> anyhow::Result<()> {
    let (_, id) = APPLICATION;
    lchown(path, Some(id), Some(id))?;
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path())?;
        }
    }
    Ok(())
}

/// The rows of this base that the release which serves must still write.
fn write_rows(base: Base) -> anyhow::Result<()> {
    let serves = application::healthy()?;
    for (number, _) in base.rows().iter().filter(|(_, by)| *by == serves) {
        application::write(&format!("row-{number}"))?;
    }
    Ok(())
}
