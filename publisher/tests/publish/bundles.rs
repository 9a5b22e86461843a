//! Several people sign one after the other: `--bundle` and `publish sign`.

use std::fs;
use std::path::PathBuf;

use crate::checkout::{Checkout, Run, json};

/// A vendor whose releases two targets keys must sign: `bob` has the second.
fn two_must_sign() -> (Checkout, PathBuf) {
    let checkout = Checkout::new();
    checkout.publish(&["keys", "add", "targets", "--threshold", "2", "--no-passphrase"]).ok();
    let bob = checkout.hand_over(&checkout.key_files("targets-")[0], "bob");
    checkout.release("1.0.0");
    (checkout, bob)
}

fn bundle(checkout: &Checkout) -> String {
    checkout.room().join("release.bundle").to_str().unwrap().to_owned()
}

fn sign_as(checkout: &Checkout, keys: &std::path::Path, file: &str) -> Run {
    let to = checkout.dist();
    checkout.publish(&["sign", file, "--keys", keys.to_str().unwrap(), "--to", to.to_str().unwrap(), "--yes"])
}

#[test]
fn a_release_that_two_must_sign_goes_from_hand_to_hand() {
    let (checkout, bob) = two_must_sign();
    let file = bundle(&checkout);
    checkout.to_dist("v1.0.0", &[]).refused(7, &["2 targets keys must sign, and 1 is here", "--bundle"]);
    let run = checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    assert!(run.out.contains("1 of 2 signatures") && run.out.contains("publish sign"), "{run:#?}");
    assert!(!checkout.dist().exists(), "nothing is published yet");
    let run = sign_as(&checkout, &bob, &file).ok();
    assert!(run.out.contains("+ v1.0.0: comes, 5 files, major, stable"), "{run:#?}");
    let run = checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    assert!(run.out.contains("is published"), "{run:#?}");
    assert_eq!(checkout.published("1.targets.json")["signatures"].as_array().unwrap().len(), 2);
    checkout.verify().ok();
    checkout.refresh(&[]).ok();
    checkout.verify().ok();
}

#[test]
fn the_second_signer_may_build_the_release_again_instead() {
    let (checkout, bob) = two_must_sign();
    let file = bundle(&checkout);
    let ours = checkout.app().join("keys");
    for key in ["snapshot", "timestamp"] {
        let theirs = bob.join(key);
        fs::copy(ours.join(key).with_extension("pem"), theirs.with_extension("pem")).unwrap();
    }
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    let run = checkout.to_dist("v1.0.0", &["--bundle", &file, "--keys", bob.to_str().unwrap()]).ok();
    assert!(run.out.contains("is published"), "{run:#?}");
    checkout.verify().ok();
}

#[test]
fn a_bundle_of_other_content_is_not_signed_by_who_builds_it_again() {
    let (checkout, bob) = two_must_sign();
    let file = bundle(&checkout);
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    checkout.write("app/main.py", "print('something else')\n");
    checkout.commit();
    checkout.git(&["tag", "--force", "v1.0.0"]);
    let again = checkout.to_dist("v1.0.0", &["--bundle", &file, "--keys", bob.to_str().unwrap()]);
    again.refused(8, &["does not hold what this checkout makes of 1.0.0"]);
    checkout.release("2.0.0");
    checkout.to_dist("v2.0.0", &["--bundle", &file]).refused(2, &["is for release v1.0.0, not for release v2.0.0"]);
}

