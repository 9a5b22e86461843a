//! Which processes have an SQLite file locked. SQLite's locks are POSIX locks on the file, and in WAL mode on its index
//! (sqlite.org, "File Locking And Concurrency", "WAL-mode File Format"); the kernel lists them with their holders (proc_locks(5)).
//!
//! Another process cannot be disconnected from a file, and it is not ours to end: it is named.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::clients::{Client, ClientKind};
use super::User;
use crate::durable;

/// A process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pid: u32,
    uid: u32,
    program: String,
    /// Whether it holds a lock for writing: readers hold theirs for as long as they are connected.
    writes: bool,
}

/// Whose locks are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Locks {
    /// Those of processes that write, or keep others from it.
    Writing,
    /// All.
    Any,
}

/// The processes that have the file locked.
pub(super) fn holders(live: &Path, locks: Locks) -> Vec<Holder> {
    let text = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let files = [live.to_owned(), durable::beside(live, "-shm")];
    let mut found: Vec<Holder> = files.iter().flat_map(|file| of_file(&text, file)).collect();
    found.sort_by_key(|holder| (holder.pid, !holder.writes));
    found.dedup_by_key(|holder| holder.pid);
    found.retain(|holder| locks == Locks::Any || holder.writes);
    found
}

fn of_file(text: &str, file: &Path) -> Vec<Holder> {
    let Ok(meta) = std::fs::metadata(file) else { return Vec::new() };
    let locks = text.lines().filter_map(read_line).filter(|lock| lock.inode == meta.ino());
    let own = std::process::id();
    // Numbers of inodes are told apart by file system; the numbers of these are not always those that stat(2) tells.
    let is_open = |lock: &Lock| lock.pid == own || has_open(lock.pid, &meta);
    locks.filter(is_open).filter_map(|lock| holder(lock.pid, lock.writes)).collect()
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    pid: u32,
    inode: u64,
    writes: bool,
}

/// Reads a line such as `1: POSIX  ADVISORY  WRITE 12345 fd:01:1234567 0 EOF`; one with `->` only waits.
pub(crate) fn read_line(line: &str) -> Option<Lock> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_number, "POSIX" | "OFDLCK", _advisory, access, pid, file, ..] = words.as_slice() else { return None };
    let inode = file.rsplit(':').next()?.parse().ok()?;
    Some(Lock { pid: pid.parse().ok()?, inode, writes: *access == "WRITE" })
}

fn has_open(pid: u32, meta: &std::fs::Metadata) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut files = descriptors.filter_map(|entry| std::fs::metadata(entry.path()).ok());
    files.any(|file| (file.dev(), file.ino()) == (meta.dev(), meta.ino()))
}

fn holder(pid: u32, writes: bool) -> Option<Holder> {
    let directory = PathBuf::from(format!("/proc/{pid}"));
    let uid = std::fs::metadata(&directory).ok()?.uid();
    let program = std::fs::read_to_string(directory.join("comm")).ok()?.trim().to_owned();
    Some(Holder { pid, uid, program, writes })
}

impl Holder {
    /// Whether it is not the application itself, as far as can be told: its user is the application's, and it is not SQLite's own
    /// client.
    pub(super) fn is_stranger(&self, application: Option<&User>) -> bool {
        let user = application.map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid);
        self.uid != user || self.program == "sqlite3"
    }

    pub(super) fn client(&self) -> Client {
        let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(self.uid)).ok().flatten();
        Client {
            kind: ClientKind::Process,
            who: name.map_or_else(|| self.uid.to_string(), |user| user.name),
            program: format!("{} (process {})", self.program, self.pid),
            address: None,
            since: None,
            holds: vec![if self.writes { "a lock to write" } else { "a lock to read" }.to_owned()],
        }
    }
}

/// Those who were there at both looks: a lock for a moment is everyday.
pub(super) fn in_both(first: &[Holder], second: &[Holder]) -> Vec<Holder> {
    first.iter().filter(|holder| second.contains(holder)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let lock = read_line("12: POSIX  ADVISORY  WRITE 4711 fd:01:1234567 1073741824 1073741825").unwrap();
        assert_eq!(lock, Lock { pid: 4711, inode: 1_234_567, writes: true });
        let lock = read_line("2: OFDLCK ADVISORY  READ -1 00:2b:77 0 EOF");
        assert_eq!(lock, None, "nobody can be named");
        assert_eq!(read_line("3: -> POSIX  ADVISORY  WRITE 4711 fd:01:1234567 0 EOF"), None);
        assert_eq!(read_line("4: FLOCK  ADVISORY  WRITE 1 fd:01:1 0 EOF"), None);
    }

    #[test]
    fn the_application_is_told_from_others_by_its_user() {
        let user = User { name: "kkt".to_owned(), uid: 990, gid: 990 };
        let holder = |uid, program: &str| Holder { pid: 1, uid, program: program.to_owned(), writes: true };
        assert!(!holder(990, "python3").is_stranger(Some(&user)));
        assert!(holder(990, "sqlite3").is_stranger(Some(&user)) && holder(0, "python3").is_stranger(Some(&user)));
    }
}
