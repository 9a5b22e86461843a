//! GitHub Releases, as far as they can be had without GitHub: what `publish` makes on the stand-in, and what
//! GitHub's own command line makes of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use surefoot_tests::forge::{AssetState, DownloadFault, Forge, Host, RateLimit, Release, Shape, UploadFault, Vendor};

mod refresh;

const SLUG: &str = "acme/kkt";

/// How long to wait for what happens in moments on any machine.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn real_gh_takes_the_stand_in_for_github() {
    let forge = Forge::start();
    forge.add_repository(SLUG);
    let desk = tempfile::tempdir().unwrap();
    std::fs::write(desk.path().join("app.tar.gz"), b"not really").unwrap();

    gh(&forge, desk.path(), &["release", "create", "v1.0.0", "app.tar.gz", "-n", "notes"]);
    let list = gh(&forge, desk.path(), &["release", "list"]);
    let view = gh(&forge, desk.path(), &["release", "view", "v1.0.0"]);
    gh(&forge, desk.path(), &["release", "download", "v1.0.0", "-D", "got"]);

    assert!(list.contains("v1.0.0"), "{list}");
    assert!(view.contains("app.tar.gz"), "{view}");
    assert_eq!(std::fs::read(desk.path().join("got/app.tar.gz")).unwrap(), b"not really");
    keeps_its_word(&forge);
}

#[test]
fn real_gh_lists_views_and_downloads_what_publish_made() {
    let (forge, vendor) = world(Shape::Enterprise);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    let desk = tempfile::tempdir().unwrap();

    let list = gh(&forge, desk.path(), &["release", "list"]);
    let view = gh(&forge, desk.path(), &["release", "view", "v1.0.0"]);
    gh(&forge, desk.path(), &["release", "download", "v1.0.0", "-D", "got"]);

    assert!(list.contains("Latest") && list.contains("v1.0.0"), "{list}");
    assert!(view.contains("What 1.0.0 adds.") && view.contains("kkt-v1.0.0.tar.gz"), "{view}");
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "checksums.txt"])
        .current_dir(desk.path().join("got"))
        .status();
    assert!(checked.unwrap().success(), "checksums.txt does not match what gh downloaded");
    keeps_its_word(&forge);
}

#[test]
fn on_github_com_the_token_goes_to_the_api_and_the_uploads_only() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);

    let (status, timestamp) = forge.visit(&latest(&forge, "timestamp.json"));

    assert_eq!(status, 200);
    assert!(timestamp.starts_with(b"{"), "not JSON");
    for request in forge.requests() {
        let entitled = matches!(request.host, Host::Api | Host::Uploads);
        assert_eq!(request.authorization.is_some(), entitled, "{request:?}");
    }
    keeps_its_word(&forge);
}

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
fn a_token_that_may_only_read_is_refused_with_a_sentence_that_says_what_it_lacks() {
    let (forge, mut vendor) = world(Shape::GithubCom);
    vendor.become_owner_of(forge.reader_token());
    vendor.tag("1.0.0");

    let output = vendor.publish(&["v1.0.0"]);

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("Contents: write"), "{said}");
    assert!(!said.contains(forge.reader_token()), "the token was printed: {said}");
    assert!(forge.releases(SLUG).is_empty());
}

#[test]
fn a_tag_that_was_not_pushed_is_not_left_to_github_to_make() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    forge.forget_tag(SLUG, "v1.0.0");

    let output = vendor.publish(&["v1.0.0"]);

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("git push origin v1.0.0"), "{said}");
    assert!(forge.releases(SLUG).is_empty());
}

#[test]
fn a_rate_limit_is_waited_for() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    forge.limit_next_request(RateLimit { status: 429, retry_after: Some(1), reset_in: None });
    forge.limit_next_request(RateLimit { status: 403, retry_after: None, reset_in: Some(1) });

    vendor.succeed(&["v1.0.0"]);

    assert_complete(&only_release(&forge));
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

#[test]
fn what_comes_back_other_than_it_was_sent_stays_a_draft() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    forge.fail_next_download(DownloadFault::Tamper);

    let output = vendor.publish(&["v1.0.0"]);

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("1.root.json"), "{said}");
    assert!(only_release(&forge).draft);
    assert_invisible(&forge);
}

#[test]
fn a_connection_that_breaks_while_the_draft_is_read_back_is_tried_again() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    forge.cut_after(10);

    vendor.succeed(&["v1.0.0"]);

    assert_complete(&only_release(&forge));
}

