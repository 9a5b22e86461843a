//! What `publish v1.1.0` says against what is published already.

use std::fs;

use crate::checkout::{Checkout, contents, refused};

#[test]
fn a_second_run_at_the_same_time() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let private = checkout.app().join(".git/surefoot");
    fs::create_dir_all(&private).unwrap();
    let lock = fs::File::create(private.join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    refused(&checkout, &tag, 8, &["another `publish` is at work in this checkout"]);
    drop(lock);
    checkout.to_dist(&tag, &[]).ok();
}

#[test]
fn a_place_that_lacks_more_than_this_release() {
    let checkout = Checkout::new();
    for version in ["1.0.0", "1.1.0"] {
        let tag = checkout.release(version);
        checkout.to_dist(&tag, &[]).ok();
    }
    let empty = checkout.room().join("empty");
    let run = checkout.to_dist("v1.1.0", &["--to", empty.to_str().unwrap()]);
    run.refused(8, &["empty lacks earlier releases"]);
    assert!(!empty.exists());
}

#[test]
fn a_version_that_is_not_higher_than_the_last() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.1.0");
    checkout.to_dist(&tag, &[]).ok();
    let before = contents(&checkout.dist());
    let tag = checkout.release("1.0.5");
    checkout.to_dist(&tag, &[]).refused(8, &["already has 1.1.0, and 1.0.5 is not higher"]);
    assert_eq!(contents(&checkout.dist()), before);
}

#[test]
fn a_hotfix_is_not_held_back_by_a_prerelease() {
    let checkout = Checkout::new();
    for version in ["1.1.0", "1.2.0-rc.1", "1.1.1"] {
        let tag = checkout.release(version);
        checkout.to_dist(&tag, &[]).ok();
    }
    let tag = checkout.release("1.2.0-rc.0");
    checkout.to_dist(&tag, &[]).refused(8, &["already has 1.2.0-rc.1"]);
}

#[test]
fn other_content_under_a_published_version() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let before = contents(&checkout.dist());
    checkout.to_dist(&tag, &["--severity", "critical"]).refused(8, &["with other content", "manifest.json"]);
    checkout.to_dist(&tag, &["--channel", "beta"]).refused(8, &["with other content"]);
    checkout.write("app/main.py", "print('other')\n");
    checkout.commit();
    checkout.git(&["tag", "--force", &tag]);
    checkout.to_dist(&tag, &[]).refused(8, &["a published release never changes"]);
    assert_eq!(contents(&checkout.dist()), before);
}

#[test]
fn a_repository_that_other_keys_have_signed() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let stranger = Checkout::new();
    let tag = stranger.release("2.0.0");
    let dist = checkout.dist();
    let run = stranger.publish(&[&tag, "--to", dist.to_str().unwrap()]);
    run.refused(5, &["does not verify with the root of this checkout", "0 valid signatures"]);
}

#[test]
fn a_repository_that_lost_a_metadata_file() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    fs::remove_file(checkout.dist().join("metadata/1.targets.json")).unwrap();
    let tag = checkout.release("1.1.0");
    checkout.to_dist(&tag, &[]).refused(5, &["is incomplete: 1.targets.json is missing"]);
}

#[test]
fn repositories_that_do_not_agree() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let tag = checkout.release("1.1.0");
    let other = checkout.room().join("other");
    checkout.to_dist(&tag, &["--to", other.to_str().unwrap()]).refused(8, &["do not have the same metadata"]);
    assert!(!other.exists());
}
