//! A directory as a source: what is read, what is refused, and the layout through `Remote`.

#![expect(clippy::disallowed_methods, reason = "a test makes the files that it reads")]

mod source_world;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, Mode};
use source_world::{Server, ask, bytes, fetcher, ok_range, open_directory, question, say, status};
use surefoot::source::{Get, Hosts, Known, Location, ReleaseSource, Remote, SourceError, SourceSpec, hashed_path};

fn file(path: &Path) -> Get {
    question(Location::File(path.to_owned()))
}

fn remote(text: &str, downloads: Option<&str>) -> Remote {
    let hosts = Hosts::public(downloads).expect("a site");
    Remote::new(SourceSpec::parse(text, &hosts).expect("a source"), fetcher())
}

fn target(remote: &mut Remote, path: &str, from: u64, length: u64) -> (Vec<u8>, Result<(), SourceError>) {
    let mut bytes = Vec::new();
    let outcome = remote.target(path, from, length, &mut |more| {
        bytes.extend_from_slice(more);
        Ok(())
    });
    (bytes, outcome)
}

#[test]
fn a_file_is_read_whole_and_from_the_middle() {
    let directory = open_directory();
    let path = directory.path().join("a");
    let body = bytes(200_000);
    fs::write(&path, &body).expect("written");
    let mut fetcher = fetcher();
    assert_eq!(ask(&mut fetcher, &file(&path)).0, body);
    let (got, outcome) = ask(&mut fetcher, &Get { from: 150_000, expect_length: Some(200_000), ..file(&path) });
    assert_eq!(outcome.expect("read").total, Some(200_000));
    assert_eq!(got, body[150_000..]);
}

#[test]
fn a_file_of_the_wrong_size_is_refused_before_a_byte() {
    let directory = open_directory();
    let path = directory.path().join("a");
    fs::write(&path, b"0123456789").expect("written");
    let mut fetcher = fetcher();
    let mut error = |get: &Get| {
        let (got, outcome) = ask(&mut fetcher, get);
        assert_eq!(got, b"");
        outcome.expect_err("refused")
    };
    assert!(matches!(error(&Get { cap: 9, ..file(&path) }), SourceError::TooLarge { cap: 9, .. }));
    assert!(matches!(error(&Get { expect_length: Some(11), ..file(&path) }), SourceError::Unusable { .. }));
    assert!(matches!(error(&Get { from: 11, ..file(&path) }), SourceError::Unusable { .. }));
}

#[test]
fn a_missing_file_is_not_found_and_a_missing_directory_is_this_machines_fault() {
    let directory = open_directory();
    let missing = ask(&mut fetcher(), &file(&directory.path().join("a"))).1;
    assert!(matches!(missing, Err(SourceError::NotFound { .. })), "{missing:?}");
    let unmounted = ask(&mut fetcher(), &file(&directory.path().join("media/a"))).1;
    assert!(matches!(unmounted, Err(SourceError::Local { .. })), "{unmounted:?}");
}

#[test]
fn only_regular_files_are_read() {
    let directory = open_directory();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("file"), b"x").expect("written");
    fs::create_dir(at("directory")).expect("made");
    symlink(at("file"), at("link")).expect("linked");
    rustix::fs::mkfifoat(CWD, at("fifo"), Mode::from_raw_mode(0o644)).expect("made");
    let mut fetcher = fetcher();
    for path in [at("directory"), at("link"), at("fifo"), "/dev/zero".into()] {
        let error = ask(&mut fetcher, &file(&path)).1.expect_err("refused");
        assert!(matches!(error, SourceError::Local { .. }), "{error:?}");
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}

#[test]
fn a_directory_source_gives_metadata_targets_and_the_end_of_the_roots() {
    let directory = open_directory();
    fs::create_dir_all(directory.path().join("metadata")).expect("made");
    fs::create_dir_all(directory.path().join("targets/v1.1.0")).expect("made");
    fs::write(directory.path().join("metadata/1.root.json"), b"{}").expect("written");
    fs::write(directory.path().join("targets/v1.1.0/ab.app.tar"), b"0123456789").expect("written");
    let mut remote = remote(&directory.path().display().to_string(), None);
    assert_eq!(remote.metadata("1.root.json", 10), Ok(Some(b"{}".to_vec())));
    assert_eq!(remote.metadata("2.root.json", 10), Ok(None));
    assert!(matches!(remote.metadata("1.root.json", 1), Err(SourceError::TooLarge { .. })));
    assert!(matches!(remote.metadata("../targets/v1.1.0/ab.app.tar", 99), Err(SourceError::Unsafe { .. })));
    let path = hashed_path("v1.1.0/app.tar", "ab");
    assert_eq!(target(&mut remote, &path, 4, 10), (b"456789".to_vec(), Ok(())));
    assert_eq!(target(&mut remote, &path, 10, 10), (Vec::new(), Ok(())));
    assert!(target(&mut remote, &path, 11, 10).1.is_err());
    assert!(target(&mut remote, &path, 0, 9).1.is_err());
}

