//! The directory that a name lies in, found without following a link that somebody else could have put on the way, and held.
//!
//! Above what is the agent's own there may be directories of the application's user, who can swap any of them for a link at
//! any instant. A link is followed where it is the agent's own or root's (nobody else can make one of those), component by
//! component, each held open: what was looked at is what is gone through.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::owner::Foreign;
use super::parent_of;

/// As many as the kernel follows (path_resolution(7)).
const MOST_LINKS: usize = 40;
const FLAGS: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// A name, and the directory that it lies in.
pub(super) struct Held<'a> {
    pub(super) above: OwnedFd,
    pub(super) name: &'a OsStr,
}

/// Holds the directory above `path`. What bears the name itself is not looked at.
pub(super) fn hold(path: &Path) -> std::io::Result<Held<'_>> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    Ok(Held { above: open(parent_of(path))?, name })
}

fn open(directory: &Path) -> std::io::Result<OwnedFd> {
    let flags = FLAGS.union(OFlags::DIRECTORY);
    if directory.starts_with("/proc/self/fd") {
        // Somebody holds it already.
        return Ok(rustix::fs::open(directory, flags, Mode::empty())?);
    }
    match rustix::fs::openat2(CWD, directory, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // There is no openat2(2) under RestrictSUIDSGID= (systemd.exec(5)), as in the unit of the guard.
        Err(Errno::LOOP | Errno::NOSYS) => walk(directory),
        opened => Ok(opened?),
    }
}

fn walk(directory: &Path) -> std::io::Result<OwnedFd> {
    let mut at = rustix::fs::open(".", FLAGS, Mode::empty())?;
    let mut left = reversed(directory);
    let mut links = 0;
    while let Some(name) = left.pop() {
        let next = rustix::fs::openat(&at, &*name, FLAGS.union(OFlags::NOFOLLOW), Mode::empty())?;
        let is = rustix::fs::fstat(&next)?;
        if FileType::from_raw_mode(is.st_mode) != FileType::Symlink {
            at = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        if is.st_uid != 0 && is.st_uid != rustix::process::geteuid().as_raw() {
            return Err(std::io::Error::other(Foreign::Link { name, uid: is.st_uid }));
        }
        let target = rustix::fs::readlinkat(&next, c"", Vec::new())?;
        left.extend(reversed(&PathBuf::from(OsString::from_vec(target.into_bytes()))));
    }
    Ok(at)
}

/// The components, the first one last; `/` is one, and leads to the top from anywhere.
fn reversed(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|component| *component != Component::CurDir);
    named.rev().map(|component| component.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests;
