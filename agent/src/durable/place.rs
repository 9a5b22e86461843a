//! The directory that a name lies in, found without following a link that somebody else could have put on the way, and held.
//!
//! Above what is the agent's own there may be directories of the application's user, who can swap any of them for a link at
//! any instant. A link is followed where it is the agent's own or root's, component by component, each held open: what was
//! looked at is what is gone through. Others cannot make such a link, but they can give one that lies in a directory of theirs
//! another name there, or lend it one (rename(2), link(2)): from there it is followed only if it leads further down.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
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
    Ok(Held { above: reach_dir(parent_of(path))?, name })
}

/// Holds a directory.
pub(super) fn reach_dir(directory: &Path) -> std::io::Result<OwnedFd> {
    let reached = reach(directory)?;
    let is = rustix::fs::fstat(&reached)?;
    if FileType::from_raw_mode(is.st_mode) == FileType::Directory { Ok(reached) } else { Err(Errno::NOTDIR.into()) }
}

/// Holds whatever bears the name, without opening it. A link in its place is followed as one on the way.
pub(super) fn reach(path: &Path) -> std::io::Result<OwnedFd> {
    if let Ok(below) = path.strip_prefix("/proc/self/fd") {
        // Somebody holds the directory already.
        let held = Path::new("/proc/self/fd").join(below.components().next().ok_or(Errno::INVAL)?);
        let at = rustix::fs::open(&held, FLAGS, Mode::empty())?;
        let below = below.strip_prefix(held.file_name().ok_or(Errno::INVAL)?).unwrap_or(below);
        return walk(at, below);
    }
    match rustix::fs::openat2(CWD, path, FLAGS, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // There is no openat2(2) under RestrictSUIDSGID= (systemd.exec(5)), as in the unit of the guard.
        Err(Errno::LOOP | Errno::NOSYS) => walk(rustix::fs::open(".", FLAGS, Mode::empty())?, path),
        opened => Ok(opened?),
    }
}

fn walk(mut at: OwnedFd, path: &Path) -> std::io::Result<OwnedFd> {
    let mut left = reversed(path);
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
        let target = rustix::fs::readlinkat(&next, c"", Vec::new())?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        may_follow(name, &is, &target, &rustix::fs::fstat(&at)?)?;
        left.extend(reversed(&target));
    }
    Ok(at)
}

/// Refuses a link that somebody else has made, or may have put there.
fn may_follow(name: OsString, link: &Stat, target: &Path, lies_in: &Stat) -> std::io::Result<()> {
    if !is_ours(link.st_uid) {
        return Err(std::io::Error::other(Foreign::Link { name, uid: link.st_uid }));
    }
    let leads_down = target.components().all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if leads_down || is_still_where_it_was_made(link, lies_in) {
        return Ok(());
    }
    Err(std::io::Error::other(Foreign::Moved { name, uid: lies_in.st_uid }))
}

/// Whether nobody else can rename what lies in the directory, or lend it another name there.
fn is_still_where_it_was_made(link: &Stat, lies_in: &Stat) -> bool {
    let is_sticky = lies_in.st_mode & 0o1000 != 0;
    let can_others_write = lies_in.st_mode & 0o022 != 0;
    is_ours(lies_in.st_uid) && (!can_others_write || (is_sticky && link.st_nlink == 1))
}

fn is_ours(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// The components, the first one last; `/` is one, and leads to the top from anywhere.
fn reversed(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|component| *component != Component::CurDir);
    named.rev().map(|component| component.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests;
