//! Signing: from metadata to the bytes of its file.

use std::collections::{BTreeMap, BTreeSet};

use super::envelope::{Envelope, Signature};
use super::error::SignError;
use super::key::{PublicKey, SigningKey};
use super::role::{Outgoing, Role, RoleName};
use super::root::Root;
use crate::canonical;

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
    let signed = canonical_form(metadata)?;
    let by_id: BTreeMap<_, _> = keys.iter().map(|key| (key.public().id(), *key)).collect();
    let signatures = by_id.values().map(|key| signature(key, &signed)).collect::<Result<_, _>>()?;
    let file = file(signatures, &signed);
    read_back::<R>(&file)?;
    Ok(file)
}

fn canonical_form<R: Role>(metadata: &R) -> Result<Vec<u8>, SignError> {
    canonical::to_canonical(&Outgoing::new(metadata)).map_err(|source| SignError::Canonical { role: R::NAME, source })
}

fn signature(key: &SigningKey, signed: &[u8]) -> Result<Signature, SignError> {
    let public = key.public();
    let sig = key.sign(signed);
    // A fault while signing can give the secret away, so a signature is checked before it leaves.
    if !public.verifies(signed, &sig) {
        return Err(SignError::BadSignature { key: public.id() });
    }
    Ok(Signature { keyid: public.id().to_string(), sig })
}

/// The parts put together by hand, since a serializer would not leave `signed` as it was signed.
/// Neither key ids nor signatures have characters to escape.
fn file(signatures: Vec<Signature>, signed: &[u8]) -> Vec<u8> {
    let signatures: Vec<String> = signatures
        .into_iter()
        .map(|Signature { keyid, sig }| format!(r#"{{"keyid":"{keyid}","sig":"{sig}"}}"#))
        .collect();
    let head = format!(r#"{{"signatures":[{}],"signed":"#, signatures.join(","));
    [head.as_bytes(), signed, b"}"].concat()
}

/// Reads the file as a client will.
fn read_back<R: Role>(file: &[u8]) -> Result<(), SignError> {
    Envelope::read(R::NAME, file, R::NAME.cap())
        .and_then(|envelope| envelope.check_form::<R>())
        .map_err(|source| SignError::Refused { role: R::NAME, source: Box::new(source) })
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
