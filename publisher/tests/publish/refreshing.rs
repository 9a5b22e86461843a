//! `publish refresh`.

use std::fs;

use crate::checkout::{Checkout, contents};

fn published() -> Checkout {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    checkout
}

fn in_days(days: i64) -> String {
    (jiff::Timestamp::now().as_second() + days * 86_400).to_string()
}

#[test]
fn snapshot_and_timestamp_are_signed_anew_and_the_targets_stay() {
    let checkout = published();
    let targets = checkout.published("1.targets.json");
    let to = checkout.dist();
    let arguments = ["refresh", "--to", to.to_str().unwrap()];
    let late = in_days(20);
    checkout.publish(&["verify", "--from", to.to_str().unwrap()]).ok();
    checkout.publish_with(&arguments, &[("SOURCE_DATE_EPOCH", &late)]).ok();
    assert_eq!(checkout.published("timestamp.json")["signed"]["version"], 2);
    assert_eq!(checkout.published("2.snapshot.json")["signed"]["meta"]["targets.json"]["version"], 1);
    assert_eq!(checkout.published("1.targets.json"), targets);
    let verify = ["verify", "--from", to.to_str().unwrap()];
    checkout.publish_with(&verify, &[("SOURCE_DATE_EPOCH", &late)]).ok();
}

#[test]
fn it_needs_neither_the_targets_key_nor_the_root_key_nor_a_tag() {
    let checkout = published();
    fs::remove_file(checkout.app().join("keys/targets.pem")).unwrap();
    fs::remove_file(checkout.app().join("keys/root.pem")).unwrap();
    checkout.write("app/main.py", "print('work in progress')\n");
    checkout.refresh(&[]).ok();
    checkout.verify().ok();
}

#[test]
fn nothing_is_done_before_it_is_due() {
    let checkout = published();
    let before = contents(&checkout.dist());
    let run = checkout.refresh(&["--if-due", "7"]).ok();
    assert!(run.out.contains("nothing is due"), "{run:#?}");
    assert_eq!(contents(&checkout.dist()), before);
    let run = checkout.refresh(&["--if-due", "14"]).ok();
    assert!(run.out.contains("refreshed"), "{run:#?}");
}

