//! A release is a draft until all of it is there: what is killed or broken in the middle is invisible, and a rerun completes it.

use super::*;

#[test]
fn an_upload_that_fails_with_502_is_cleared_away_and_sent_again() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    forge.fail_upload(3, UploadFault::BadGateway);

    vendor.succeed(&["v1.0.0"]);

    assert_complete(&only_release(&forge));
    let failed = forge.requests().into_iter().filter(|request| request.status == Some(502));
    assert_eq!(failed.count(), 1, "the fault was not injected");
    keeps_its_word(&forge);
}

#[test]
fn killed_in_the_middle_of_the_uploads_nothing_is_visible_and_a_rerun_completes_it() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    forge.fail_upload(4, UploadFault::Park);
    kill_when_parked(&forge, &vendor, "v1.0.0");

    let left = only_release(&forge);
    assert!(left.draft);
    assert_eq!(left.assets.last().map(|asset| asset.state), Some(AssetState::Starter));
    assert_invisible(&forge);

    vendor.succeed(&["v1.0.0"]);

    let made = only_release(&forge);
    assert_eq!(made.id, left.id, "the rerun made a draft of its own");
    assert_complete(&made);
    let kept = left.assets.iter().filter(|asset| asset.state == AssetState::Uploaded);
    for asset in kept {
        assert!(made.assets.iter().any(|now| now.id == asset.id), "{} was sent twice", asset.name);
    }
    assert_eq!(forge.visit(&latest(&forge, "timestamp.json")).0, 200);
    keeps_its_word(&forge);
}

#[test]
fn a_draft_is_invisible_until_the_same_command_without_draft() {
    let (forge, vendor) = world(Shape::Enterprise);
    vendor.tag("1.0.0");

    vendor.succeed(&["v1.0.0", "--draft"]);
    assert!(only_release(&forge).draft);
    assert_invisible(&forge);

    vendor.succeed(&["v1.0.0"]);
    assert_complete(&only_release(&forge));
    keeps_its_word(&forge);
}

#[test]
fn publishing_again_changes_nothing_and_says_so() {
    let (forge, vendor) = world(Shape::Enterprise);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    let before = forge.requests().len();

    let said = vendor.succeed(&["v1.0.0"]);

    assert!(said.contains("already published"), "{said}");
    let since = forge.requests().split_off(before);
    let changing = since.iter().find(|request| request.method != "GET");
    assert!(changing.is_none(), "{changing:?}");
}

#[test]
fn a_draft_with_other_content_is_refused_and_left_alone() {
    let (forge, vendor) = world(Shape::Enterprise);
    vendor.tag("1.0.0");
    let desk = tempfile::tempdir().unwrap();
    std::fs::write(desk.path().join("checksums.txt"), b"somebody else's").unwrap();
    gh(&forge, desk.path(), &["release", "create", "v1.0.0", "checksums.txt", "-n", "", "--draft"]);

    let output = vendor.publish(&["v1.0.0"]);

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("checksums.txt"), "{said}");
    assert_eq!(only_release(&forge).assets.len(), 1);
}

#[test]
fn of_two_drafts_for_one_tag_the_older_is_completed_and_the_other_left_alone() {
    let (forge, vendor) = world(Shape::Enterprise);
    vendor.tag("1.0.0");
    let draft = ["release", "create", "v1.0.0", "-n", "", "--draft"];
    gh(&forge, vendor.checkout(), &draft);
    gh(&forge, vendor.checkout(), &draft);

    vendor.succeed(&["v1.0.0"]);

    let releases = forge.releases(SLUG);
    assert_eq!(releases.len(), 2);
    assert_complete(&releases[0]);
    let notes = releases[0].body.as_deref().unwrap_or_default();
    assert!(notes.contains("What 1.0.0 adds."), "{notes:?}");
    assert!(releases[1].draft && releases[1].assets.is_empty());
}

#[test]
fn a_dry_run_shows_the_calls_and_makes_none_that_changes_anything() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");

    let said = vendor.succeed(&["v1.0.0", "--dry-run"]);

    assert!(said.contains("PATCH") && said.contains("timestamp.json"), "{said}");
    assert!(forge.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn a_pre_release_never_becomes_latest_and_the_latest_release_names_it() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    let before = forge.visit(&latest(&forge, "timestamp.json"));
    vendor.tag("1.1.0-rc.1");

    vendor.succeed(&["v1.1.0-rc.1"]);

    let releases = forge.releases(SLUG);
    assert_eq!(releases.iter().filter(|release| release.prerelease).count(), 1);
    let after = forge.visit(&latest(&forge, "timestamp.json"));
    assert_eq!(after.0, 200);
    assert_ne!(after, before, "readers of the latest release do not learn of the candidate");
    let manifest = format!("{}/{SLUG}/releases/latest/download/manifest.json", forge.public_base());
    let manifest = String::from_utf8(forge.visit(&manifest).1).unwrap();
    assert!(manifest.contains("\"1.0.0\""), "{manifest}");
    keeps_its_word(&forge);
}

/// The latest release then lacks the file that every reader begins with, and only for as long.
#[test]
fn killed_while_the_latest_release_gets_new_metadata_a_rerun_completes_it() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    let of_a_release = only_release(&forge).assets.len();
    vendor.tag("1.1.0-rc.1");
    let versioned_and_the_copy = 3;
    forge.fail_upload(of_a_release + versioned_and_the_copy, UploadFault::Park);
    kill_when_parked(&forge, &vendor, "v1.1.0-rc.1");
    assert_eq!(forge.visit(&latest(&forge, "timestamp.json")).0, 404);

    vendor.succeed(&["v1.1.0-rc.1"]);

    let (status, timestamp) = forge.visit(&latest(&forge, "timestamp.json"));
    assert_eq!(status, 200);
    let timestamp = String::from_utf8(timestamp).unwrap();
    assert!(!timestamp.contains("\"version\":1}"), "it began again: {timestamp}");
    assert_eq!(forge.visit(&latest(&forge, "2.snapshot.json")).0, 200);
    keeps_its_word(&forge);
}

#[test]
fn where_releases_are_immutable_it_is_complete_before_it_is_published() {
    let (forge, vendor) = world(Shape::Enterprise);
    forge.make_immutable(SLUG);
    vendor.tag("1.0.0");

    vendor.succeed(&["v1.0.0"]);

    let made = only_release(&forge);
    assert!(made.immutable);
    assert_complete(&made);
}
