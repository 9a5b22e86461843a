//! `publish init`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use manifest_schema::digest::Sha256;

use crate::checkout::Checkout;

#[test]
fn init_makes_what_is_missing_and_tells_the_fingerprint() {
    let checkout = Checkout::bare();
    let run = checkout.publish(&["init", "--no-passphrase", "--product", "kkt"]).ok();
    let root = fs::read(checkout.app().join(".surefoot/1.root.json")).unwrap();
    assert!(run.out.contains(&Sha256::of(&root).to_string()), "{run:#?}");
    for role in ["root", "targets", "snapshot", "timestamp"] {
        let key = fs::metadata(checkout.app().join(format!("keys/{role}.pem"))).unwrap();
        assert_eq!(key.permissions().mode() & 0o7777, 0o600);
    }
    let ignored = fs::read_to_string(checkout.app().join(".gitignore")).unwrap();
    assert!(ignored.lines().any(|line| line == "/keys/"));
}

#[test]
fn init_never_overwrites_and_says_what_exists() {
    let checkout = Checkout::new();
    let before = crate::checkout::contents(&checkout.app());
    let run = checkout.publish(&["init", "--no-passphrase"]).ok();
    assert!(run.out.contains("kept  ./publish.toml (it was there)"), "{run:#?}");
    assert!(!run.out.contains("made"), "{run:#?}");
    assert_eq!(crate::checkout::contents(&checkout.app()), before);
}

#[test]
fn init_without_a_root_does_not_replace_keys() {
    let checkout = Checkout::new();
    fs::remove_file(checkout.app().join(".surefoot/1.root.json")).unwrap();
    checkout.publish(&["init", "--no-passphrase"]).refused(7, &["there are keys in"]);
}

#[test]
fn init_wants_a_passphrase_or_a_word() {
    Checkout::bare().publish(&["init"]).refused(7, &["--no-passphrase", "--passphrase-file"]);
}

#[test]
fn encrypted_keys_publish_with_their_passphrase_only() {
    let checkout = Checkout::bare();
    let file = checkout.room().join("passphrase");
    let write = |text: &str, mode| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    let path = file.to_str().unwrap();
    write("correct horse\n", 0o600);
    checkout.publish(&["init", "--product", "kkt", "--passphrase-file", path]).ok();
    let key = fs::read_to_string(checkout.app().join("keys/targets.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).refused(7, &["is encrypted", "SUREFOOT_PASSPHRASE_FILE"]);
    write("correct horse\n", 0o644);
    checkout.to_dist(&tag, &["--passphrase-file", path]).refused(7, &["chmod 600"]);
    write("wrong\n", 0o600);
    checkout.to_dist(&tag, &["--passphrase-file", path]).refused(7, &["no passphrase that was given opens the key"]);
    write("correct horse\n", 0o600);
    let dist = checkout.dist();
    let arguments = [tag.as_str(), "--to", dist.to_str().unwrap()];
    checkout.publish_with(&arguments, &[("SUREFOOT_PASSPHRASE_FILE", path)]).ok();
    checkout.verify().ok();
}
