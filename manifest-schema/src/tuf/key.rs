//! Ed25519 keys and what identifies them.
//!
//! A public key that exists is a good one: on the curve, in its only encoding, not weak. A
//! signing key never shows its secret. How keys are stored, and behind which passphrase, is the
//! publisher's matter.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::canonical;
use crate::digest::{DigestError, Sha256, lower_hex};
use crate::strict::Value;

/// The name of a key in metadata: the SHA-256 of the canonical form of its key object
/// (TUF 4.2), written as 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(Sha256);

impl KeyId {
    /// The id of the key that `object` describes; unknown fields count.
    pub(super) fn of(object: &Value) -> Self {
        Self(Sha256::of(&canonical::encode(object)))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for KeyId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

/// A public Ed25519 key that is fit to verify with.
///
/// In JSON it is TUF's key object:
/// `{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"<64 hex digits>"}}`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why bytes or a key object are not a usable public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 64 lower-case hex digits.
    #[error("an Ed25519 key is written as 64 lower-case hex digits, and this one is not")]
    Spelling,
    /// Not a point of the curve, or not in its canonical encoding.
    #[error("the 32 bytes are not the encoding of a point on the curve")]
    NotAPoint,
    /// A point of small order: signatures under it prove nothing.
    #[error("the key is weak: anyone can sign with it")]
    Weak,
    /// Another algorithm.
    #[error("keys of type {keytype:?} with scheme {scheme:?} are not used here, only ed25519")]
    Algorithm {
        /// `keytype` of the key object.
        keytype: String,
        /// `scheme` of the key object.
        scheme: String,
    },
}

impl PublicKey {
    /// The key with these 32 bytes (RFC 8032, 5.1.2).
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`] and [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        // Thresholds count distinct keys, so one point must not pass under two encodings.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotAPoint);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self(key))
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The id under which metadata lists the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.object())
    }

    /// The key object.
    fn object(&self) -> Value {
        let text = |text: &str| Value::String(text.to_owned());
        let public = BTreeMap::from([("public".to_owned(), text(&self.to_string()))]);
        Value::Object(BTreeMap::from([
            ("keytype".to_owned(), text("ed25519")),
            ("scheme".to_owned(), text("ed25519")),
            ("keyval".to_owned(), Value::Object(public)),
        ]))
    }

    /// Whether `signature`, 128 lower-case hex digits, is this key's over `message`.
    ///
    /// Strictly: also false for S ≥ L and for small-order or non-canonical R.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        lower_hex::<64>(signature)
            .is_some_and(|bytes| self.0.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&lower_hex(text).ok_or(KeyError::Spelling)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = KeyObject::deserialize(deserializer)?;
        object.key().map_err(de::Error::custom)
    }
}

#[derive(Deserialize)]
struct KeyObject {
    keytype: String,
    scheme: String,
    keyval: KeyVal,
}

#[derive(Deserialize)]
struct KeyVal {
    public: String,
}

impl KeyObject {
    fn key(self) -> Result<PublicKey, KeyError> {
        match (self.keytype.as_str(), self.scheme.as_str()) {
            ("ed25519", "ed25519") => self.keyval.public.parse(),
            _ => Err(KeyError::Algorithm { keytype: self.keytype, scheme: self.scheme }),
        }
    }
}

/// A secret Ed25519 key. It is wiped from memory when dropped and is never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key that grows from these 32 secret bytes (RFC 8032, 5.1.5).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The 32 secret bytes, wiped when dropped.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        // A key with a known secret is of large order and comes out canonically encoded.
        PublicKey(self.0.verifying_key())
    }

    /// The signature over `message`: 128 lower-case hex digits.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {:?})", self.public())
    }
}

#[cfg(test)]
mod tests;