#[test]
fn stopped_anywhere_readers_see_the_state_before_and_the_next_run_completes_it() {
    let checkout = published();
    let whole = contents(&checkout.dist());
    checkout.refresh(&[]).ok();
    let after = contents(&checkout.dist());
    let new: Vec<_> = after.iter().filter(|file| !whole.contains(file)).cloned().collect();
    assert_eq!(new.len(), 2, "a snapshot and the timestamp");
    for stopped in 0..new.len() {
        fs::remove_file(checkout.app().join(".git/surefoot/published.json")).unwrap();
        fs::remove_dir_all(checkout.dist()).unwrap();
        for (path, bytes) in whole.iter().chain(&new[..stopped]) {
            let path = checkout.dist().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::write(checkout.dist().join("metadata/.timestamp.json.partial"), "half").unwrap();
        checkout.verify().ok();
        assert_eq!(checkout.published("timestamp.json")["signed"]["version"], 1);
        checkout.refresh(&[]).ok();
        checkout.verify().ok();
        assert_eq!(checkout.published("timestamp.json")["signed"]["version"], 2);
    }
}

#[test]
fn two_repositories_that_an_interruption_left_uneven_become_even() {
    let checkout = published();
    let other = checkout.room().join("other");
    let to = other.to_str().unwrap();
    checkout.publish(&["v1.0.0", "--to", to]).ok();
    // The second one is another first publication, with metadata of its own.
    let both = |more: &[&str]| {
        let dist = checkout.dist();
        checkout.publish(&[&["refresh", "--to", dist.to_str().unwrap(), "--to", to], more].concat())
    };
    both(&[]).ok();
    checkout.refresh(&[]).ok();
    both(&["--if-due", "1"]).ok();
    assert_eq!(contents(&other.join("metadata")).last(), contents(&checkout.dist().join("metadata")).last());
    checkout.publish(&["verify", "--from", to]).ok();
    let run = both(&["--if-due", "1"]).ok();
    assert!(run.out.contains("nothing is due"), "{run:#?}");
}

#[test]
fn without_a_release_there_is_nothing_to_refresh() {
    let checkout = Checkout::new();
    checkout.refresh(&[]).refused(8, &["nothing is published"]);
}

#[test]
fn metadata_of_strangers_is_not_signed_anew() {
    let checkout = published();
    let stranger = published();
    fs::remove_dir_all(checkout.dist()).unwrap();
    fs::rename(stranger.dist(), checkout.dist()).unwrap();
    checkout.refresh(&[]).refused(5, &["does not verify"]);
}

#[test]
fn a_checkout_that_lacks_the_newest_root_is_told_so() {
    let checkout = published();
    checkout.publish(&["keys", "rotate", "timestamp", "--no-passphrase"]).ok();
    checkout.refresh(&[]).ok();
    fs::remove_file(checkout.app().join(".surefoot/2.root.json")).unwrap();
    checkout.refresh(&[]).refused(8, &["has root version 2", "git pull"]);
}

#[test]
fn what_a_replaced_targets_key_signed_is_shown_and_signed_only_when_a_person_says_so() {
    let checkout = published();
    checkout.publish(&["keys", "rotate", "targets", "--no-passphrase"]).ok();
    checkout.refresh(&[]).refused(8, &["the old ones' word: v1.0.0", "--sign-targets"]);
    checkout.release("1.1.0");
    checkout.to_dist("v1.1.0", &[]).refused(8, &["publish refresh"]);
    checkout.refresh(&["--sign-targets"]).refused(2, &["say --yes"]);
    let run = checkout.refresh(&["--sign-targets", "--yes"]).ok();
    assert!(run.out.contains("= v1.0.0: signed by the old keys only, 5 files"), "{run:#?}");
    checkout.verify().ok();
    checkout.to_dist("v1.1.0", &[]).ok();
    checkout.refresh(&["--sign-targets", "--without", "v3.0.0"]).refused(8, &["no release 3.0.0"]);
    let run = checkout.refresh(&["--sign-targets", "--without", "v1.0.0", "--yes"]).ok();
    assert!(run.out.contains("- v1.0.0: GOES") && run.out.contains("as they are: 1 other release"), "{run:#?}");
    let run = checkout.verify().ok();
    assert!(run.out.contains("releases 1.1.0;"), "{run:#?}");
}

#[test]
fn a_root_or_targets_that_expire_soon_are_warned_of() {
    let checkout = published();
    checkout.configure("[expiry]\ntargets_days = 10\nroot_days = 20\n");
    checkout.publish(&["keys", "renew"]).ok();
    let run = checkout.refresh(&["--sign-targets", "--yes"]).ok();
    assert!(run.err.contains("publish keys renew"), "{run:#?}");
    let run = checkout.refresh(&[]).ok();
    assert!(run.err.contains("the targets expire at"), "{run:#?}");
}

#[test]
fn nobody_signs_a_snapshot_for_targets_that_a_replaced_key_signed() {
    let checkout = published();
    checkout.publish(&["keys", "add", "snapshot", "--threshold", "2", "--no-passphrase"]).ok();
    checkout.hand_over(&checkout.key_files("snapshot-")[0], "bob");
    let (file, bob) = (checkout.room().join("bundle"), checkout.room().join("bob"));
    let (file, bob) = (file.to_str().unwrap(), bob.to_str().unwrap());
    checkout.refresh(&["--bundle", file]).ok();
    checkout.publish(&["keys", "rotate", "targets", "--no-passphrase"]).ok();
    let to = checkout.dist();
    let sign = ["sign", file, "--keys", bob, "--to", to.to_str().unwrap(), "--yes"];
    checkout.publish(&sign).refused(8, &["the word of a key that was replaced"]);
    checkout.refresh(&["--bundle", file]).refused(8, &["the word of a key that was replaced"]);
}

/// Or whoever holds the place could let the scheduled job give an old state a new life.
#[test]
fn an_older_state_that_was_put_back_is_not_signed_anew() {
    let checkout = published();
    let old = contents(&checkout.dist().join("metadata"));
    checkout.release("1.1.0");
    checkout.to_dist("v1.1.0", &[]).ok();
    for (name, bytes) in &old {
        fs::write(checkout.dist().join("metadata").join(name), bytes).unwrap();
    }
    checkout.refresh(&[]).refused(5, &["has version 1, and 2 was published from here"]);
    checkout.release("1.2.0");
    checkout.to_dist("v1.2.0", &[]).refused(5, &["somebody has put an older state back"]);
    fs::remove_dir_all(checkout.dist()).unwrap();
    checkout.to_dist("v1.2.0", &[]).refused(5, &["has version 0, and 2 was published from here"]);
    fs::remove_file(checkout.app().join(".git/surefoot/published.json")).unwrap();
    checkout.to_dist("v1.2.0", &[]).ok();
}

#[test]
fn of_two_roots_that_were_made_at_once_the_second_is_not_put_over_the_first() {
    let checkout = published();
    let rotate = ["keys", "rotate", "timestamp", "--no-passphrase"];
    checkout.publish(&rotate).ok();
    checkout.refresh(&[]).ok();
    let first = fs::read(checkout.dist().join("metadata/2.root.json")).unwrap();
    fs::remove_file(checkout.app().join(".surefoot/2.root.json")).unwrap();
    checkout.publish(&rotate).ok();
    checkout.refresh(&[]).refused(8, &["has another root of version 2 than this checkout"]);
    checkout.publish(&rotate).ok();
    checkout.refresh(&[]).refused(8, &["has another root of version 2 than this checkout"]);
    assert_eq!(fs::read(checkout.dist().join("metadata/2.root.json")).unwrap(), first);
}

/// Whoever had the snapshot and timestamp keys may name older targets; whoever has the targets key alone may leave newer ones
/// lying there. Which of the two it was, a person must tell.
#[test]
fn targets_that_no_snapshot_names_are_taken_only_when_a_person_says_so() {
    let checkout = published();
    let old = fs::read(checkout.dist().join("metadata/timestamp.json")).unwrap();
    checkout.release("1.1.0");
    checkout.to_dist("v1.1.0", &[]).ok();
    fs::write(checkout.dist().join("metadata/timestamp.json"), old).unwrap();
    fs::remove_file(checkout.app().join(".git/surefoot/published.json")).unwrap();
    checkout.publish(&["keys", "rotate", "snapshot", "timestamp", "--no-passphrase"]).ok();
    checkout.refresh(&[]).refused(8, &["version 2 is signed as well, with v1.1.0", "--newest-targets"]);
    checkout.release("1.2.0");
    checkout.to_dist("v1.2.0", &[]).refused(8, &["publish refresh"]);
    checkout.refresh(&["--newest-targets"]).ok();
    let run = checkout.verify().ok();
    assert!(run.out.contains("releases 1.0.0, 1.1.0;"), "{run:#?}");
    checkout.to_dist("v1.2.0", &[]).ok();
}
