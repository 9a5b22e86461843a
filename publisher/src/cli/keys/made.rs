//! New keys of a change of the root: made first, in the ring for signing, and in their files before the root is.

use std::path::PathBuf;

use clap::Args;
use manifest_schema::tuf::{PublicKey, RoleName, SigningKey};
use pkcs8::der::zeroize::Zeroizing;

use crate::cli::Failure;
use crate::cli::signing::Signing;
use crate::disk;
use crate::keys::{self, Keyring};
use crate::passphrase::Passphrases;
use crate::secret::NEW_PASSPHRASE_VARIABLE;

/// How new keys are protected.
#[derive(Debug, Args)]
pub(super) struct Making {
    /// Read the passphrase of new keys from this file, where it is another than that of the present ones. Also
    /// SUREFOOT_NEW_PASSPHRASE_FILE in the environment.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// Leave new keys unencrypted, because something else protects them.
    #[arg(long, conflicts_with = "new_passphrase_file")]
    no_passphrase: bool,
}

impl Making {
    /// The passphrase of new keys; nothing where they are to have none.
    pub(super) fn passphrase(&self, signing: &Signing) -> Result<Option<Zeroizing<String>>, Failure> {
        if self.no_passphrase {
            return Ok(None);
        }
        let variable = || std::env::var_os(NEW_PASSPHRASE_VARIABLE).map(Into::into);
        let file = self.new_passphrase_file.clone().or_else(variable).or_else(|| signing.passphrase_file());
        let mut passphrases = Passphrases::new(file);
        let chosen = passphrases.choose().map_err(crate::init::InitError::Passphrase)?;
        Ok(Some(Zeroizing::new(chosen.to_owned())))
    }
}

/// Keys that were just made.
pub(super) struct Made {
    directory: PathBuf,
    keys: Vec<(PathBuf, SigningKey)>,
}

impl Made {
    /// None yet; their files will be in `directory`.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, keys: Vec::new() }
    }

    /// A new key for `role`. The file is named after both, so that no file is ever in its way.
    pub(super) fn key(&mut self, role: RoleName) -> Result<PublicKey, Failure> {
        let key = keys::generate()?;
        let public = key.public();
        self.keys.push((self.directory.join(format!("{role}-{:.8}.pem", public.id())), key));
        Ok(public)
    }

    /// Lets them sign.
    pub(super) fn hand_to(&self, ring: &mut Keyring) {
        self.keys.iter().for_each(|(path, key)| ring.take(path.clone(), key.clone()));
    }

    /// Writes their files.
    pub(super) fn write(&self, making: &Making, signing: &Signing) -> Result<(), Failure> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let passphrase = making.passphrase(signing)?;
        disk::make_private_dir(&self.directory)?;
        for (path, key) in &self.keys {
            keys::write(path, key, passphrase.as_ref().map(|it| it.as_str()))?;
            println!("made  {}", path.display());
        }
        Ok(())
    }
}
