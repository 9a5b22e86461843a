//! A private repository on GitHub: what is asked, in which words, and to whom the token is shown.

mod source_world;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use source_world::{Asked, Server, Wire, bytes, fetcher, ok, ok_range, say, status};
use surefoot::source::{Hosts, Kept, Known, ReleaseSource, Remote, SourceError, SourceSpec, Token, TokenPlace};

const TOKEN: &str = "ghp_canaryOfTheToken4711";
const BEARER: &str = "Bearer ghp_canaryOfTheToken4711";
const RELEASES: &str = "/api/v3/repos/acme/kkt/releases";

/// The repository whose API is at `server`.
fn private(server: &Server) -> Remote {
    let hosts = Hosts::private(Some(&server.url("")), Some(&server.url("/api/v3"))).expect("two addresses");
    let spec = SourceSpec::parse("github:acme/kkt", &hosts).expect("a source");
    let place = TokenPlace::File(PathBuf::from("/etc/surefoot/kkt.token"));
    Remote::new(spec, fetcher()).with_token(&Token::new(TOKEN).expect("a token"), &place)
}

/// The API of a repository whose latest release has the number 11 for its timestamp and 21 for an artifact.
fn api(asked: &Asked, wire: &mut dyn Wire, asset: impl FnOnce(&mut dyn Wire)) {
    let listed = r#"{"id": 7, "assets": [{"id": 11, "name": "timestamp.json", "state": "uploaded", "size": 3},
        {"id": 21, "name": "ab12.kkt.tar.zst", "state": "uploaded", "size": 20}]}"#;
    let path = asked.path().strip_prefix(RELEASES).expect("nothing else is asked for").to_owned();
    match path.as_str() {
        "/latest" if asked.header("if-none-match").as_deref() == Some("W/\"one\"") => {
            say(wire, "HTTP/1.1 304 Not Modified\r\nETag: W/\"one\"\r\n\r\n");
        }
        "/latest" | "/tags/v1.1.0" => {
            let length = listed.len();
            say(wire, format!("HTTP/1.1 200 OK\r\nETag: W/\"one\"\r\nContent-Length: {length}\r\n\r\n{listed}"));
        }
        "/assets/11" | "/assets/21" => asset(wire),
        _ => status(wire, "404 Not Found", ""),
    }
}

fn artifact(remote: &mut Remote, length: u64) -> (Vec<u8>, Result<(), SourceError>) {
    let mut got = Vec::new();
    let outcome = remote.target("v1.1.0/ab12.kkt.tar.zst", 0, length, &mut |more| {
        got.extend_from_slice(more);
        Ok(())
    });
    (got, outcome)
}

fn paths(server: &Server) -> Vec<String> {
    server.asked().iter().map(|asked| asked.path().trim_start_matches(RELEASES).to_owned()).collect()
}

#[test]
fn a_release_is_listed_and_its_assets_are_asked_for_by_number() {
    let server = Server::start(|asked, wire| api(asked, wire, |wire| ok(wire, b"abc")));
    let mut remote = private(&server);
    assert_eq!(remote.metadata("2.root.json", 100).expect("a list"), None);
    assert_eq!(remote.metadata("timestamp.json", 100).expect("it is there"), Some(b"abc".to_vec()));
    assert_eq!(artifact(&mut remote, 3), (b"abc".to_vec(), Ok(())));
    assert_eq!(paths(&server), ["/latest", "/assets/11", "/tags/v1.1.0", "/assets/21"]);
    for asked in server.asked() {
        let accept =
            if asked.path().contains("/assets/") { "application/octet-stream" } else { "application/vnd.github+json" };
        assert_eq!(asked.header("accept").as_deref(), Some(accept), "{}", asked.head);
        assert_eq!(asked.header("authorization").as_deref(), Some(BEARER));
        assert_eq!(asked.header("x-github-api-version").as_deref(), Some("2022-11-28"));
    }
}

#[test]
fn an_idle_cycle_costs_one_question_that_is_answered_by_its_entity_tag() {
    let server = Server::start(|asked, wire| api(asked, wire, |wire| ok(wire, b"abc")));
    let mut first = private(&server);
    first.watch("timestamp.json", None);
    first.metadata("timestamp.json", 100).expect("it is there");
    let (etag, kept) = (first.etag().expect("a tag").to_owned(), first.kept(Timestamp::now()));

    let mut next = private(&server);
    next.recall(kept, Timestamp::now());
    next.watch("timestamp.json", Some(Known { etag, bytes: b"abc".to_vec() }));
    assert_eq!(next.metadata("2.root.json", 100).expect("a list"), None);
    assert_eq!(next.metadata("timestamp.json", 100).expect("it is known"), Some(b"abc".to_vec()));
    assert_eq!(next.etag(), first.etag());
    assert_eq!(paths(&server), ["/latest", "/assets/11", "/latest"]);
    assert_eq!(server.asked()[2].header("if-none-match").as_deref(), Some("W/\"one\""));
}

