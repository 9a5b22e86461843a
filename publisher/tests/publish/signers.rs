//! `--signer exec:COMMAND`, with openssl as the hardware.

use std::fs;

use crate::checkout::Checkout;

/// A vendor whose targets key is in no file that `publish` reads, and the command that reaches it.
fn with_hardware() -> (Checkout, String) {
    let checkout = Checkout::new();
    let hardware = checkout.hand_over(&checkout.app().join("keys/targets.pem"), "hardware");
    let script = checkout.room().join("sign.sh");
    let lines = "test \"$SUREFOOT_ROLE\" = targets || exit 3\n\
                 cat > \"$0.message\"\n\
                 openssl pkeyutl -sign -rawin -inkey KEY -in \"$0.message\" | od -An -v -tx1 | tr -d ' \\n'\n";
    let key = hardware.join("targets.pem");
    fs::write(&script, lines.replace("KEY", key.to_str().unwrap())).unwrap();
    checkout.release("1.0.0");
    (checkout, format!("exec:sh {}", script.display()))
}

#[test]
fn a_key_in_hardware_signs_a_release() {
    let (checkout, signer) = with_hardware();
    checkout.to_dist("v1.0.0", &[]).refused(7, &["the targets key", "is missing"]);
    checkout.to_dist("v1.0.0", &["--signer", &signer]).ok();
    checkout.verify().ok();
}

#[test]
fn a_wrong_signature_is_found_at_once() {
    let (checkout, _) = with_hardware();
    let wrong = format!("exec:echo {}", "00".repeat(64));
    checkout.to_dist("v1.0.0", &["--signer", &wrong]).refused(7, &["did not give the signature of the targets key"]);
    checkout.to_dist("v1.0.0", &["--signer", "exec:echo yes"]).refused(7, &["which is not a signature"]);
    checkout.to_dist("v1.0.0", &["--signer", "exec:exit 9"]).refused(7, &["failed for the targets key"]);
    checkout.to_dist("v1.0.0", &["--signer", "openssl"]).refused(2, &["write exec:COMMAND"]);
    assert!(!checkout.dist().exists(), "nothing may be written");
}

#[test]
fn a_signer_that_hangs_and_one_without_the_key_are_told() {
    let (checkout, _) = with_hardware();
    let hangs = ["--signer", "exec:sleep 600", "--signer-timeout", "1"];
    checkout.to_dist("v1.0.0", &hangs).refused(7, &["gave no answer within 1 s"]);
    checkout.to_dist("v1.0.0", &["--signer", "exec:exit 3"]).refused(7, &["0 of 1 signatures"]);
}

#[test]
fn a_passphrase_may_come_as_a_credential_of_a_unit() {
    use std::os::unix::fs::PermissionsExt;
    let checkout = Checkout::bare();
    let credentials = checkout.room().join("credentials");
    fs::create_dir(&credentials).unwrap();
    let file = credentials.join("surefoot-passphrase");
    fs::write(&file, "correct horse\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    let environment = [("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())];
    checkout.publish_with(&["init", "--product", "kkt"], &environment).ok();
    checkout.release("1.0.0");
    let to = checkout.dist();
    checkout.publish_with(&["v1.0.0", "--to", to.to_str().unwrap()], &environment).ok();
    checkout.to_dist("v1.0.0", &[]).refused(7, &["is encrypted"]);
}