#[test]
fn uploads_at_an_address_that_is_not_the_configured_one_get_neither_token_nor_bytes() {
    let (forge, vendor) = world(Shape::GithubCom);
    let file = vendor.checkout().join("publish.toml");
    let configuration = std::fs::read_to_string(&file).unwrap();
    let configuration = configuration.replace(forge.uploads_base(), "https://uploads.example.com");
    std::fs::write(&file, configuration).unwrap();
    vendor.tag("1.0.0");

    let output = vendor.publish(&["v1.0.0"]);

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(forge.uploads_base()), "{said}");
    assert!(forge.requests().iter().all(|request| request.host != Host::Uploads));
}

#[test]
fn the_storage_refuses_a_token_and_an_address_that_has_expired() {
    let (forge, vendor) = world(Shape::GithubCom);
    vendor.tag("1.0.0");
    vendor.succeed(&["v1.0.0"]);
    let address = latest(&forge, "timestamp.json");
    assert_eq!(forge.visit_as(&address, Some(forge.reader_token())).0, 200);

    let signed = forge.requests().pop().unwrap();
    let signed = format!("{}{}?{}", forge.storage_base(), signed.path, signed.query);
    assert_eq!(forge.visit(&signed).0, 200);
    assert_eq!(forge.visit_as(&signed, Some(forge.reader_token())).0, 400);
    forge.link_lifetime(Duration::ZERO);
    assert_eq!(forge.visit(&address).0, 403);
}

fn world(shape: Shape) -> (Forge, Vendor) {
    let forge = Forge::start();
    let vendor = Vendor::new(&forge, SLUG, shape);
    (forge, vendor)
}

fn gh(forge: &Forge, desk: &Path, arguments: &[&str]) -> String {
    let repository = format!("{}/{SLUG}", forge.host());
    forge.gh(desk, &[arguments, &["-R", &repository]].concat())
}

fn latest(forge: &Forge, name: &str) -> String {
    format!("{}/{SLUG}/releases/latest/download/{name}", forge.public_base())
}

fn only_release(forge: &Forge) -> Release {
    let mut releases = forge.releases(SLUG);
    assert_eq!(releases.len(), 1, "{releases:?}");
    releases.remove(0)
}

fn assert_complete(release: &Release) {
    assert!(!release.draft && release.published_at.is_some());
    let unfinished = release.assets.iter().find(|asset| asset.state != AssetState::Uploaded);
    assert!(unfinished.is_none(), "{unfinished:?}");
    let has = |name: &str| release.assets.iter().any(|asset| asset.name.ends_with(name));
    for name in ["1.root.json", "timestamp.json", ".manifest.json", "kkt-v1.0.0.tar.zst", "checksums.txt"] {
        assert!(has(name), "{name} is missing");
    }
}

/// Neither by its addresses nor by the API, with and without a token that may read.
fn assert_invisible(forge: &Forge) {
    let by_tag = format!("{}/{SLUG}/releases/download/v1.0.0/checksums.txt", forge.public_base());
    let list = format!("{}/repos/{SLUG}/releases", forge.api_base());
    for token in [None, Some(forge.reader_token())] {
        assert_eq!(forge.visit_as(&latest(forge, "timestamp.json"), token).0, 404);
        assert_eq!(forge.visit_as(&by_tag, token).0, 404);
        assert_eq!(forge.visit_as(&format!("{list}/tags/v1.0.0"), token).0, 404);
        assert_eq!(forge.visit_as(&list, token), (200, b"[]".to_vec()));
    }
}

fn kill_when_parked(forge: &Forge, vendor: &Vendor, tag: &str) {
    let mut command = vendor.command(&[tag]);
    let mut publishing =
        command.stderr(Stdio::null()).spawn().expect("a child of ours can be started, asked and killed");
    let deadline = Instant::now() + DEADLINE;
    while forge.parked_uploads() == 0 {
        assert_eq!(
            publishing.try_wait().expect("a child of ours can be started, asked and killed"),
            None,
            "it ended before it was killed"
        );
        assert!(Instant::now() < deadline, "no upload came to be parked");
        std::thread::sleep(Duration::from_millis(10));
    }
    publishing.kill().expect("a child of ours can be started, asked and killed");
    publishing.wait().expect("a child of ours can be started, asked and killed");
}

fn keeps_its_word(forge: &Forge) {
    assert_eq!(forge.violations(), Vec::<String>::new(), "the stand-in lies");
}