/// Another port of the same machine is another origin; so is the API itself, once the way has left it.
#[test]
fn the_token_is_shown_to_the_origin_of_the_api_and_to_nobody_that_it_leads_to() {
    let home = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let back = home.clone();
    let storage = Server::start(move |asked, wire| match asked.path() {
        "/stays" => ok(wire, b"abc"),
        _ => status(wire, "302 Found", &format!("Location: {}/back\r\n", back.lock().expect("a lock"))),
    });
    let (stays, returns) = (storage.url("/stays"), storage.url("/returns"));
    let server = Server::start(move |asked, wire| match asked.path() {
        "/back" => ok(wire, b"abc"),
        path => {
            let to = if path.ends_with("/11") { &stays } else { &returns };
            api(asked, wire, |wire| status(wire, "302 Found", &format!("Location: {to}\r\n")));
        }
    });
    home.lock().expect("a lock").clone_from(&server.url(""));
    let mut remote = private(&server);
    assert_eq!(remote.metadata("timestamp.json", 100).expect("it is there"), Some(b"abc".to_vec()));
    assert_eq!(artifact(&mut remote, 3), (b"abc".to_vec(), Ok(())));
    assert_eq!(storage.asked().len(), 2);
    for asked in storage.asked() {
        assert!(!asked.head.contains("canary"), "{}", asked.head);
        assert!(!asked.head.contains("octet-stream") && !asked.head.contains("x-github"), "{}", asked.head);
    }
    for asked in server.asked() {
        assert_eq!(asked.head.contains("canary"), asked.path() != "/back", "{}", asked.head);
    }
}

