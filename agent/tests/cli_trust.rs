//! `trust show` and `trust reset`, through the binary: what is believed, and how a machine begins anew.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use std::path::PathBuf;

use cli_world::World;
use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{MetaFile, RoleName, Root, SigningKey, Timestamp, sign};
use serde_json::json;

/// A root of which one key, made from `seed`, speaks for every role.
fn root(seed: u8, version: u64) -> Vec<u8> {
    let key = SigningKey::from_seed([seed; 32]);
    let mut root = Root::new(version, "2999-01-01T00:00:00Z".parse().unwrap());
    RoleName::ALL.into_iter().for_each(|role| root.grant(role, key.public()));
    sign(&root, &[&key]).unwrap()
}

fn timestamp(seed: u8, expires: &str) -> Vec<u8> {
    let snapshot = MetaFile::of(1, b"a snapshot");
    let timestamp = Timestamp { version: 9, expires: expires.parse().unwrap(), signed_at: None, snapshot };
    sign(&timestamp, &[&SigningKey::from_seed([seed; 32])]).unwrap()
}

struct Client {
    world: World,
}

impl Client {
    /// A machine that follows root 3 of the key 7, and has seen timestamp 9.
    fn new() -> Self {
        let world = World::empty();
        world.configure("kkt", "");
        let client = Self { world };
        std::fs::create_dir_all(client.stored("")).unwrap();
        std::fs::write(client.stored("root.json"), root(7, 3)).unwrap();
        std::fs::write(client.stored("timestamp.json"), timestamp(7, "2998-01-01T00:00:00Z")).unwrap();
        client
    }

    fn stored(&self, name: &str) -> PathBuf {
        self.world.layout.instance(&"kkt".parse().unwrap()).trust().join(name)
    }

    /// The vendor's new root, as the admin has received it.
    fn new_root(&self) -> (String, String) {
        let bytes = root(8, 1);
        let file = self.world.root.path().join("new.root.json");
        std::fs::write(&file, &bytes).unwrap();
        (file.to_str().unwrap().to_owned(), Sha256::of(&bytes).to_string())
    }

    fn reset(&self, fingerprint: &str, more: &[&str]) -> cli_world::Run {
        let (file, _) = self.new_root();
        let verb = ["trust", "reset", "--root", &file, "--fingerprint", fingerprint];
        self.world.run(&[&verb, more].concat())
    }

    fn keeps_what_it_had(&self) {
        assert_eq!(std::fs::read(self.stored("root.json")).unwrap(), root(7, 3));
        assert!(self.stored("timestamp.json").exists());
    }
}

