//! What holds the stand-in to the real thing: GitHub's own command line takes it for GitHub, and reads what `publish` made.

use super::*;

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
