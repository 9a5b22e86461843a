//! Signed metadata as a file: `{"signatures": […], "signed": {…}}` (TUF 4.2).
//!
//! The file is read strictly, what is signed is brought into canonical form, the signatures are
//! counted over that form, and only then is it read as metadata, from the canonical bytes and not
//! from the file's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::role::{self, Role, RoleName};
use super::root::Root;
use super::verified::Verified;
use crate::canonical;
use crate::strict::{self, Value};

/// A signature and the key it claims to be of. Nothing in it is checked yet: strangers' keys may
/// have any id and any form of signature.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Signature {
    pub(super) keyid: String,
    pub(super) sig: String,
}

/// A metadata file of which no signature is checked yet, so that its content is out of reach.
#[derive(Debug)]
pub(super) struct Envelope {
    role: RoleName,
    signatures: BTreeMap<String, String>,
    signed: Vec<u8>,
}

#[derive(Deserialize)]
struct File {
    signatures: Vec<Signature>,
    signed: Value,
}

impl Envelope {
    /// Reads a metadata file of at most `cap` bytes.
    pub(super) fn read(role: RoleName, bytes: &[u8], cap: u64) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { role, source };
        let file = strict::parse(bytes, cap).map_err(unreadable)?;
        let file: File = file.to().map_err(|source| Error::Malformed { role, source })?;
        let mut signatures = BTreeMap::new();
        for Signature { keyid, sig } in file.signatures {
            if signatures.insert(keyid.clone(), sig).is_some() {
                return Err(Error::SignedTwice { role, key: keyid });
            }
        }
        Ok(Self { role, signatures, signed: canonical::encode(&file.signed) })
    }

    /// The signatures by key, and the canonical form of what they are over; nothing of it is checked.
    pub(super) fn into_parts(self) -> (BTreeMap<String, String>, Vec<u8>) {
        (self.signatures, self.signed)
    }

    /// Demands that the keys `root` gives the role have signed, as many as its threshold says.
    pub(super) fn verify(&self, root: &Root) -> Result<(), Error> {
        let valid = self.signers(root);
        let threshold = root.role(self.role).threshold;
        if threshold >= 1 && valid >= threshold as usize {
            return Ok(());
        }
        let (role, root) = (self.role, root.version);
        Err(Error::TooFewSignatures { role, valid, threshold, root })
    }

    /// How many different public keys of the role have signed.
    fn signers(&self, root: &Root) -> usize {
        let mut signers = BTreeSet::new();
        for (keyid, sig) in &self.signatures {
            let Some(key) = keyid.parse().ok().and_then(|id| root.key(self.role, &id)) else {
                continue;
            };
            if key.verifies(&self.signed, sig) {
                signers.insert(*key.as_bytes());
            }
        }
        signers.len()
    }

    /// Verifies by the keys in `root` and reads what was signed.
    pub(super) fn open<R: Role>(self, root: &Root) -> Result<Verified<R>, Error> {
        self.verify(root)?;
        role::read(&self.signed).map(Verified::new)
    }

    /// Whether what was signed has the form of an `R`; lets nothing of it out.
    pub(super) fn check_form<R: Role>(&self) -> Result<(), Error> {
        role::read::<R>(&self.signed).map(drop)
    }

    /// Reads a root that is to be verified by its own keys: the only case in which the content must
    /// be read before the signatures can be counted.
    pub(super) fn open_by_itself(self) -> Result<Verified<Root>, Error> {
        let root: Root = role::read(&self.signed)?;
        self.verify(&root)?;
        Ok(Verified::new(root))
    }
}