#[test]
fn show_says_keys_versions_and_until_when() {
    let client = Client::new();
    let run = client.world.read(&["trust", "show"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let id = SigningKey::from_seed([7; 32]).public().id().to_string();
    for wanted in ["root       3", "targets    none yet", "timestamp  9", &format!("1 of {}", &id[..8])] {
        assert!(run.out.contains(wanted), "{wanted}: {}", run.out);
    }
    assert!(run.out.contains(&Sha256::of(&root(7, 3)).to_string()), "{}", run.out);
    let answer = client.world.run(&["trust", "show", "--json"]).json();
    assert_eq!(answer["expires"], json!("2998-01-01T00:00:00Z"));
    assert_eq!(answer["roles"][0]["keys"][0]["id"], json!(id));
    assert_eq!(answer["stale"], json!(false));
}

#[test]
fn show_is_loud_where_what_is_trusted_has_expired() {
    let client = Client::new();
    std::fs::write(client.stored("timestamp.json"), timestamp(7, "2020-01-01T00:00:00Z")).unwrap();
    let run = client.world.read(&["trust", "show"]);
    assert_eq!(run.code, 12);
    assert!(run.out.contains("STALE"), "{}", run.out);
}

#[test]
fn show_says_what_is_stored_and_counts_for_nothing() {
    let client = Client::new();
    std::fs::write(client.stored("timestamp.json"), timestamp(66, "2998-01-01T00:00:00Z")).unwrap();
    let answer = client.world.run(&["trust", "show", "--json"]).json();
    assert!(answer["left_out"][0].as_str().unwrap().contains("timestamp"), "{answer}");
}

#[test]
fn a_reset_says_what_it_forgets_and_begins_anew() {
    let client = Client::new();
    let (_, fingerprint) = client.new_root();
    let told = client.reset(&fingerprint, &["--dry-run"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.flat().contains("forgets root version 3, timestamp version 9"), "{}", told.out);
    client.keeps_what_it_had();
    let done = client.reset(&fingerprint, &["--yes"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(std::fs::read(client.stored("root.json")).unwrap(), root(8, 1));
    assert!(!client.stored("timestamp.json").exists());
    assert_eq!(client.reset(&fingerprint, &["--yes"]).code, 0, "it can be given again");
}

#[test]
fn a_reset_is_in_the_audit_log_with_what_was_believed_before() {
    let client = Client::new();
    let (_, fingerprint) = client.new_root();
    assert_eq!(client.reset(&Sha256::of(b"another").to_string(), &["--yes"]).code, 5);
    assert_eq!(client.reset(&fingerprint, &["--yes"]).code, 0);
    let lines = client.world.run(&["audit", "--json"]).json();
    let [line] = &lines.as_array().unwrap()[..] else { panic!("one line: {lines}") };
    assert_eq!((&line["did"], &line["instance"]), (&json!("trusted"), &json!("kkt")));
    let says = line["says"].as_str().unwrap();
    assert!(says.contains(&fingerprint) && says.contains("no longer root version 3"), "{says}");
    assert_eq!(client.world.run(&["audit", "verify"]).code, 0);
}

#[test]
fn a_reset_needs_the_right_fingerprint_and_somebody_who_agrees() {
    let client = Client::new();
    let (_, fingerprint) = client.new_root();
    assert_eq!(client.reset(&Sha256::of(b"another").to_string(), &["--yes"]).code, 5);
    assert_eq!(client.reset("abc", &["--yes"]).code, 2);
    assert_eq!(client.reset(&fingerprint, &[]).code, 2, "nobody is there to agree");
    client.keeps_what_it_had();
}

#[test]
fn a_root_that_its_own_keys_did_not_sign_is_no_root_to_reset_to() {
    let client = Client::new();
    let (file, _) = client.new_root();
    let forged = String::from_utf8(root(8, 1)).unwrap().replace("2999-01-01", "2999-01-02");
    std::fs::write(&file, &forged).unwrap();
    let fingerprint = Sha256::of(forged.as_bytes()).to_string();
    let run = client.world.run(&["trust", "reset", "--root", &file, "--fingerprint", &fingerprint, "--yes"]);
    assert_eq!(run.code, 5, "{}", run.out);
    client.keeps_what_it_had();
}

#[test]
fn a_reset_leads_out_of_a_stored_root_that_cannot_be_read() {
    let client = Client::new();
    std::fs::write(client.stored("root.json"), b"\0\0\0").unwrap();
    let (_, fingerprint) = client.new_root();
    assert_eq!(client.world.run(&["trust", "show"]).code, 5);
    let run = client.reset(&fingerprint, &["--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(client.world.run(&["trust", "show"]).code, 0);
}

#[test]
fn a_reset_waits_for_no_update_that_runs() {
    let client = Client::new();
    let (_, fingerprint) = client.new_root();
    let lock = surefoot::lock::Lock::take(&client.world.layout.lock(), std::time::Duration::ZERO).unwrap();
    assert_eq!(client.reset(&fingerprint, &["--yes"]).code, 9);
    client.keeps_what_it_had();
    drop(lock);
    assert_eq!(client.reset(&fingerprint, &["--yes"]).code, 0);
}
