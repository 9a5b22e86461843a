//! What reads bytes that others wrote, as functions to be fed with damaged ones: by the programs in `fuzz/`, and by the tests here
//! with what those have found. Only under the feature `fuzzing`, which nothing that is shipped has.
//!
//! Each function says whether the bytes were accepted, and panics where something holds not that must hold.

use std::io::{Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::bundle::Bundle;
use crate::config::{Config, FILE};
use crate::github::patience::{Verdict, judge};
use crate::github::shape::{Complaint, RemoteAsset, RemoteRelease};
use crate::passphrase::Passphrases;
use crate::{changelog as changes, keys};

/// A bundle that somebody passed on: what is written of it is for the same, and can be read.
pub fn bundle(bytes: &[u8]) -> bool {
    let (_file, path) = memory(bytes);
    let Ok(Some(bundle)) = Bundle::read(&path) else { return false };
    let place = directory();
    let copy = place.path().join("bundle");
    bundle.write(&copy).expect("it can be written");
    let again = Bundle::read(&copy).expect("what is written can be read").expect("it is there");
    assert_eq!(again.purpose(), bundle.purpose());
    again.write(&place.path().join("again")).expect("it can be written");
    let read = |name| std::fs::read(place.path().join(name)).expect("it is there");
    assert!(read("bundle") == read("again"), "it is written differently the second time");
    true
}

/// `publish.toml`.
pub fn vendor(bytes: &[u8]) -> bool {
    let place = directory();
    let mut file = std::fs::File::create_new(place.path().join(FILE)).expect("a file");
    file.write_all(bytes).expect("it can be written");
    let Ok(config) = Config::read(place.path()) else { return false };
    let _ = config.application.check();
    let places = config.destinations(place.path()).expect("they were read before");
    places.iter().for_each(|place| drop(place.targets_url(&config)));
    true
}

/// A changelog: whatever it holds, an entry is one line.
pub fn changelog(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(section) = changes::section(text, &"1.1.0".parse().expect("a version")) else { return false };
    let all = &section.changes;
    let entries = [&all.added, &all.changed, &all.deprecated, &all.removed, &all.fixed, &all.security];
    assert!(entries.into_iter().flatten().all(|entry| !entry.contains('\n')), "{all:?}");
    assert!(!section.to_markdown().is_empty());
    true
}

/// A private key, plain or locked; no lock is opened.
pub fn key(bytes: &[u8]) -> bool {
    let Ok(pem) = std::str::from_utf8(bytes) else { return false };
    let mut passphrases = Passphrases::new(Some("/dev/null".into()));
    match keys::open(Path::new("targets.pem"), pem, &mut passphrases) {
        Ok(key) => {
            let written = keys::spelt(&key, None).expect("it can be written");
            let again = keys::open(Path::new("targets.pem"), &written, &mut passphrases).expect("and read");
            assert_eq!(again.public(), key.public());
            true
        }
        Err(keys::KeyFileError::NoPassphrase { .. }) => true,
        Err(_) => false,
    }
}

/// GitHub's answer: a status, headers, an empty line, JSON.
pub fn github(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.parse().ok()).and_then(|code| StatusCode::from_u16(code).ok());
    let Some(status) = status else { return false };
    let headers: HeaderMap = lines.filter_map(header).collect();
    for tried in [0, 3, u32::MAX] {
        if let Verdict::Limited(pause) = judge(status, &headers, 1_795_255_200, tried) {
            assert!(std::time::Instant::now().checked_add(pause).is_some(), "nobody can wait for {pause:?}");
        }
    }
    let complaint = serde_json::from_str::<Complaint>(body).map(|complaint| complaint.line());
    let releases = serde_json::from_str::<Vec<RemoteRelease>>(body).is_ok_and(|all| !all.is_empty());
    let assets = serde_json::from_str::<Vec<RemoteAsset>>(body);
    releases || complaint.is_ok() || assets.is_ok_and(|all| all.iter().any(RemoteAsset::is_complete))
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(": ")?;
    Some((name.parse().ok()?, value.parse().ok()?))
}

/// A file of these bytes that is on no disk, and a path that leads to it as long as it is open.
fn memory(bytes: &[u8]) -> (std::fs::File, PathBuf) {
    let descriptor = rustix::fs::memfd_create("fuzzing", rustix::fs::MemfdFlags::CLOEXEC).expect("a file in memory");
    let mut file = std::fs::File::from(descriptor);
    file.write_all(bytes).and_then(|()| file.rewind()).expect("it can be written");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    (file, path.into())
}

/// An empty directory, in memory where there is one.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: [replay::Target; 5] =
        [("bundle", bundle), ("changelog", changelog), ("github", github), ("key", key), ("vendor", vendor)];

    #[test]
    fn every_file_of_the_corpus_is_survived_and_the_good_ones_are_accepted() {
        replay::corpus(&TARGETS);
    }

    #[test]
    fn a_thousand_mutations_of_the_corpus_are_survived() {
        replay::mutations(&TARGETS, 1000);
    }
}
