//! Metadata on its way through the hands of those who sign it.
//!
//! The one type that shows metadata before enough keys have signed: for the publisher's side, where a person looks at
//! what is asked of them. Nothing of it is trusted, and no client takes it: what a client takes goes through
//! [`super::TrustedRepository`].

use std::collections::{BTreeMap, BTreeSet};

use super::envelope::Envelope;
use super::error::{Error, SignError};
use super::key::{KeyId, PublicKey, SigningKey};
use super::role::{self, Outgoing, Role};
use super::root::Root;
use crate::canonical;
use crate::digest::lower_hex;

/// Metadata with the signatures that it has so far.
#[derive(Debug, Clone)]
pub struct Partial<R> {
    metadata: R,
    signed: Vec<u8>,
    signatures: BTreeMap<KeyId, String>,
}

impl<R: Role> Partial<R> {
    /// Metadata that nobody has signed yet.
    ///
    /// # Errors
    /// When it has no canonical form, such as a control character in a custom field, or a client could not read it back.
    pub fn new(metadata: R) -> Result<Self, SignError> {
        let canonical = canonical::to_canonical(&Outgoing::new(&metadata));
        let signed = canonical.map_err(|source| SignError::Canonical { role: R::NAME, source })?;
        let partial = Self { metadata, signed, signatures: BTreeMap::new() };
        let read = Envelope::read(R::NAME, &partial.file(), R::NAME.cap()).and_then(|file| file.check_form::<R>());
        read.map_err(|source| SignError::Refused { role: R::NAME, source: Box::new(source) })?;
        Ok(partial)
    }

    /// Reads a metadata file, whoever has signed it. Signatures that are not of the form of one are left out; the others
    /// are not looked at yet.
    ///
    /// # Errors
    /// When it is not metadata of this role in our profile.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let (signatures, signed) = Envelope::read(R::NAME, bytes, R::NAME.cap())?.into_parts();
        let metadata = role::read(&signed)?;
        let is_one = |signature: &String| lower_hex::<64>(signature).is_some();
        let signatures = signatures.into_iter().filter(|(_, signature)| is_one(signature));
        let signatures = signatures.filter_map(|(id, signature)| Some((id.parse().ok()?, signature)));
        Ok(Self { metadata, signed, signatures: signatures.collect() })
    }

    /// What it says.
    #[must_use]
    pub const fn metadata(&self) -> &R {
        &self.metadata
    }

    /// The canonical bytes that are signed.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.signed
    }

    /// Adds a signature that was made elsewhere: 128 lower-case hex digits.
    ///
    /// # Errors
    /// When it is not `key`'s signature of these bytes.
    pub fn add(&mut self, key: &PublicKey, signature: String) -> Result<(), SignError> {
        if !key.verifies(&self.signed, &signature) {
            return Err(SignError::BadSignature { key: key.id() });
        }
        self.signatures.insert(key.id(), signature);
        Ok(())
    }

    /// Signs it.
    ///
    /// # Errors
    /// When the signature does not verify: a fault while signing can give the secret away, so a signature is checked before
    /// it leaves.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), SignError> {
        self.add(&key.public(), key.sign(&self.signed))
    }

    /// The keys that `root` gives the role and that have signed, those that are one public key under two names counted once.
    #[must_use]
    pub fn signers(&self, root: &Root) -> BTreeSet<KeyId> {
        let mut signers = BTreeMap::new();
        for (id, signature) in &self.signatures {
            if let Some(key) = root.key(R::NAME, id).filter(|key| key.verifies(&self.signed, signature)) {
                signers.insert(*key.as_bytes(), *id);
            }
        }
        signers.into_values().collect()
    }

    /// Whether as many keys have signed as `root` asks for.
    #[must_use]
    pub fn is_signed(&self, root: &Root) -> bool {
        let threshold = root.role(R::NAME).threshold;
        threshold >= 1 && self.signers(root).len() >= threshold as usize
    }

    /// Drops every signature but the valid ones of keys that one of `roots` gives the role.
    pub fn keep_signers(&mut self, roots: &[&Root]) {
        let valid: BTreeSet<KeyId> = roots.iter().flat_map(|root| self.signers(root)).collect();
        self.signatures.retain(|id, _| valid.contains(id));
    }

    /// The file with the signatures so far.
    ///
    /// The same metadata and signatures give the same bytes. The parts are put together by hand, since a serializer would
    /// not leave `signed` as it was signed. Neither key ids nor signatures have characters to escape.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let signature = |(id, sig): (&KeyId, &String)| format!(r#"{{"keyid":"{id}","sig":"{sig}"}}"#);
        let signatures: Vec<String> = self.signatures.iter().map(signature).collect();
        let head = format!(r#"{{"signatures":[{}],"signed":"#, signatures.join(","));
        [head.as_bytes(), &self.signed, b"}"].concat()
    }
}
