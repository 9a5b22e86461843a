//! Copies of trees in which the application's user works meanwhile, and may do so with bad intent.
//!
//! Each entry is opened by its name in a directory that is held open, never through a link, and the descriptor says what
//! it is, whose, and with which mode: a name that is swapped for a link or a pipe meanwhile brings nothing from outside
//! into the copy and holds nothing up. The copy itself must be made where only the agent can write.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::owner::{Entry, each_entry};
use super::place::hold;
use super::{Attempt, Error, Owner, Result, make_dir, open_dir, remove_file, remove_tree};

/// Copies a file or a directory with all that lies in it: modes, owners, and links as links. Content is shared with the
/// original where the file system can (reflink), copied where it cannot, never hard-linked: an application that
/// rewrites a file in place must not spoil its own backup. Sockets, pipes and devices are left out, and so is what vanishes
/// below `from` while it is copied.
///
/// # Errors
/// When something cannot be read or written.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let held = hold(from).map_err(|error| Error::new("look at", from, error))?;
    copy(&Entry::top(&held, from), to)
}

fn copy(entry: &Entry<'_>, to: &Path) -> Result<()> {
    let seen = entry.look().attempt("look at", entry.path)?;
    match FileType::from_raw_mode(seen.st_mode) {
        FileType::Symlink => copy_link(entry, &seen, to),
        FileType::Directory | FileType::RegularFile => copy_opened(entry, to),
        // Not even opened: that alone wakes who waits at a pipe's other end.
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            Ok(())
        }
    }
}

fn copy_link(entry: &Entry<'_>, seen: &Stat, to: &Path) -> Result<()> {
    let target = rustix::fs::readlinkat(entry.above, entry.name, Vec::new()).attempt("read link", entry.path)?;
    rustix::fs::symlink(target, to).attempt("make link", to)?;
    let made = rustix::fs::lstat(to).attempt("look at", to)?;
    let Some(owner) = other_owner(&made, seen) else { return Ok(()) };
    rustix::fs::chownat(CWD, to, Some(owner.uid()), Some(owner.gid()), AtFlags::SYMLINK_NOFOLLOW)
        .attempt("give away", to)
}

/// What was seen may have been swapped since; what is open cannot be.
fn copy_opened(entry: &Entry<'_>, to: &Path) -> Result<()> {
    let (original, is) = entry.open(OFlags::empty())?;
    match FileType::from_raw_mode(is.st_mode) {
        FileType::Directory => copy_dir(&original, &is, entry.path, to),
        FileType::RegularFile => copy_file(original, &is, to),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Ok(()),
    }
}

fn copy_dir(original: &OwnedFd, is: &Stat, from: &Path, to: &Path) -> Result<()> {
    make_dir(to, 0o700)?;
    each_entry(original, from, |entry| {
        let copied = to.join(entry.name);
        match copy(entry, &copied) {
            // Its owner goes on working meanwhile: what is gone is no part of the copy any more.
            Err(error) if is_gone(entry, &error) => remove(&copied),
            outcome => outcome,
        }
    })?;
    make_like(open_dir(to)?, is, to)
}

/// Gone now, or gone when it was wanted and there again since.
fn is_gone(entry: &Entry<'_>, error: &Error) -> bool {
    error.path == entry.path && error.is(Errno::NOENT) || matches!(entry.look(), Err(Errno::NOENT))
}

fn remove(copied: &Path) -> Result<()> {
    if copied.is_dir() { remove_tree(copied) } else { remove_file(copied) }
}

fn copy_file(original: OwnedFd, is: &Stat, to: &Path) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let copy = rustix::fs::open(to, flags, Mode::from_raw_mode(0o600)).attempt("make", to)?;
    let mut copy = File::from(copy);
    if rustix::fs::ioctl_ficlone(&copy, &original).is_err() {
        // No more than there was: a file that grows as fast as it is copied would never end. std's copy uses
        // copy_file_range(2) between two files.
        let length = u64::try_from(is.st_size).unwrap_or(0);
        std::io::copy(&mut File::from(original).take(length), &mut copy).attempt("write", to)?;
    }
    make_like(copy, is, to)
}

/// The owner first: giving a file away takes some bits of its mode.
fn make_like(copy: impl AsFd, is: &Stat, to: &Path) -> Result<()> {
    let made = rustix::fs::fstat(&copy).attempt("look at", to)?;
    if let Some(owner) = other_owner(&made, is) {
        rustix::fs::fchown(&copy, Some(owner.uid()), Some(owner.gid())).attempt("give away", to)?;
    }
    rustix::fs::fchmod(&copy, Mode::from_raw_mode(is.st_mode & 0o7777)).attempt("set the mode of", to)
}

