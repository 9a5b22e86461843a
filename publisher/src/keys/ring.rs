//! The private keys that are here: found by the key that is wanted, opened when they are needed, and each once.
//!
//! A file says which key it holds by the public half beside it. One that does not say it is tried for the role in its
//! name: `targets.pem`, `targets-2.pem`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use manifest_schema::tuf::{KeyId, PublicKey, RoleName, SigningKey};

use super::{KeyFileError, announced, path, read};
use crate::disk::{self, DiskError};
use crate::passphrase::Passphrases;

/// A file with a private key, still closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The file.
    pub path: PathBuf,
    /// Which key it says that it holds.
    pub public: Option<PublicKey>,
    /// Whether a person named it, so that it is tried for any role.
    named: bool,
}

/// The keys in a directory, and those that were named one by one.
pub struct Keyring {
    directory: PathBuf,
    files: Vec<Held>,
    passphrases: Passphrases,
    opened: BTreeMap<PathBuf, SigningKey>,
}

impl Keyring {
    /// The keys in `directory`, which need not exist, and the files `named`. Nothing is opened yet.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn new(directory: &Path, named: &[PathBuf], passphrases: Passphrases) -> Result<Self, DiskError> {
        let mut paths = disk::list(directory)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
        let held = |path: &PathBuf, named| Held { public: announced(path), path: path.clone(), named };
        let mut files: Vec<Held> = named.iter().map(|path| held(path, true)).collect();
        files.extend(paths.iter().filter(|path| !named.contains(path)).map(|path| held(path, false)));
        Ok(Self { directory: directory.to_owned(), files, passphrases, opened: BTreeMap::new() })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Every file, without opening one.
    pub fn files(&self) -> &[Held] {
        &self.files
    }

    /// The file that says it holds this key.
    pub fn holds(&self, id: KeyId) -> Option<&Held> {
        self.files.iter().find(|held| held.public.is_some_and(|public| public.id() == id))
    }

    /// The key `id` of `role`; `None` where it is not here.
    ///
    /// # Errors
    /// When a file that should hold it cannot be used: readable by others, no key, a wrong passphrase.
    pub fn find(&mut self, role: RoleName, id: KeyId) -> Result<Option<SigningKey>, KeyFileError> {
        let says = |held: &&Held| match held.public {
            Some(public) => public.id() == id,
            None => held.may_be_of(role),
        };
        let candidates: Vec<PathBuf> = self.files.iter().filter(says).map(|held| held.path.clone()).collect();
        for candidate in candidates {
            let key = self.open(&candidate)?;
            if key.public().id() == id {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// The key in the file that `publish init` makes for `role`, whichever it is.
    ///
    /// # Errors
    /// As [`find`](Self::find), and when there is no such file.
    pub fn usual(&mut self, role: RoleName) -> Result<SigningKey, KeyFileError> {
        self.open(&path(&self.directory, role))
    }

    fn open(&mut self, path: &Path) -> Result<SigningKey, KeyFileError> {
        if let Some(key) = self.opened.get(path) {
            return Ok(key.clone());
        }
        let key = read(path, &mut self.passphrases)?;
        self.opened.insert(path.to_owned(), key.clone());
        Ok(key)
    }

    /// Takes a key that was just made and written.
    pub fn take(&mut self, path: PathBuf, key: SigningKey) {
        self.files.push(Held { path: path.clone(), public: Some(key.public()), named: false });
        self.opened.insert(path, key);
    }
}

impl Held {
    fn may_be_of(&self, role: RoleName) -> bool {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let of_role = stem.strip_prefix(role.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        self.named || of_role
    }
}
