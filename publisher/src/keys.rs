//! The vendor's private keys on disk: PKCS#8 in PEM, readable by their owner only, each with its public half beside it.
//!
//! Written as version 1 of PKCS#8, without the public key (RFC 5208): OpenSSL 3.0 cannot read version 2. So the public key
//! stands in a file of its own, `targets.pub` beside `targets.pem`: it says which key is there while it is locked, and it is
//! what is handed to whoever makes the root. Knows files and passphrases; what a key signs is not known here.

use std::io::Read;
use std::path::{Path, PathBuf};

use manifest_schema::tuf::{PublicKey, RoleName, SigningKey};
use pkcs8::der::zeroize::Zeroizing;
use pkcs8::der::{Decode, Encode, asn1::OctetStringRef};
use pkcs8::pkcs5::{pbes2, scrypt};
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument};

use crate::disk::{self, DiskError};
use crate::passphrase::{PassphraseError, Passphrases};
use crate::secret::{self, SecretError};

mod public;
mod ring;

pub use public::{PublicError, named, read_public, spell, write_public};
pub use ring::{Held, Keyring};

/// id-Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// log2 of scrypt's cost N; 128 MiB of memory and some tenths of a second for each guess. The `openssl` command allows
/// scrypt 32 MiB and so does not open an encrypted key; programs that set their own limit do.
const SCRYPT_LOG_N: u8 = 17;

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// Larger files are no keys.
const LARGEST: u64 = 64 << 10;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// No file.
    #[error("there is no key {}", .0.display())]
    Missing(PathBuf),
    /// The private key does not belong to the public one beside it.
    #[error("{} holds another key than the public one beside it says: they were mixed up", .0.display())]
    Mixed(PathBuf),
    /// Its file is not one that a secret may lie in.
    #[error(transparent)]
    Secret(SecretError),
    /// Not a key of ours.
    #[error("{} holds no Ed25519 key as PKCS#8 in PEM", .0.display())]
    NotAKey(PathBuf),
    /// Wrong passphrase.
    #[error("no passphrase that was given opens the key {}", .0.display())]
    WrongPassphrase(PathBuf),
    /// No passphrase.
    #[error("the key {} is encrypted", path.display())]
    NoPassphrase {
        /// The file.
        path: PathBuf,
        /// Why there is no passphrase.
        source: PassphraseError,
    },
    /// The system gives no randomness.
    #[error("cannot make a key: the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The key cannot be written as PKCS#8.
    #[error("cannot encode a key as PKCS#8")]
    Encode(#[source] pkcs8::Error),
    /// The file cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Where the key of `role` lies in the directory of the keys.
pub fn path(directory: &Path, role: RoleName) -> PathBuf {
    directory.join(format!("{role}.pem"))
}

/// A new key.
///
/// # Errors
/// When the system gives no random bytes.
pub fn generate() -> Result<SigningKey, KeyFileError> {
    Ok(SigningKey::from_seed(*random::<32>()?))
}

/// Writes a key to a new file with mode 0600, encrypted where there is a passphrase, and its public half beside it.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn write(path: &Path, key: &SigningKey, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    let pem = spelt(key, passphrase)?;
    disk::write_new(path, pem.as_bytes(), 0o600)?;
    Ok(write_public(&path.with_extension("pub"), &key.public())?)
}

/// A key as PKCS#8 in PEM, encrypted where there is a passphrase.
pub(crate) fn spelt(key: &SigningKey, passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyFileError> {
    let seed = key.to_seed();
    let octets = OctetStringRef::new(&*seed).map_err(|error| KeyFileError::Encode(error.into()))?;
    let inner = Zeroizing::new(octets.to_der().map_err(|error| KeyFileError::Encode(error.into()))?);
    encode(&inner, passphrase)
}

fn encode(inner: &[u8], passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyFileError> {
    let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
    let octets = OctetStringRef::new(inner).map_err(|error| KeyFileError::Encode(error.into()))?;
    let info = PrivateKeyInfoRef::new(algorithm, octets);
    let (label, document) = match passphrase {
        None => (PLAIN, SecretDocument::try_from(info).map_err(KeyFileError::Encode)?),
        Some(passphrase) => {
            let encrypted = info.encrypt_with_params(encryption()?, passphrase);
            (ENCRYPTED, encrypted.map_err(KeyFileError::Encode)?)
        }
    };
    document.to_pem(label, LineEnding::LF).map_err(|error| KeyFileError::Encode(error.into()))
}

fn encryption() -> Result<pbes2::Parameters, KeyFileError> {
    let cost = scrypt::Params::new(SCRYPT_LOG_N, 8, 1).expect("these parameters are legal");
    pbes2::Parameters::generate_scrypt_aes256cbc(cost, &*random::<16>()?, *random::<16>()?)
        .map_err(|error| KeyFileError::Encode(error.into()))
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeyFileError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(KeyFileError::Random)?;
    Ok(bytes)
}

/// Reads a key.
///
/// # Errors
/// When it is missing, readable by others, no key, not opened by the passphrase, or not the one that the public key beside it
/// announces.
pub fn read(path: &Path, passphrases: &mut Passphrases) -> Result<SigningKey, KeyFileError> {
    let key = open(path, &read_private(path)?, passphrases)?;
    match announced(path) {
        Some(public) if public != key.public() => Err(KeyFileError::Mixed(path.to_owned())),
        Some(_) | None => Ok(key),
    }
}

/// What the public key beside a private one says; nothing where there is none that can be read.
fn announced(path: &Path) -> Option<PublicKey> {
    read_public(&path.with_extension("pub")).ok()
}

pub(crate) fn open(path: &Path, pem: &str, passphrases: &mut Passphrases) -> Result<SigningKey, KeyFileError> {
    let not_a_key = || KeyFileError::NotAKey(path.to_owned());
    let (label, document) = SecretDocument::from_pem(pem).map_err(|_| not_a_key())?;
    match label {
        PLAIN => seed(&document).ok_or_else(not_a_key),
        ENCRYPTED => {
            let encrypted = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| not_a_key())?;
            let opened = passphrases.open(path, |passphrase| encrypted.decrypt(passphrase).ok());
            let opened = opened.map_err(|source| KeyFileError::NoPassphrase { path: path.to_owned(), source })?;
            seed(&opened.ok_or_else(|| KeyFileError::WrongPassphrase(path.to_owned()))?).ok_or_else(not_a_key)
        }
        _ => Err(not_a_key()),
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let file = match secret::open(path) {
        Ok(file) => file,
        Err(SecretError::Missing(path)) => return Err(KeyFileError::Missing(path)),
        Err(error) => return Err(KeyFileError::Secret(error)),
    };
    let mut pem = Zeroizing::new(String::new());
    file.take(LARGEST).read_to_string(&mut pem).map_err(|_| KeyFileError::NotAKey(path.to_owned()))?;
    Ok(pem)
}

/// The 32 bytes of the key: an octet string in the octet string of PKCS#8 (RFC 8410, 7).
fn seed(document: &SecretDocument) -> Option<SigningKey> {
    let info = PrivateKeyInfoRef::try_from(document.as_bytes()).ok()?;
    (info.algorithm.oid == ED25519).then_some(())?;
    let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes()).ok()?;
    Some(SigningKey::from_seed(inner.as_bytes().try_into().ok()?))
}

#[cfg(test)]
mod tests;