/// The owner that the copy should have and has not.
fn other_owner(made: &Stat, like: &Stat) -> Option<Owner> {
    let is_same = (made.st_uid, made.st_gid) == (like.st_uid, like.st_gid);
    (!is_same).then_some(Owner { uid: like.st_uid, gid: like.st_gid })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::RenameFlags;

    use super::*;
    use crate::durable::{TreeWriter, replace_link, write_atomic};

    #[test]
    fn a_copy_has_the_modes_and_links_of_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let mut tree = TreeWriter::create(&from, None).unwrap();
        tree.create_file(Path::new("bin/run"), 0o755).unwrap().write(b"#!").unwrap();
        replace_link(&from.join("dangling"), Path::new("nowhere")).unwrap();
        let to = dir.path().join("to");
        copy_tree(&from, &to).unwrap();
        assert_eq!(std::fs::read(to.join("bin/run")).unwrap(), b"#!");
        assert_eq!(std::fs::metadata(to.join("bin/run")).unwrap().mode() & 0o777, 0o755);
        assert_eq!(std::fs::read_link(to.join("dangling")).unwrap(), Path::new("nowhere"));
        remove_tree(&to).unwrap();
        remove_tree(&to).unwrap();
        assert!(!to.exists());
    }

    fn make_pipe(path: &Path) {
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    }

    #[test]
    fn a_pipe_is_left_out_and_hangs_nothing_even_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        make_dir(&from, 0o755).unwrap();
        make_pipe(&from.join("pipe"));
        copy_tree(&from, &to).unwrap();
        assert!(to.is_dir() && !to.join("pipe").exists());
        // As when it took a file's place after that was looked at.
        let pipe = from.join("pipe");
        copy_opened(&Entry::top(&hold(&pipe).unwrap(), &pipe), &to.join("pipe")).unwrap();
        assert!(!to.join("pipe").exists());
    }

    #[test]
    fn what_became_a_link_after_it_was_looked_at_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, link, to) = (dir.path().join("secret"), dir.path().join("link"), dir.path().join("to"));
        make_dir(&secret, 0o700).unwrap();
        write_atomic(&secret.join("shadow"), b"root", 0o600).unwrap();
        for target in [secret.clone(), secret.join("shadow")] {
            replace_link(&link, &target).unwrap();
            assert!(copy_opened(&Entry::top(&hold(&link).unwrap(), &link), &to).is_err());
            assert!(!to.exists() && !to.is_symlink());
        }
    }

    /// Names to be swapped as fast as can be: a file against a link to a secret and against a pipe, and a directory against a
    /// link to the secret's.
    fn swapped(dir: &Path) -> (PathBuf, Vec<(PathBuf, PathBuf)>) {
        let (secret, uploads) = (dir.join("secret"), dir.join("uploads"));
        for made in [&secret, &uploads, &uploads.join("album")] {
            make_dir(made, 0o755).unwrap();
        }
        for (path, text) in [("secret/photo", "secret"), ("uploads/file", "mine"), ("uploads/album/photo", "mine")] {
            write_atomic(&dir.join(path), text.as_bytes(), 0o644).unwrap();
        }
        replace_link(&uploads.join("link"), &secret.join("photo")).unwrap();
        replace_link(&uploads.join("album-link"), &secret).unwrap();
        make_pipe(&uploads.join("pipe"));
        let pairs = [("file", "link"), ("file", "pipe"), ("album", "album-link")];
        (uploads.clone(), pairs.map(|(one, other)| (uploads.join(one), uploads.join(other))).to_vec())
    }

    fn copied_secrets(copy: &Path) -> Vec<PathBuf> {
        let names = ["file", "album/photo"].map(|name| copy.join(name));
        let is_real = |path: &PathBuf| {
            !path.is_symlink()
                && !path.parent().unwrap().is_symlink()
                && std::fs::metadata(path).is_ok_and(|is| is.is_file())
        };
        names.into_iter().filter(is_real).filter(|path| std::fs::read(path).unwrap() == b"secret").collect()
    }

    #[test]
    fn names_that_are_swapped_all_the_while_bring_no_secret_into_a_copy() {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (uploads, pairs) = swapped(dir.path());
        let is_over = AtomicBool::new(false);
        // Without making it durable: that would leave too much time.
        let exchange = |one: &Path, other: &Path| {
            rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
        };
        let secrets: Vec<PathBuf> = std::thread::scope(|scope| {
            scope.spawn(|| {
                for (one, other) in pairs.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    exchange(one, other);
                }
            });
            let copy = dir.path().join("copy");
            let secrets = |_| {
                remove_tree(&copy).unwrap();
                make_dir(&copy, 0o755).unwrap();
                for name in ["file", "album"] {
                    // A copy may fail; it may not hold what is not the application's.
                    let _ = copy_tree(&uploads.join(name), &copy.join(name));
                }
                copied_secrets(&copy)
            };
            let found = (0..3000).flat_map(secrets).collect();
            is_over.store(true, Ordering::Relaxed);
            found
        });
        assert_eq!(secrets, [""; 0].map(PathBuf::from));
    }
}
