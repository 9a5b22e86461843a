//! The public half of a key as people pass it on: one line, `ed25519:` and 64 hex digits, in a file or by itself.

use std::path::{Path, PathBuf};

use manifest_schema::tuf::{KeyError, PublicKey};

use crate::disk::{self, DiskError};

const PREFIX: &str = "ed25519:";

/// Larger files are no public keys.
const LARGEST: u64 = 4096;

/// Why a text or a file is no public key.
#[derive(Debug, thiserror::Error)]
pub enum PublicError {
    /// Neither a key nor a file.
    #[error("{0} is neither a public key (ed25519: and 64 hex digits) nor a file with one")]
    Nothing(String),
    /// A text of another form.
    #[error("{0:?} is not a public key: write ed25519: and 64 hex digits, as `publish keys generate` prints it")]
    Form(String),
    /// The digits are no key.
    #[error("this public key cannot be used")]
    Key(#[from] KeyError),
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// `ed25519:…`
pub fn spell(key: &PublicKey) -> String {
    format!("{PREFIX}{key}")
}

/// The key that a person named: by itself, or by the file that holds it.
///
/// # Errors
/// When it is neither.
pub fn named(text: &str) -> Result<PublicKey, PublicError> {
    if text.starts_with(PREFIX) {
        return parse(text);
    }
    let path = PathBuf::from(text);
    if path.is_file() { read_public(&path) } else { Err(PublicError::Nothing(text.to_owned())) }
}

/// Reads a file with a public key.
///
/// # Errors
/// When it is missing or holds none.
pub fn read_public(path: &Path) -> Result<PublicKey, PublicError> {
    let text = disk::read_text(path, LARGEST)?.ok_or_else(|| PublicError::Nothing(path.display().to_string()))?;
    parse(text.trim())
}

/// Writes a public key to a file of its own, replacing what is there.
///
/// # Errors
/// When it cannot be written.
pub fn write_public(path: &Path, key: &PublicKey) -> Result<(), DiskError> {
    disk::replace(path, format!("{}\n", spell(key)).as_bytes())
}

fn parse(text: &str) -> Result<PublicKey, PublicError> {
    let digits = text.strip_prefix(PREFIX).ok_or_else(|| PublicError::Form(text.chars().take(80).collect()))?;
    Ok(digits.parse()?)
}
