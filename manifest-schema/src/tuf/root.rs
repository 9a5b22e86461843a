//! The root role: which keys speak for which role, and how many must agree (TUF 4.3).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::key::{KeyId, PublicKey};
use super::role::{self, Role, RoleName};
use crate::strict::Value;

/// Root metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RootObject", into = "RootObject")]
pub struct Root {
    /// The version, from 1.
    pub version: u64,
    /// The first moment at which it is no longer valid; whole seconds.
    pub expires: jiff::Timestamp,
    /// The keys that roles refer to.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// Who speaks for the root role itself.
    pub root: RoleKeys,
    /// Who speaks for the targets role.
    pub targets: RoleKeys,
    /// Who speaks for the snapshot role.
    pub snapshot: RoleKeys,
    /// Who speaks for the timestamp role.
    pub timestamp: RoleKeys,
}

/// Who speaks for a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// The role's keys.
    #[serde(rename = "keyids", deserialize_with = "each_once")]
    pub key_ids: BTreeSet<KeyId>,
    /// How many different keys must have signed, at least 1. Where there are fewer keys, nothing is
    /// ever trusted of that role.
    #[serde(deserialize_with = "at_least_one")]
    pub threshold: u32,
}

impl Root {
    /// Root metadata in which no role has a key yet; every threshold is 1.
    #[must_use]
    pub fn new(version: u64, expires: jiff::Timestamp) -> Self {
        let none = || RoleKeys { key_ids: BTreeSet::new(), threshold: 1 };
        Self {
            version,
            expires,
            keys: BTreeMap::new(),
            root: none(),
            targets: none(),
            snapshot: none(),
            timestamp: none(),
        }
    }

    /// Who speaks for `role`.
    #[must_use]
    pub const fn role(&self, role: RoleName) -> &RoleKeys {
        match role {
            RoleName::Root => &self.root,
            RoleName::Targets => &self.targets,
            RoleName::Snapshot => &self.snapshot,
            RoleName::Timestamp => &self.timestamp,
        }
    }

    /// Who speaks for `role`, to change it.
    pub const fn role_mut(&mut self, role: RoleName) -> &mut RoleKeys {
        match role {
            RoleName::Root => &mut self.root,
            RoleName::Targets => &mut self.targets,
            RoleName::Snapshot => &mut self.snapshot,
            RoleName::Timestamp => &mut self.timestamp,
        }
    }

    /// Lets `key` speak for `role`.
    pub fn grant(&mut self, role: RoleName, key: PublicKey) {
        self.keys.insert(key.id(), key);
        self.role_mut(role).key_ids.insert(key.id());
    }

    /// Lets the key no longer speak for `role`; a key without any role is dropped.
    pub fn revoke(&mut self, role: RoleName, key: KeyId) {
        self.role_mut(role).key_ids.remove(&key);
        if !RoleName::ALL.iter().any(|role| self.role(*role).key_ids.contains(&key)) {
            self.keys.remove(&key);
        }
    }

    /// The key `id`, if it may speak for `role`.
    pub(super) fn key(&self, role: RoleName, id: &KeyId) -> Option<&PublicKey> {
        self.role(role).key_ids.get(id).and_then(|id| self.keys.get(id))
    }
}

impl Role for Root {
    const NAME: RoleName = RoleName::Root;

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> jiff::Timestamp {
        self.expires
    }
}

/// Root metadata as it is written; what is good in it alone, not yet together.
#[derive(Serialize, Deserialize)]
struct RootObject {
    #[serde(deserialize_with = "role::version")]
    version: u64,
    #[serde(with = "super::expires")]
    expires: jiff::Timestamp,
    consistent_snapshot: bool,
    #[serde(deserialize_with = "keys_by_their_id")]
    keys: BTreeMap<KeyId, PublicKey>,
    roles: Roles,
}

#[derive(Serialize, Deserialize)]
struct Roles {
    root: RoleKeys,
    targets: RoleKeys,
    snapshot: RoleKeys,
    timestamp: RoleKeys,
}

impl From<Root> for RootObject {
    fn from(root: Root) -> Self {
        let Root { version, expires, keys, root, targets, snapshot, timestamp } = root;
        let roles = Roles { root, targets, snapshot, timestamp };
        Self { version, expires, consistent_snapshot: true, keys, roles }
    }
}

impl TryFrom<RootObject> for Root {
    type Error = String;

    fn try_from(object: RootObject) -> Result<Self, String> {
        let RootObject { version, expires, consistent_snapshot, keys, roles } = object;
        if !consistent_snapshot {
            return Err("consistent_snapshot is false, and only true is supported".to_owned());
        }
        let Roles { root, targets, snapshot, timestamp } = roles;
        Ok(Self { version, expires, keys, root, targets, snapshot, timestamp })
    }
}

/// Reads `keys` and holds each to its name: the SHA-256 of its canonical key object (TUF 4.2).
fn keys_by_their_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<KeyId, PublicKey>, D::Error> {
    let objects = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let read = |(name, object): (String, Value)| {
        let key = object.to::<PublicKey>().map_err(|error| de::Error::custom(format_args!("key {name}: {error}")))?;
        let id = KeyId::of(&object);
        if id.to_string() != name {
            return Err(de::Error::custom(format_args!("key {name} has the id {id}")));
        }
        Ok((id, key))
    };
    objects.into_iter().map(read).collect()
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    NonZeroU32::deserialize(deserializer).map(NonZeroU32::get)
}

fn each_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<KeyId>, D::Error> {
    let mut ids = BTreeSet::new();
    for id in Vec::<KeyId>::deserialize(deserializer)? {
        if !ids.insert(id) {
            return Err(de::Error::custom(format_args!("the key {id} is listed twice")));
        }
    }
    Ok(ids)
}