#[test]
fn nobody_signs_without_having_been_shown_and_asked() {
    let (checkout, bob) = two_must_sign();
    let file = bundle(&checkout);
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    let before = fs::read(&file).unwrap();
    let to = checkout.dist();
    let unasked = ["sign", &file, "--keys", bob.to_str().unwrap(), "--to", to.to_str().unwrap()];
    let run = checkout.publish(&unasked);
    assert!(run.out.contains("v1.0.0: comes"), "{run:#?}");
    run.refused(2, &["say --yes"]);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn who_has_no_key_for_it_signs_nothing_and_a_second_time_adds_nothing() {
    let (checkout, _) = two_must_sign();
    let file = bundle(&checkout);
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    let nobody = checkout.room().join("nobody");
    sign_as(&checkout, &nobody, &file).refused(7, &["nothing was signed", "1 of 2 signatures"]);
    sign_as(&checkout, &checkout.app().join("keys"), &file).refused(7, &["nothing was signed"]);
}

#[test]
fn a_bundle_that_was_overtaken_is_refused() {
    let (checkout, bob) = two_must_sign();
    let (file, other) = (bundle(&checkout), checkout.room().join("other").to_str().unwrap().to_owned());
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    fs::copy(&file, &other).unwrap();
    sign_as(&checkout, &bob, &file).ok();
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    sign_as(&checkout, &bob, &other).refused(8, &["something else was published since"]);
}

/// Changes the text of a bundle, as whoever carries it could.
fn spoil(file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn a_bundle_that_was_changed_on_its_way_keeps_no_signature_and_is_shown_as_it_is() {
    let (checkout, bob) = two_must_sign();
    let file = bundle(&checkout);
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    spoil(&file, r#""severity":"major""#, r#""severity":"critical""#);
    let run = sign_as(&checkout, &bob, &file).ok();
    assert!(run.out.contains("critical") && run.out.contains("0 of 2 signatures"), "{run:#?}");
    checkout.to_dist("v1.0.0", &["--bundle", &file]).refused(8, &["does not hold what this checkout makes"]);
}

#[test]
fn a_bundle_that_would_be_valid_for_ever_or_of_no_form_is_refused() {
    let (checkout, bob) = two_must_sign();
    let file = bundle(&checkout);
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    let whole = fs::read_to_string(&file).unwrap();
    let expires = json(file.as_ref())["targets"]["signed"]["expires"].as_str().unwrap().to_owned();
    spoil(&file, &expires, "2099-01-01T00:00:00Z");
    sign_as(&checkout, &bob, &file).refused(8, &["later than the 180 days"]);
    fs::write(&file, whole.replace(&expires, "2020-01-01T00:00:00Z")).unwrap();
    sign_as(&checkout, &bob, &file).refused(8, &["has expired"]);
    fs::write(&file, whole.replace("release v1.0.0", "root")).unwrap();
    sign_as(&checkout, &bob, &file).refused(5, &["does not hold what that needs"]);
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    sign_as(&checkout, &bob, &file).refused(5, &["is no bundle"]);
    fs::remove_file(&file).unwrap();
    sign_as(&checkout, &bob, &file).refused(2, &["there is no bundle"]);
}

#[test]
fn a_root_that_two_must_sign_goes_from_hand_to_hand() {
    let checkout = Checkout::bare();
    let init = ["init", "--no-passphrase", "--product", "kkt", "--root-keys", "3", "--root-threshold", "2"];
    checkout.publish(&init).ok();
    let bob = checkout.hand_over(&checkout.app().join("keys/root-2.pem"), "bob");
    checkout.hand_over(&checkout.app().join("keys/root-3.pem"), "carol");
    let file = bundle(&checkout);
    let rotate = ["keys", "rotate", "timestamp", "--no-passphrase"];
    checkout.publish(&rotate).refused(7, &["1 of 2 signatures", "--bundle"]);
    assert_eq!(checkout.key_files("timestamp-").len(), 0, "no key without a root that may come");
    checkout.publish(&[&rotate[..], &["--bundle", &file]].concat()).ok();
    assert!(!checkout.app().join(".surefoot/2.root.json").exists());
    checkout.publish(&["keys", "renew", "--bundle", &file]).refused(2, &["exists"]);
    let run = sign_as(&checkout, &bob, &file).ok();
    assert!(run.out.contains("loses the role") && run.out.contains("2.root.json"), "{run:#?}");
    assert_eq!(checkout.root()["signed"]["version"], 2);
    sign_as(&checkout, &bob, &file).refused(8, &["the root metadata in it has version 2, and 3 would follow"]);
    checkout.release("1.0.0");
    checkout.to_dist("v1.0.0", &[]).ok();
    checkout.verify().ok();
}

#[test]
fn thresholds_of_all_roles_are_signed_for_in_turn() {
    let checkout = Checkout::new();
    for role in ["root", "targets", "snapshot", "timestamp"] {
        checkout.publish(&["keys", "add", role, "--threshold", "2", "--no-passphrase"]).ok();
    }
    let mut bob = PathBuf::new();
    for role in ["root-", "targets-", "snapshot-", "timestamp-"] {
        bob = checkout.hand_over(&checkout.key_files(role)[0], "bob");
    }
    let file = bundle(&checkout);
    let alice = checkout.app().join("keys");
    checkout.release("1.0.0");
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    let run = sign_as(&checkout, &bob, &file).ok();
    assert!(run.out.contains("the snapshot metadata has 1 of 2"), "{run:#?}");
    sign_as(&checkout, &alice, &file).ok();
    let run = sign_as(&checkout, &bob, &file).ok();
    assert!(run.out.contains("Signed by all who must"), "{run:#?}");
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    checkout.verify().ok();
    let refresh = checkout.room().join("refresh").to_str().unwrap().to_owned();
    checkout.refresh(&["--bundle", &refresh]).ok();
    sign_as(&checkout, &bob, &refresh).ok();
    checkout.refresh(&["--bundle", &refresh]).ok();
    sign_as(&checkout, &bob, &refresh).refused(8, &["something else was published since"]);
    assert_eq!(checkout.published("timestamp.json")["signed"]["version"], 2);
    checkout.verify().ok();
}

#[test]
fn a_timestamp_that_says_it_was_signed_in_the_future_is_not_signed() {
    let checkout = Checkout::new();
    checkout.publish(&["keys", "add", "timestamp", "--threshold", "2", "--no-passphrase"]).ok();
    let bob = checkout.hand_over(&checkout.key_files("timestamp-")[0], "bob");
    let file = bundle(&checkout);
    checkout.release("1.0.0");
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    let signed_at = json(file.as_ref())["timestamp"]["signed"]["signed_at"].as_str().unwrap().to_owned();
    spoil(&file, &format!(r#""signed_at":"{signed_at}""#), r#""signed_at":"2099-01-01T00:00:00Z""#);
    sign_as(&checkout, &bob, &file).refused(8, &["the timestamp metadata in it does not follow"]);
}

#[test]
fn a_withdrawal_that_two_must_sign_goes_from_hand_to_hand_and_says_what_it_is() {
    let (checkout, bob) = two_must_sign();
    let file = bundle(&checkout);
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    sign_as(&checkout, &bob, &file).ok();
    checkout.to_dist("v1.0.0", &["--bundle", &file]).ok();
    let file = checkout.room().join("withdrawal.bundle").to_str().unwrap().to_owned();
    let to = checkout.dist().to_str().unwrap().to_owned();
    let withdraw = |more: &[&str]| {
        let arguments = ["withdraw", "v1.0.0", "--reason", "it eats rows", "--to", &to, "--yes"];
        checkout.publish(&[&arguments, more].concat())
    };
    withdraw(&[]).refused(7, &["1 of 2 signatures", "--bundle"]);
    withdraw(&["--bundle", &file]).ok();
    let custom = |file: &str| checkout.published(file)["signed"]["targets"]["v1.0.0/manifest.json"]["custom"].clone();
    assert!(
        custom("1.targets.json")["withdrawn"].is_null() && !checkout.dist().join("metadata/2.targets.json").exists()
    );
    withdraw(&["--bundle", &file]).refused(2, &["exists"]);
    let run = sign_as(&checkout, &bob, &file).ok();
    assert!(run.out.contains("withdrawn: nothing -> \"it eats rows\""), "{run:#?}");
    checkout.refresh(&["--bundle", &file, "--yes"]).ok();
    assert_eq!(custom("2.targets.json")["withdrawn"], "it eats rows");
    checkout.verify().ok();
    withdraw(&[]).refused(8, &["says so already"]);
}
