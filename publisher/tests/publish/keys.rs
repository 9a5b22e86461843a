//! `publish keys`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::checkout::Checkout;

/// Without a passphrase for new keys, since the others have none.
const OPEN: &str = "--no-passphrase";

fn published() -> Checkout {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    checkout
}

#[test]
fn a_rotated_key_is_out_and_the_new_one_signs_everything_after_it() {
    let checkout = published();
    let before = checkout.key_ids("timestamp");
    let run = checkout.publish(&["keys", "rotate", "timestamp", OPEN]).ok();
    assert!(run.out.contains("loses the role") && run.out.contains("publish refresh"), "{run:#?}");
    let after = checkout.key_ids("timestamp");
    assert_eq!(checkout.root()["signed"]["version"], 2);
    assert!(after.len() == 1 && after != before);
    checkout.refresh(&[]).ok();
    assert_eq!(checkout.published("timestamp.json")["signatures"][0]["keyid"], after[0].as_str());
    checkout.verify().ok();
    checkout.release("1.1.0");
    checkout.to_dist("v1.1.0", &[]).ok();
    checkout.verify().ok();
}

#[test]
fn several_roles_are_rotated_in_one_root() {
    let checkout = published();
    checkout.publish(&["keys", "rotate", "snapshot", "timestamp", "root", OPEN]).ok();
    let root = checkout.root();
    assert_eq!(root["signed"]["version"], 2);
    assert_eq!(root["signatures"].as_array().unwrap().len(), 2, "the old and the new root key");
    checkout.refresh(&[]).ok();
    checkout.verify().ok();
}

#[test]
fn after_a_rotation_of_the_root_the_old_key_signs_no_root_any_more() {
    let checkout = Checkout::new();
    checkout.publish(&["keys", "rotate", "root", OPEN]).ok();
    for key in checkout.key_files("root-") {
        fs::remove_file(key).unwrap();
    }
    checkout.publish(&["keys", "renew"]).refused(7, &["the root metadata has 0 of 1 signatures", "--bundle"]);
    assert_eq!(checkout.root()["signed"]["version"], 2);
}

#[test]
fn without_the_root_key_nothing_is_made() {
    let checkout = Checkout::new();
    fs::remove_file(checkout.app().join("keys/root.pem")).unwrap();
    let before = crate::checkout::contents(&checkout.app());
    checkout.publish(&["keys", "rotate", "timestamp", OPEN]).refused(7, &["0 of 1 signatures"]);
    assert_eq!(crate::checkout::contents(&checkout.app()), before);
}

#[test]
fn a_key_is_added_with_a_threshold_and_revoked_only_while_the_role_can_sign() {
    let checkout = Checkout::new();
    let first = checkout.key_ids("targets");
    checkout.publish(&["keys", "revoke", &first[0]]).refused(2, &["targets role would have threshold 1 with 0 keys"]);
    checkout.publish(&["keys", "add", "targets", "--threshold", "3", OPEN]).refused(2, &["threshold 3 with 2 keys"]);
    checkout.publish(&["keys", "add", "targets", "--threshold", "2", OPEN]).ok();
    assert_eq!(checkout.root()["signed"]["roles"]["targets"]["threshold"], 2);
    checkout.publish(&["keys", "revoke", &first[0][..10]]).refused(2, &["threshold 2 with 1 keys"]);
    checkout.publish(&["keys", "revoke", &first[0][..10], "--threshold", "1"]).ok();
    assert_eq!(checkout.key_ids("targets").len(), 1);
    assert_ne!(checkout.key_ids("targets"), first);
    assert_eq!(checkout.root()["signed"]["version"], 3);
}

#[test]
fn a_key_that_nobody_has_is_not_revoked_and_the_same_key_not_added_twice() {
    let checkout = Checkout::new();
    checkout.publish(&["keys", "revoke", "ffffffffffffffffffff"]).refused(2, &["no key in the root"]);
    let public = checkout.app().join("keys/targets.pub");
    checkout.publish(&["keys", "add", "targets", "--public", public.to_str().unwrap()]).refused(2, &["already"]);
    checkout.publish(&["keys", "add", "targets", "--public", "ed25519:00"]).refused(7, &["public key"]);
}

