//! Files that hold a secret: opened through no link, and refused where anybody else can have it; and the variables that name one.
//!
//! A file is judged by the descriptor that it is then read from, so that it cannot be another one by then.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::github::{FILE_VARIABLE, VARIABLES};

/// Names the file of the keys' passphrases.
pub const PASSPHRASE_VARIABLE: &str = "SUREFOOT_PASSPHRASE_FILE";

/// Names the file of the passphrase of new keys.
pub const NEW_PASSPHRASE_VARIABLE: &str = "SUREFOOT_NEW_PASSPHRASE_FILE";

/// Why a file is not read as a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No file.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A link, a directory.
    #[error("{} is not a regular file: secrets are not read through links", .0.display())]
    NotAFile(PathBuf),
    /// Another name of the same file, which may be in a place that others can read, now or when this one is removed.
    #[error("{} has {names} names (hard links), so others may have it too: copy it, and remove all of them", path.display())]
    SeveralNames {
        /// The file.
        path: PathBuf,
        /// How many.
        names: u64,
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
    /// The system does not let it be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Opens a file that must be a secret still.
///
/// # Errors
/// With what is wrong with it, and what to do.
pub fn open(path: &Path) -> Result<File, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    let mut flags = OFlags::NONBLOCK;
    flags.set(OFlags::NOFOLLOW, !is_descriptor(path));
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => SecretError::Missing(path.to_owned()),
        Some(Errno::LOOP) => SecretError::NotAFile(path.to_owned()),
        Some(_) | None => unreadable(error),
    })?;
    judge(path, &file.metadata().map_err(unreadable)?)?;
    // Whoever writes into a pipe may not have begun.
    rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|error| unreadable(error.into()))?;
    Ok(file)
}

/// Takes what holds or names a secret out of a command's environment.
pub fn withhold(command: &mut Command) -> &mut Command {
    for name in [PASSPHRASE_VARIABLE, NEW_PASSPHRASE_VARIABLE, FILE_VARIABLE].into_iter().chain(VARIABLES) {
        command.env_remove(name);
    }
    command
}

/// An address as it may be shown: without the user name and the password before its host.
pub fn address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match host.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://…{}", &rest[user.len()..]),
        None => text.to_owned(),
    }
}

fn judge(path: &Path, found: &Metadata) -> Result<(), SecretError> {
    let path = path.to_owned();
    let mode = found.mode() & 0o7777;
    match found.is_file() {
        // A pipe behind a descriptor has neither a mode nor names that mean anything.
        false if is_descriptor(&path) && !found.is_dir() => Ok(()),
        false => Err(SecretError::NotAFile(path)),
        true if mode & not_for_others(&path) != 0 => Err(SecretError::Exposed { path, mode }),
        true if found.nlink() > 1 => Err(SecretError::SeveralNames { path, names: found.nlink() }),
        true => Ok(()),
    }
}

/// The permissions that it may not have. On a credential of a unit the group's bits are the mask of its access control list, in
/// which only the unit's user stands (systemd.exec(5), `LoadCredential=`; acl(5)).
fn not_for_others(path: &Path) -> u32 {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    if credentials.is_some_and(|directory| path.starts_with(directory)) { 0o037 } else { 0o077 }
}

/// `/dev/fd/3`, `/dev/stdin`: links by their nature, and in nobody else's hands.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_who_asks() {
        assert_eq!(address("https://me:word@host/path"), "https://…@host/path");
        assert_eq!(address("https://a@b:word@host:1"), "https://…@host:1");
        for plain in ["https://host/me@here", "https://host?at=me@here", "/srv/me:word@here", "github:acme/notes"] {
            assert_eq!(address(plain), plain);
        }
    }
}
