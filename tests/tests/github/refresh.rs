//! Metadata without a release on GitHub: it goes to the latest release, or, where releases are immutable, into one of its own.

use super::*;

#[test]
fn a_refresh_replaces_the_metadata_of_the_latest_release_and_the_timestamp_last() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    let targets = forge.visit(&latest(&forge, "1.targets.json"));
    let before = forge.requests().len();

    vendor.succeed(&["refresh"]);

    let release = only_release(&forge);
    assert_complete(&release);
    assert!(!release.assets.iter().any(|asset| asset.name.starts_with("next.")), "the copy was left behind");
    assert_eq!(version(&forge), 2);
    assert_eq!(forge.visit(&latest(&forge, "1.targets.json")), targets);
    assert_eq!(forge.visit(&latest(&forge, "1.snapshot.json")).0, 200, "a reader may be in the middle of it");
    let uploads: Vec<String> = forge
        .requests()
        .split_off(before)
        .into_iter()
        .filter(|request| request.method == "POST")
        .map(|request| request.query)
        .collect();
    assert_eq!(uploads.len(), 3, "{uploads:?}");
    assert!(uploads[2].contains("timestamp.json") && !uploads[2].contains("next."), "{uploads:?}");
    for _ in 0..3 {
        vendor.succeed(&["refresh"]);
    }
    assert_eq!(forge.visit(&latest(&forge, "2.snapshot.json")).0, 404, "old snapshots pile up");
    assert_eq!(forge.visit(&latest(&forge, "3.snapshot.json")).0, 200);
    vendor.succeed(&["verify"]);
    keeps_its_word(&forge);
}

#[test]
fn a_refresh_that_is_killed_at_any_upload_is_completed_by_the_next_and_nothing_goes_back() {
    for passed in 0..3 {
        let (forge, vendor) = world(Shape::GithubCom);
        vendor.tag("1.0.0");
        vendor.succeed(&["v1.0.0"]);
        vendor.tag("1.1.0");
        vendor.succeed(&["v1.1.0"]);
        forge.fail_upload(passed, UploadFault::Park);
        kill_when_parked(&forge, &vendor, "refresh");
        let readable = forge.visit(&latest(&forge, "timestamp.json")).0;
        assert_eq!(readable, if passed < 2 { 200 } else { 404 });

        vendor.succeed(&["refresh"]);

        assert_eq!(version(&forge), if passed < 2 { 3 } else { 4 }, "the lost timestamp was taken up");
        let said = vendor.succeed(&["verify"]);
        assert!(said.contains("releases 1.0.0, 1.1.0"), "{said}");
        keeps_its_word(&forge);
    }
}

#[test]
fn where_releases_are_immutable_a_refresh_makes_a_release_of_metadata() {
    let (forge, vendor) = world(Shape::GithubCom);
    forge.make_immutable(SLUG);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);

    vendor.succeed(&["refresh"]);
    vendor.succeed(&["verify"]);
    vendor.succeed(&["refresh"]);

    let tags: Vec<String> = forge.releases(SLUG).into_iter().map(|release| release.tag).collect();
    assert_eq!(tags, ["v1.0.0", "meta-2", "meta-3"]);
    assert_eq!(version(&forge), 3);
    vendor.tag("1.1.0-rc.1");
    vendor.succeed(&["v1.1.0-rc.1"]);
    assert_eq!(version(&forge), 4, "readers of the latest release learn of the candidate");
    vendor.tag("1.1.0");
    vendor.succeed(&["v1.1.0"]);
    let said = vendor.succeed(&["verify"]);
    assert!(said.contains("1.1.0-rc.1, 1.1.0"), "{said}");
    keeps_its_word(&forge);
}

#[test]
fn a_release_of_metadata_that_was_killed_is_completed_by_the_next_refresh() {
    let (forge, vendor) = world(Shape::GithubCom);
    forge.make_immutable(SLUG);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    forge.fail_upload(2, UploadFault::Park);
    kill_when_parked(&forge, &vendor, "refresh");
    assert_eq!(version(&forge), 1);

    vendor.succeed(&["refresh"]);

    assert_eq!(forge.releases(SLUG).len(), 2, "the draft was taken up");
    assert_eq!(version(&forge), 2);
    vendor.succeed(&["verify"]);
    keeps_its_word(&forge);
}

#[test]
fn a_rotated_key_reaches_readers_of_the_latest_release() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    vendor.succeed(&["keys", "rotate", "timestamp", "snapshot", "--no-passphrase"]);

    vendor.succeed(&["refresh", "--if-due", "1"]);

    assert_eq!(forge.visit(&latest(&forge, "2.root.json")).0, 200);
    vendor.succeed(&["verify"]);
    let said = vendor.succeed(&["refresh", "--if-due", "1"]);
    assert!(said.contains("nothing is due"), "{said}");
    keeps_its_word(&forge);
}

/// The version of the timestamp that readers see.
fn version(forge: &Forge) -> u64 {
    let (status, timestamp) = forge.visit(&latest(forge, "timestamp.json"));
    assert_eq!(status, 200);
    let timestamp: serde_json::Value = serde_json::from_slice(&timestamp).expect("readers get JSON");
    timestamp["signed"]["version"].as_u64().expect("a timestamp has a version")
}