/// A repository that was renamed is redirected within the API.
#[test]
fn a_redirect_within_the_api_is_followed_with_the_token() {
    let server = Server::start(|asked, wire| match asked.path() {
        "/api/v3/repos/acme/kkt/releases/latest" => {
            status(wire, "301 Moved Permanently", "Location: /api/v3/repositories/9/releases/latest\r\n");
        }
        _ => ok(wire, br#"{"assets": []}"#),
    });
    assert_eq!(private(&server).metadata("2.root.json", 100).expect("a list"), None);
    assert_eq!(server.asked()[1].header("authorization").as_deref(), Some(BEARER));
}

#[test]
fn a_token_for_a_stranger_in_the_clear_is_not_sent() {
    let error = Hosts::private(Some("https://github.example.com"), Some("http://github.example.com/api/v3"));
    assert!(error.expect_err("in the clear").to_string().contains("not encrypted"));
    let half = Hosts::private(Some("https://github.example.com"), None).expect_err("whose API?").to_string();
    assert!(half.contains("say both api and downloads"), "{half}");
}

#[test]
fn a_token_that_is_refused_is_told_by_its_file_and_the_right_that_is_missing() {
    for (line, words) in [
        ("401 Unauthorized", "has expired, was revoked, or is mistyped"),
        ("403 Forbidden", "lacks the right Contents: read"),
        ("404 Not Found", "lacks the right Contents: read"),
    ] {
        let server = Server::start(move |_, wire| status(wire, line, ""));
        let error = private(&server).metadata("timestamp.json", 100).expect_err(line);
        assert!(matches!(error, SourceError::Denied { .. }) && !error.is_transient(), "{error:?}");
        let told = format!("{error} {error:?}");
        assert!(told.contains(words) && told.contains("/etc/surefoot/kkt.token"), "{told}");
        assert!(!told.contains("canary"), "{told}");
        assert_eq!(server.asked().len(), 1, "asking again does not help");
    }
}

#[test]
fn who_wants_to_be_left_alone_is_not_asked_after_a_restart_either() {
    let reset = Timestamp::now().as_second() + 1800;
    let spent = format!("X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: {reset}\r\n");
    for (line, headers, seconds) in [
        ("403 Forbidden", "Retry-After: 1800\r\n", 1800),
        ("429 Too Many Requests", "Retry-After: 1800\r\n", 1800),
        ("403 Forbidden", spent.as_str(), 1800),
        ("429 Too Many Requests", spent.as_str(), 1800),
        ("429 Too Many Requests", "", 60),
    ] {
        let said = headers.to_owned();
        let server = Server::start(move |_, wire| status(wire, line, &said));
        let mut remote = private(&server);
        remote.metadata("timestamp.json", 100).expect_err("it is limited");
        let now = Timestamp::now();
        let kept: Kept = serde_json::from_slice(&serde_json::to_vec(&remote.kept(now)).expect("text")).expect("kept");
        let until = kept.not_before.expect("it is kept").duration_since(now);
        assert!((seconds - 60..=seconds).contains(&until.as_secs()), "{line} {headers}: {until:?}");

        let mut restarted = private(&server);
        restarted.recall(kept.clone(), now + SignedDuration::from_secs(1));
        let error = restarted.metadata("timestamp.json", 100).expect_err("it is still limited");
        assert!(matches!(error, SourceError::RateLimited { retry_after: Some(_), .. }), "{error:?}");
        assert_eq!(server.asked().len(), 1, "{line} {headers}");

        let mut later = private(&server);
        later.recall(kept, now + SignedDuration::from_secs(seconds + 5));
        later.metadata("timestamp.json", 100).expect_err("it is limited again");
        assert_eq!(server.asked().len(), 2, "{line} {headers}");
    }
}

/// The address that an asset's redirect leads to lives minutes.
#[test]
fn a_signed_redirect_that_expires_between_two_ranges_is_asked_for_again() {
    let body = bytes(20);
    let served = body.clone();
    let storage = Server::start(move |asked, wire| match (asked.number, asked.path()) {
        (0, "/?signed=0") => {
            say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
            say(wire, &served[..10]);
        }
        // The second address is the one that is good now.
        (_, "/?signed=1") => ok_range(asked, wire, &served),
        _ => status(wire, "403 AuthenticationFailed", ""),
    });
    let (address, signed) = (storage.url("/"), std::sync::atomic::AtomicUsize::new(0));
    let server = Server::start(move |asked, wire| {
        api(asked, wire, |wire| {
            let number = signed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            status(wire, "302 Found", &format!("Location: {address}?signed={number}\r\n"));
        });
    });
    assert_eq!(artifact(&mut private(&server), 20), (body, Ok(())));
    assert_eq!(paths(&server), ["/tags/v1.1.0", "/assets/21", "/assets/21"]);
    assert_eq!(storage.asked()[1].header("range").as_deref(), Some("bytes=10-"));
}

#[test]
fn what_is_no_list_or_has_no_end_is_refused_and_the_next_question_is_answered() {
    let server = Server::start(|asked, wire| match asked.number {
        0 => ok(wire, b"<html>Sign in</html>"),
        1 => {
            say(wire, "HTTP/1.1 200 OK\r\n\r\n");
            while wire.write_all(&[b'['; 65536]).is_ok() {}
        }
        2 => ok(wire, format!(r#"{{"assets": {}"#, "[".repeat(100_000)).as_bytes()),
        _ => api(asked, wire, |wire| ok(wire, b"abc")),
    });
    let mut remote = private(&server);
    let mut error = || remote.metadata("timestamp.json", 100).expect_err("no list");
    assert!(matches!(error(), SourceError::Unusable { .. }));
    assert!(matches!(error(), SourceError::TooLarge { .. }));
    assert!(matches!(error(), SourceError::Unusable { .. }));
    assert_eq!(remote.metadata("timestamp.json", 100).expect("a list"), Some(b"abc".to_vec()));
}

/// Between a list and the question for an asset, the vendor may have replaced it: the cycle that starts again asks anew.
#[test]
fn an_asset_that_was_replaced_meanwhile_is_looked_for_in_a_new_list() {
    let server = Server::start(|asked, wire| {
        api(asked, wire, |wire| match asked.number {
            1 => status(wire, "404 Not Found", ""),
            _ => ok(wire, b"abc"),
        });
    });
    let mut remote = private(&server);
    assert_eq!(remote.metadata("timestamp.json", 100).expect("an answer"), None);
    assert_eq!(remote.metadata("timestamp.json", 100).expect("an answer"), Some(b"abc".to_vec()));
    assert_eq!(paths(&server), ["/latest", "/assets/11", "/latest", "/assets/11"]);
    assert!(artifact(&mut remote, 3).1.is_ok());
}
