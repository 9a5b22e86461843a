//! `publish verify`: what it accepts, and each kind of tampering that it finds.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::checkout::Checkout;

fn published() -> Checkout {
    let checkout = Checkout::new();
    for version in ["1.0.0", "1.1.0"] {
        let tag = checkout.release(version);
        checkout.to_dist(&tag, &[]).ok();
    }
    checkout
}

fn target(checkout: &Checkout, name: &str) -> PathBuf {
    checkout.dist().join("targets/v1.1.0").join(name)
}

/// The name with the hash in front.
fn hashed(checkout: &Checkout, name: &str) -> PathBuf {
    let suffix = format!(".{name}");
    let mut entries = fs::read_dir(checkout.dist().join("targets/v1.1.0")).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.to_string_lossy().ends_with(&suffix)).unwrap()
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_repository_is_told_with_its_releases() {
    let checkout = published();
    let run = checkout.verify().ok();
    assert!(run.out.contains("releases 1.0.0, 1.1.0"), "{run:#?}");
    let from = checkout.dist();
    let run = checkout.publish(&["verify", "v1.0.0", "--from", from.to_str().unwrap()]).ok();
    assert!(run.out.contains("releases 1.0.0;"), "{run:#?}");
    checkout.publish(&["verify", "v3.0.0", "--from", from.to_str().unwrap()]).refused(5, &["no release 3.0.0"]);
}

#[test]
fn a_flipped_bit_in_any_target_is_found() {
    for name in ["manifest.json", "kkt-v1.1.0.tar.zst", "kkt-v1.1.0.tar.gz", "CHANGELOG.md", "checksums.txt"] {
        let checkout = published();
        flip(&target(&checkout, name));
        checkout.verify().refused(5, &[name, "has not the content that is signed"]);
    }
}

#[test]
fn a_longer_a_shorter_and_a_missing_target_are_found_in_one_run() {
    let checkout = published();
    fs::write(target(&checkout, "manifest.json"), vec![b' '; 100_000]).unwrap();
    fs::write(target(&checkout, "kkt-v1.1.0.tar.gz"), b"").unwrap();
    fs::remove_file(hashed(&checkout, "CHANGELOG.md")).unwrap();
    checkout.verify().refused(5, &["manifest.json has", "tar.gz has 0 bytes", "CHANGELOG.md is missing"]);
}

#[test]
fn a_people_named_file_with_other_content_is_found() {
    let checkout = published();
    let path = target(&checkout, "kkt-v1.1.0.tar.gz");
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"something else").unwrap();
    checkout.verify().refused(5, &["v1.1.0/kkt-v1.1.0.tar.gz has 14 bytes"]);
}

#[test]
fn tampered_metadata_is_found() {
    for name in ["timestamp.json", "2.snapshot.json", "2.targets.json"] {
        let checkout = published();
        flip(&checkout.dist().join("metadata").join(name));
        checkout.verify().refused(5, &["cannot be trusted"]);
    }
}

#[test]
fn missing_metadata_is_found() {
    for name in ["2.snapshot.json", "2.targets.json"] {
        let checkout = published();
        fs::remove_file(checkout.dist().join("metadata").join(name)).unwrap();
        checkout.verify().refused(5, &[name]);
    }
}

#[test]
fn expired_metadata_has_its_own_code() {
    let checkout = published();
    let from = checkout.dist();
    let in_twenty_days = (jiff::Timestamp::now().as_second() + 20 * 86_400).to_string();
    let arguments = ["verify", "--from", from.to_str().unwrap()];
    let run = checkout.publish_with(&arguments, &[("SOURCE_DATE_EPOCH", &in_twenty_days)]);
    run.refused(12, &["the timestamp metadata has expired"]);
}

#[test]
fn another_vendors_repository_is_not_trusted() {
    let checkout = published();
    let stranger = Checkout::new();
    let from = checkout.dist();
    stranger.publish(&["verify", "--from", from.to_str().unwrap()]).refused(5, &["cannot be trusted"]);
}

#[test]
fn a_repository_behind_http_is_read_in_the_same_way() {
    let checkout = published();
    let url = serve(checkout.dist());
    checkout.publish(&["verify", "--from", &url]).ok();
    flip(&hashed(&checkout, "kkt-v1.1.0.tar.zst"));
    checkout.publish(&["verify", "--from", &url]).refused(5, &["has not the content that is signed"]);
}

#[test]
fn a_server_that_does_not_answer_has_its_own_code() {
    let checkout = published();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    checkout.publish(&["verify", "--from", &url]).refused(4, &["cannot read http://127.0.0.1"]);
}

/// Serves files until the test's process ends.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let request = lines.next().unwrap_or_default();
            let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let (status, body) =
                fs::read(directory.join(path)).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            (&stream).write_all(&[head.as_bytes(), &body].concat()).ok();
        }
    });
    url
}
