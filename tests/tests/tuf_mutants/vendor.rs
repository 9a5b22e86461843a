//! A repository whose metadata is plain JSON until it is signed, so that anything can be wrong with it.

use std::collections::BTreeMap;

use ed25519_dalek::Signer as _;
use jiff::{Timestamp, ToSpan};
use manifest_schema::canonical;
use manifest_schema::digest::Sha256;
use manifest_schema::strict;
use manifest_schema::tuf::SigningKey;
use serde_json::{Value, json};

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A metadata file to be.
#[derive(Clone)]
pub(crate) struct Document {
    /// Its name without a version.
    pub(crate) role: &'static str,
    /// What is signed.
    pub(crate) signed: Value,
    /// The seeds of the keys that sign, in order; one of them may come twice.
    pub(crate) signers: Vec<u8>,
    /// Whether its parent lists it as it is.
    pub(crate) is_listed: bool,
}

/// Documents from the first root to the timestamp, children before their parents.
pub(crate) struct Vendor {
    pub(crate) documents: Vec<Document>,
    versions: [u64; 3],
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn key_id(seed: u8) -> String {
    key(seed).public().id().to_string()
}

fn object(seed: u8) -> Value {
    json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": key(seed).public().to_string() } })
}

fn role(seeds: &[u8], threshold: u32) -> Value {
    json!({ "keyids": seeds.iter().map(|seed| key_id(*seed)).collect::<Vec<_>>(), "threshold": threshold })
}

fn root(version: u64, own: &[u8]) -> Value {
    let keys: BTreeMap<String, Value> =
        own.iter().chain(&[4, 5, 6, 7]).map(|seed| (key_id(*seed), object(*seed))).collect();
    let roles = json!({
        "root": role(own, 2), "targets": role(&[4, 7], 2), "snapshot": role(&[5], 1), "timestamp": role(&[6, 7], 1),
    });
    let mut signed = head("root", version);
    signed["keys"] = json!(keys);
    signed["roles"] = roles;
    signed["consistent_snapshot"] = json!(true);
    signed
}

fn head(role: &str, version: u64) -> Value {
    let expires = Timestamp::from_second((Timestamp::now() + (7 * 24).hours()).as_second()).unwrap();
    json!({ "_type": role, "spec_version": "1.0.34", "version": version, "expires": expires.to_string() })
}

impl Vendor {
    /// Two roots, and one target.
    pub(crate) fn new() -> Self {
        let mut vendor = Self { documents: Vec::new(), versions: [3, 4, 5] };
        let mut targets = head("targets", 3);
        let digest = Sha256::of(b"a release").to_string();
        targets["targets"] = json!({ "v1.1.0/manifest.json": { "length": 9, "hashes": { "sha256": digest } } });
        let mut snapshot = head("snapshot", 4);
        snapshot["meta"] = json!({ "targets.json": {} });
        let mut timestamp = head("timestamp", 5);
        timestamp["meta"] = json!({ "snapshot.json": {} });
        for (role, signed, signers) in [
            ("root", root(1, &[1, 2]), vec![1, 2]),
            ("root", root(2, &[2, 3]), vec![1, 2, 3]),
            ("targets", targets, vec![4, 7]),
            ("snapshot", snapshot, vec![5]),
            ("timestamp", timestamp, vec![6]),
        ] {
            vendor.documents.push(Document { role, signed, signers, is_listed: true });
        }
        vendor.list();
        vendor
    }

    /// One version on, in all but the roots.
    pub(crate) fn advance(&mut self) {
        for (version, document) in self.versions.iter_mut().zip(&mut self.documents[2..]) {
            *version += 1;
            document.signed["version"] = json!(*version);
        }
        self.list();
    }

    /// Writes into each parent what its child is.
    fn list(&mut self) {
        for (child, name) in [(2, "targets.json"), (3, "snapshot.json")] {
            if self.documents[child].is_listed {
                let bytes = self.documents[child].file();
                let listed =
                    self.documents[child + 1].signed.pointer_mut(&format!("/meta/{}", name.replace('/', "~1")));
                if let Some(listed) = listed.filter(|listed| listed.is_object()) {
                    listed["length"] = json!(bytes.len());
                    listed["hashes"] = json!({ "sha256": Sha256::of(&bytes).to_string() });
                    listed["version"] = json!(self.versions[child - 2]);
                }
            }
        }
    }

    /// The files, under the names that clients ask for.
    pub(crate) fn publish(&self) -> Files {
        let [targets, snapshot, _] = self.versions;
        let names = [
            "1.root.json".to_owned(),
            "2.root.json".to_owned(),
            format!("{targets}.targets.json"),
            format!("{snapshot}.snapshot.json"),
            "timestamp.json".to_owned(),
        ];
        names.into_iter().zip(self.documents.iter().map(Document::file)).collect()
    }

    /// Changes a document, tells its parents or not, and says what it did.
    pub(crate) fn change(&mut self, chance: &mut super::Chance) -> String {
        // Not the first root: it is what the client has.
        let index = 1 + chance.below(4);
        let document = &mut self.documents[index];
        let did = super::change::document(document, chance);
        document.is_listed = !chance.one_in(4);
        let told = format!("{} {did}{}", document.role, if document.is_listed { "" } else { ", unlisted" });
        let listed: Vec<Value> = self.documents.iter().map(|document| document.signed["meta"].clone()).collect();
        self.list();
        // What was changed in a parent's own list stays changed.
        if told.contains("/meta") {
            self.documents[index].signed["meta"] = listed[index].clone();
        }
        told
    }
}

impl Document {
    /// Signs it. What has no canonical form gets signatures over nothing.
    pub(crate) fn file(&self) -> Vec<u8> {
        let bytes = serde_json::to_vec(&self.signed).unwrap();
        let message = strict::parse(&bytes, u64::MAX).map(|value| canonical::encode(&value)).unwrap_or_default();
        let signatures: Vec<Value> = self.signers.iter().map(|seed| signature(*seed, &message)).collect();
        serde_json::to_vec(&json!({ "signatures": signatures, "signed": self.signed })).unwrap()
    }
}

fn signature(seed: u8, message: &[u8]) -> Value {
    let secret = ed25519_dalek::SigningKey::from_bytes(&key(seed).to_seed());
    json!({ "keyid": key_id(seed), "sig": hex::encode(secret.sign(message).to_bytes()) })
}
