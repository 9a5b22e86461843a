//! Who signs: the keys that are here, and commands that reach keys elsewhere.
//!
//! Asks for no more signatures than the root wants, and for none that is there. Knows what a role is; what the metadata says
//! is not known here.

use std::collections::BTreeSet;

use manifest_schema::tuf::{KeyId, Partial, PublicKey, Role, RoleName, Root, SignError};

use crate::keys::{KeyFileError, Keyring};

mod command;

pub use command::{Command, CommandError, PATIENCE};

/// Why something could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// A key's file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A signature that is none.
    #[error(
        "{signer} did not give the signature of the {role} key {id}: it must end with code {} for a key that it does not hold",
        command::NOT_MINE
    )]
    Wrong {
        /// The command.
        signer: String,
        /// Whose key.
        role: RoleName,
        /// The key.
        id: KeyId,
    },
    /// A key here gave a signature that does not verify.
    #[error("cannot sign")]
    Sign(#[source] Box<SignError>),
}

/// Everything here that can sign.
pub struct Signers {
    /// The keys in files.
    pub ring: Keyring,
    /// The commands, asked for what the files do not have.
    pub commands: Vec<Command>,
}

impl Signers {
    /// Adds signatures to `partial` until the role has enough under each of `roots`, or nobody is left to ask. Answers the keys
    /// that signed now.
    ///
    /// # Errors
    /// When a key cannot be used, or a command fails or gives a wrong signature.
    pub fn sign<R: Role>(&mut self, roots: &[&Root], partial: &mut Partial<R>) -> Result<BTreeSet<KeyId>, SignerError> {
        let mut signed = BTreeSet::new();
        for root in roots {
            for (id, public) in keys_of(root, R::NAME) {
                if partial.is_signed(root) {
                    break;
                }
                let has_signed = partial.signers(root).contains(&id);
                if !has_signed && (self.by_file(id, partial)? || self.by_command(id, &public, partial)?) {
                    signed.insert(id);
                }
            }
        }
        Ok(signed)
    }

    fn by_file<R: Role>(&mut self, id: KeyId, partial: &mut Partial<R>) -> Result<bool, SignerError> {
        let Some(key) = self.ring.find(R::NAME, id)? else {
            return Ok(false);
        };
        partial.sign(&key).map_err(|error| SignerError::Sign(Box::new(error)))?;
        Ok(true)
    }

    fn by_command<R: Role>(
        &mut self,
        id: KeyId,
        public: &PublicKey,
        partial: &mut Partial<R>,
    ) -> Result<bool, SignerError> {
        for command in &self.commands {
            let Some(signature) = command.sign(R::NAME, public, partial.message())? else {
                continue;
            };
            let wrong = |_| SignerError::Wrong { signer: command.to_string(), role: R::NAME, id };
            partial.add(public, signature).map_err(wrong)?;
            return Ok(true);
        }
        Ok(false)
    }
}

/// The keys of a role, by their ids.
pub fn keys_of(root: &Root, role: RoleName) -> Vec<(KeyId, PublicKey)> {
    let ids = root.role(role).key_ids.iter();
    ids.filter_map(|id| root.keys.get(id).map(|public| (*id, *public))).collect()
}
