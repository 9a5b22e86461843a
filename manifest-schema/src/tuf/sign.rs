//! Signing: from metadata to the bytes of its file.

use std::collections::BTreeSet;

use super::error::SignError;
use super::key::{PublicKey, SigningKey};
use super::partial::Partial;
use super::role::{Role, RoleName};
use super::root::Root;

/// The file of `metadata`, signed by each of `keys` once.
///
/// The same metadata and keys give the same bytes. There is no white space and what is signed
/// stands in canonical form, so that `jq -cjS .signed` and `openssl pkeyutl -verify -rawin` can
/// check a file by hand. Whether the keys suffice is for the root metadata to say: load the result
/// into a [`super::TrustedRepository`] before publishing it.
///
/// # Errors
/// Without a key; when the metadata has no canonical form, such as a control character in a custom
/// field; and when a client could not read it back.
pub fn sign<R: Role>(metadata: &R, keys: &[&SigningKey]) -> Result<Vec<u8>, SignError> {
    if keys.is_empty() {
        return Err(SignError::NoKey { role: R::NAME });
    }
    let mut partial = Partial::new(metadata.clone())?;
    keys.iter().try_for_each(|key| partial.sign(key))?;
    Ok(partial.file())
}

impl Root {
    /// Whether every role can be signed for: its threshold is not 0 and its keys, different ones
    /// counted once, reach it. Worth asking before signing; a client finds out only later.
    ///
    /// # Errors
    /// [`SignError::Threshold`] with the first role that cannot.
    pub fn check_thresholds(&self) -> Result<(), SignError> {
        RoleName::ALL.iter().try_for_each(|role| self.check_threshold(*role))
    }

    fn check_threshold(&self, role: RoleName) -> Result<(), SignError> {
        let granted = self.role(role);
        let different: BTreeSet<_> =
            granted.key_ids.iter().filter_map(|id| self.keys.get(id)).map(PublicKey::as_bytes).collect();
        let (threshold, keys) = (granted.threshold, different.len());
        if (1..=keys).contains(&(threshold as usize)) {
            return Ok(());
        }
        Err(SignError::Threshold { role, threshold, keys })
    }
}
