//! Files that hold a secret: found through no link of others, and refused where anybody else can have it.
//!
//! A file is judged by the descriptor that it is then read from, so that it cannot be another one by then.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::place::hold;

/// Who may have a secret beside the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Nobody.
    Nobody,
    /// Whom systemd has let in: the group's bits of a unit's credential are the mask of its access control list, in which only
    /// the unit's user stands (systemd.exec(5), `LoadCredential=`; acl(5)).
    Credential,
}

/// Why a file is not read as a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No file.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A link, a directory, a pipe.
    #[error("{} is not a regular file: secrets are not read through links", .0.display())]
    NotAFile(PathBuf),
    /// Somebody else's.
    #[error("{} belongs to user {uid}, who can read and change it: run `chown {agent} {}`", path.display(), path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Whose it should be.
        agent: u32,
    },
    /// Others can read it.
    #[error(
        "{} has mode {mode:04o}, others can read it: run `chmod 600 {}`, and consider the secret known",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another name of the same file, which may be in a place that others can read, now or when this one is removed.
    #[error("{} has {names} names (hard links), so others may have it too: copy it, and remove all of them", path.display())]
    SeveralNames {
        /// The file.
        path: PathBuf,
        /// How many.
        names: u64,
    },
    /// The system does not let it be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Opens a file that must be a secret still.
///
/// # Errors
/// With what is wrong with it, and what to do.
pub fn open_secret(path: &Path, readers: Readers) -> Result<File, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    // A pipe in its place is not waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = hold(path).and_then(|held| Ok(rustix::fs::openat(&held.above, held.name, flags, Mode::empty())?));
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => SecretError::Missing(path.to_owned()),
        Some(Errno::LOOP | Errno::NXIO) => SecretError::NotAFile(path.to_owned()),
        Some(_) | None => unreadable(error),
    })?;
    let found = rustix::fs::fstat(&file).map_err(|error| unreadable(error.into()))?;
    judge(path, &found, readers, rustix::process::geteuid().as_raw())?;
    Ok(file.into())
}

fn judge(path: &Path, found: &Stat, readers: Readers, agent: u32) -> Result<(), SecretError> {
    let path = path.to_owned();
    let forbidden = match readers {
        Readers::Nobody => 0o077,
        Readers::Credential => 0o037,
    };
    let (mode, uid, names) = (found.st_mode & 0o7777, found.st_uid, found.st_nlink);
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(SecretError::NotAFile(path));
    }
    if uid != 0 && uid != agent {
        return Err(SecretError::Foreign { path, uid, agent });
    }
    if mode & forbidden != 0 {
        return Err(SecretError::Exposed { path, mode });
    }
    if names > 1 {
        return Err(SecretError::SeveralNames { path, names });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::{Owner, give_tree, replace_link, write_atomic};

    fn secret(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        write_atomic(&path, b"secret", mode).unwrap();
        (directory, path)
    }

    #[test]
    fn a_secret_of_ones_own_is_opened_and_one_that_others_can_have_is_not() {
        let (_directory, own) = secret(0o600);
        open_secret(&own, Readers::Nobody).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o4644] {
            let (_directory, open) = secret(mode);
            assert!(matches!(open_secret(&open, Readers::Nobody), Err(SecretError::Exposed { .. })), "{mode:o}");
        }
        let (_directory, credential) = secret(0o440);
        assert!(matches!(open_secret(&credential, Readers::Nobody), Err(SecretError::Exposed { .. })));
        open_secret(&credential, Readers::Credential).unwrap();
    }

    #[test]
    fn a_secret_is_read_through_no_link_and_under_one_name() {
        let (directory, path) = secret(0o600);
        let (link, twin) = (directory.path().join("link"), directory.path().join("twin"));
        replace_link(&link, &path).unwrap();
        for other in [&link, directory.path()] {
            assert!(matches!(open_secret(other, Readers::Nobody), Err(SecretError::NotAFile(_))), "{other:?}");
        }
        #[expect(clippy::disallowed_methods, reason = "a second name of a file is nothing that the agent makes")]
        std::fs::hard_link(&path, &twin).unwrap();
        assert!(matches!(open_secret(&path, Readers::Nobody), Err(SecretError::SeveralNames { names: 2, .. })));
        assert!(matches!(open_secret(Path::new("/nowhere/token"), Readers::Nobody), Err(SecretError::Missing(_))));
    }

    #[test]
    fn a_secret_of_another_user_is_refused() {
        assert!(rustix::process::geteuid().is_root(), "this test gives a file away, which only root can");
        let (_directory, path) = secret(0o600);
        give_tree(&path, Owner { uid: 65534, gid: 65534 }).unwrap();
        assert!(matches!(open_secret(&path, Readers::Nobody), Err(SecretError::Foreign { uid: 65534, .. })));
    }
}