#[test]
fn a_target_from_github_is_resumed_at_the_original_address() {
    let body = bytes(50_000);
    let served = body.clone();
    let server = Server::start(move |asked, wire| match (asked.path(), asked.number) {
        ("/acme/app/releases/download/v1.1.0/ab.app.tar", _) => {
            status(wire, "302 Found", &format!("Location: /signed/{}\r\n", asked.number));
        }
        // The first signed address breaks off, and is gone when it is asked again.
        ("/signed/0", 1) => {
            say(wire, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", served.len()));
            say(wire, &served[..20_000]);
        }
        ("/signed/2", _) => ok_range(asked, wire, &served),
        _ => status(wire, "403 Forbidden", ""),
    });
    let mut remote = remote("github:acme/app", Some(&server.url("")));
    let (got, outcome) = target(&mut remote, "v1.1.0/ab.app.tar", 0, body.len() as u64);
    assert_eq!(outcome, Ok(()));
    assert_eq!(got, body);
    assert_eq!(server.asked()[3].header("range").as_deref(), Some("bytes=20000-"));
}

#[test]
fn metadata_that_broke_off_is_read_afresh() {
    let server = Server::start(|asked, wire| match asked.number {
        0 => say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nold"),
        _ => say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"),
    });
    let mut remote = remote(&server.url("/mirror"), None);
    assert_eq!(remote.metadata("timestamp.json", 100), Ok(Some(b"new".to_vec())));
    assert_eq!(server.asked()[1].path(), "/mirror/metadata/timestamp.json");
    assert_eq!(server.asked()[1].header("range"), None);
}

#[test]
fn metadata_that_is_still_the_same_is_not_sent_again() {
    let server = Server::start(|asked, wire| match asked.header("if-none-match").as_deref() {
        Some("\"seven\"") => say(wire, "HTTP/1.1 304 Not Modified\r\nETag: \"seven\"\r\n\r\n"),
        _ => say(wire, "HTTP/1.1 200 OK\r\nETag: \"seven\"\r\nContent-Length: 3\r\n\r\nnew"),
    });
    let mut remote = remote(&server.url("/mirror"), None);
    remote.watch("timestamp.json", None);
    assert_eq!(remote.metadata("timestamp.json", 100), Ok(Some(b"new".to_vec())));
    let etag = remote.etag().expect("the source gave one").to_owned();
    assert_eq!(etag, "\"seven\"");
    remote.watch("timestamp.json", Some(Known { etag, bytes: b"known".to_vec() }));
    assert_eq!(remote.metadata("timestamp.json", 100), Ok(Some(b"known".to_vec())));
    assert_eq!(remote.etag(), Some("\"seven\""), "and so the next time");
    assert_eq!(remote.metadata("other.json", 100), Ok(Some(b"new".to_vec())), "the tag is that of one file");
    let other = Known { etag: "\"six\"".to_owned(), bytes: b"known".to_vec() };
    remote.watch("timestamp.json", Some(other));
    assert_eq!(remote.metadata("timestamp.json", 100), Ok(Some(b"new".to_vec())));
}

#[test]
fn a_tag_is_shown_to_nobody_but_the_host_that_was_asked() {
    let server = Server::start(|asked, wire| match (asked.path(), asked.header("if-none-match")) {
        ("/mirror/metadata/timestamp.json", _) => status(wire, "302 Found", "Location: /storage\r\n"),
        (_, None) => say(wire, "HTTP/1.1 200 OK\r\nETag: \"tracker\"\r\nContent-Length: 3\r\n\r\nnew"),
        (_, Some(_)) => say(wire, "HTTP/1.1 304 Not Modified\r\n\r\n"),
    });
    let mut remote = remote(&server.url("/mirror"), None);
    let known = Known { etag: "\"seven\"".to_owned(), bytes: b"known".to_vec() };
    remote.watch("timestamp.json", Some(known));
    assert_eq!(remote.metadata("timestamp.json", 100), Ok(Some(b"new".to_vec())));
    assert_eq!(remote.etag(), None, "what the second host calls it is not remembered");
}
