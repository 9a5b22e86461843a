//! Changes of the root: pure, from one root to the next. Who signs it is not known here.

use manifest_schema::tuf::{KeyId, PublicKey, RoleName, Root, SignError};

/// Why there is no such root.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Several keys, and none was named.
    #[error("the {role} role has {keys} keys: say with --old which one goes")]
    Which {
        /// The role.
        role: RoleName,
        /// How many keys it has.
        keys: usize,
    },
    /// No such key.
    #[error("no key in the root has an id that begins with {0:?}, or not for that role: see `publish keys list`")]
    NoSuchKey(String),
    /// More than one.
    #[error("the ids of several keys begin with {0:?}: write more of it")]
    Ambiguous(String),
    /// It has the role already.
    #[error("the key {id:.12} has the {role} role already")]
    Already {
        /// The role.
        role: RoleName,
        /// The key.
        id: KeyId,
    },
    /// The role could not sign any more.
    #[error(
        "the {role} role would have threshold {threshold} with {keys} keys, and nobody could ever sign for it: add a key first (`publish keys add`), replace this one (`publish keys rotate`), or say --threshold"
    )]
    Threshold {
        /// The role.
        role: RoleName,
        /// Its threshold.
        threshold: u32,
        /// Its keys.
        keys: usize,
    },
}

/// A key of a role, by the beginning of its id; the only one where nothing is said.
///
/// # Errors
/// When there is none, or more than one.
pub fn key_of(root: &Root, role: RoleName, begin: Option<&str>) -> Result<KeyId, RotationError> {
    let ids = &root.role(role).key_ids;
    let Some(begin) = begin else {
        let keys = ids.len();
        return ids.first().filter(|_| keys == 1).copied().ok_or(RotationError::Which { role, keys });
    };
    only(ids.iter().copied(), begin)
}

/// A key of any role, by the beginning of its id.
///
/// # Errors
/// When there is none, or more than one.
pub fn key(root: &Root, begin: &str) -> Result<KeyId, RotationError> {
    only(root.keys.keys().copied(), begin)
}

fn only(ids: impl Iterator<Item = KeyId>, begin: &str) -> Result<KeyId, RotationError> {
    let mut found = ids.filter(|id| !begin.is_empty() && id.to_string().starts_with(begin));
    let first = found.next().ok_or_else(|| RotationError::NoSuchKey(begin.to_owned()))?;
    if found.next().is_some() { Err(RotationError::Ambiguous(begin.to_owned())) } else { Ok(first) }
}

/// The root after `root`, still the same but for version and expiry.
pub fn next(root: &Root, expires: jiff::Timestamp) -> Root {
    Root { version: root.version + 1, expires, ..root.clone() }
}

/// Puts `new` in the place of `old` in one role.
///
/// # Errors
/// When `new` has the role already.
pub fn replace(root: &mut Root, role: RoleName, old: KeyId, new: PublicKey) -> Result<(), RotationError> {
    grant(root, role, new)?;
    root.revoke(role, old);
    Ok(())
}

/// Gives `key` a role.
///
/// # Errors
/// When it has the role already.
pub fn grant(root: &mut Root, role: RoleName, key: PublicKey) -> Result<(), RotationError> {
    let id = key.id();
    if root.role(role).key_ids.contains(&id) {
        return Err(RotationError::Already { role, id });
    }
    root.grant(role, key);
    Ok(())
}

/// Takes every role from a key.
pub fn revoke(root: &mut Root, key: KeyId) {
    for role in RoleName::ALL {
        root.revoke(role, key);
    }
}

/// Whether every role can still be signed for.
///
/// # Errors
/// With the first role that cannot.
pub fn check(root: &Root) -> Result<(), RotationError> {
    match root.check_thresholds() {
        Err(SignError::Threshold { role, threshold, keys }) => Err(RotationError::Threshold { role, threshold, keys }),
        Ok(()) | Err(_) => Ok(()),
    }
}
