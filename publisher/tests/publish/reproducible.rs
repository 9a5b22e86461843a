//! Two runs are bit-identical.

use std::fs;

use crate::checkout::{Checkout, contents};

#[test]
fn archives_and_manifest_are_the_same_at_any_time_and_anywhere() {
    let checkout = Checkout::new();
    let big: String = (0..400_000).map(|i| format!("{i}\n")).collect();
    checkout.write("data/big.txt", &big);
    let tag = checkout.release("1.0.0");
    checkout.to_dist(&tag, &[]).ok();
    let first = contents(&checkout.dist().join("targets"));
    assert!(first.iter().any(|(path, bytes)| path.ends_with("kkt-v1.0.0.tar.gz") && bytes.len() > 100_000));
    fs::remove_dir_all(checkout.dist()).unwrap();
    // Another clone: other inodes, other times, other order in the directory, another umask's modes.
    let clone = checkout.room().join("clone");
    checkout.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
    let keys = checkout.app().join("keys");
    let dist = checkout.dist();
    let arguments =
        [tag.as_str(), "-C", clone.to_str().unwrap(), "--keys", keys.to_str().unwrap(), "--to", dist.to_str().unwrap()];
    checkout.publish_with(&arguments, &[("SOURCE_DATE_EPOCH", "1800000000"), ("TZ", "Asia/Tokyo")]).ok();
    assert!(contents(&checkout.dist().join("targets")) == first);
}

#[test]
fn with_a_fixed_clock_the_metadata_is_the_same_too() {
    let checkout = Checkout::new();
    let tag = checkout.release("1.0.0");
    let publish = || {
        let dist = checkout.dist();
        let arguments = [tag.as_str(), "--to", dist.to_str().unwrap()];
        checkout.publish_with(&arguments, &[("SOURCE_DATE_EPOCH", "1800000000")]).ok();
        let all = contents(&dist);
        fs::remove_dir_all(dist).unwrap();
        fs::remove_file(checkout.app().join(".git/surefoot/published.json")).unwrap();
        all
    };
    assert!(publish() == publish());
}
