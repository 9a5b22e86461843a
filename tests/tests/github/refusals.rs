//! What GitHub refuses, limits or gets wrong, and where the token goes.

use super::*;

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