#[test]
fn a_generated_key_is_handed_over_by_its_public_half() {
    let checkout = Checkout::new();
    let theirs = checkout.room().join("alice/alice.pem");
    let run = checkout.publish(&["keys", "generate", theirs.to_str().unwrap(), OPEN]).ok();
    let public = fs::read_to_string(theirs.with_extension("pub")).unwrap();
    assert!(run.out.contains(public.trim()), "{run:#?}");
    assert_eq!(fs::metadata(&theirs).unwrap().permissions().mode() & 0o7777, 0o600);
    checkout.publish(&["keys", "generate", theirs.to_str().unwrap(), OPEN]).refused(7, &["cannot create"]);
    checkout.publish(&["keys", "add", "root", "--public", public.trim()]).ok();
    assert_eq!(checkout.key_ids("root").len(), 2);
}

#[test]
fn new_keys_want_a_passphrase_of_their_own_or_a_word() {
    let checkout = Checkout::new();
    checkout.publish(&["keys", "rotate", "timestamp"]).refused(7, &["--no-passphrase"]);
    assert_eq!(checkout.root()["signed"]["version"], 1);
    let file = checkout.room().join("passphrase");
    fs::write(&file, "correct horse\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    checkout.publish(&["keys", "rotate", "timestamp", "--new-passphrase-file", file.to_str().unwrap()]).ok();
    let key = checkout.key_files("timestamp-").pop().unwrap();
    assert!(fs::read_to_string(key).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
}

#[test]
fn the_list_fits_a_terminal_and_says_who_is_here() {
    let checkout = Checkout::new();
    checkout.publish(&["keys", "add", "root", "--threshold", "2", OPEN]).ok();
    checkout.hand_over(&checkout.key_files("root-")[0], "alice");
    let run = checkout.publish(&["keys", "list"]).ok();
    assert!(run.out.lines().all(|line| line.chars().count() <= 80), "{}", run.out);
    assert!(run.out.contains("2 of 2") && run.out.contains("targets.pem"), "{}", run.out);
    let json = checkout.publish(&["keys", "list", "--json"]).ok().out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let files: Vec<bool> =
        json["roles"][0]["keys"].as_array().unwrap().iter().map(|key| key["file"].is_string()).collect();
    assert!(files.contains(&true) && files.contains(&false), "{json}");
    assert_eq!(json["root_version"], 2);
}

#[test]
fn a_root_is_renewed_with_the_same_keys() {
    let checkout = published();
    let before = checkout.root()["signed"]["roles"].clone();
    checkout.publish(&["keys", "renew"]).ok();
    assert_eq!(checkout.root()["signed"]["roles"], before);
    assert_eq!(checkout.root()["signed"]["version"], 2);
    checkout.refresh(&["--if-due", "1"]).ok();
    checkout.verify().ok();
    assert!(checkout.dist().join("metadata/2.root.json").exists(), "a new root is due at once");
}

#[test]
fn init_makes_a_quorum_of_root_keys() {
    let checkout = Checkout::bare();
    let run = ["init", OPEN, "--product", "kkt", "--root-keys", "3", "--root-threshold", "2"];
    checkout.publish(&run).ok();
    assert_eq!(checkout.key_ids("root").len(), 3);
    assert_eq!(checkout.key_files("root-").len(), 3);
    fs::remove_file(&checkout.key_files("root-")[1]).unwrap();
    checkout.publish(&["keys", "rotate", "timestamp", OPEN]).ok();
    fs::remove_file(&checkout.key_files("root-")[0]).unwrap();
    checkout.publish(&["keys", "renew"]).refused(7, &["1 of 2 signatures"]);
    let bare = Checkout::bare();
    bare.publish(&["init", OPEN, "--root-threshold", "2"]).refused(2, &["2 of 1 root keys"]);
}

#[test]
fn keys_with_different_passphrases_are_opened_by_one_file_with_both() {
    let checkout = Checkout::bare();
    let passphrases = |name: &str, text: &str| {
        let file = checkout.room().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (old, new) = (passphrases("old", "old\n"), passphrases("new", "new\n"));
    let both = passphrases("both", "old\nnew\n");
    checkout.publish(&["init", "--product", "kkt", "--passphrase-file", &old]).ok();
    checkout.publish(&["keys", "rotate", "timestamp", "--passphrase-file", &old, "--new-passphrase-file", &new]).ok();
    checkout.release("1.0.0");
    checkout.to_dist("v1.0.0", &["--passphrase-file", &old]).refused(7, &["timestamp-", "no passphrase"]);
    checkout.to_dist("v1.0.0", &["--passphrase-file", &both]).ok();
    checkout.verify().ok();
}
