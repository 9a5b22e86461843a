//! `tuf-client`, by which the public suite tuf-conformance tests our client: its interface, on what python-tuf wrote.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use surefoot_tests::static_server::StaticServer;
use surefoot_tests::{notes, oracle};

const TARGET: &str = "v1.1.0/manifest.json";

/// A vendor's repository on a web server, and a client of it.
struct Pair {
    directory: tempfile::TempDir,
    server: StaticServer,
}

impl Pair {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        oracle::writes(&directory.path().join("repository")).unwrap();
        for folder in ["trusted", "targets"] {
            fs::create_dir(directory.path().join(folder)).unwrap();
        }
        let server = StaticServer::serve(&directory.path().join("repository"));
        let pair = Self { directory, server };
        let root = pair.published("1.root.json");
        assert_eq!(pair.client(&["init", root.to_str().unwrap()]), Some(0));
        pair
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn published(&self, name: &str) -> PathBuf {
        self.path("repository/metadata").join(name)
    }

    fn client(&self, arguments: &[&str]) -> Option<i32> {
        self.client_of(self.server.base_url(), arguments)
    }

    fn client_of(&self, base: &str, arguments: &[&str]) -> Option<i32> {
        let mut command = Command::new(notes::program("tuf-client").unwrap());
        command.arg("--metadata-dir").arg(self.path("trusted")).arg("--target-dir").arg(self.path("targets"));
        command.args(["--metadata-url", &format!("{base}/metadata"), "--target-base-url", &format!("{base}/targets")]);
        command.args(arguments).status().unwrap().code()
    }

    fn trusted(&self) -> Vec<(String, Vec<u8>)> {
        contents(&self.path("trusted"))
    }
}

fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn it_keeps_what_it_verified_under_plain_names_byte_for_byte() {
    let pair = Pair::new();
    assert_eq!(pair.client(&["refresh"]), Some(0));
    let kept = [
        ("root.json", "2.root.json"),
        ("snapshot.json", "4.snapshot.json"),
        ("targets.json", "3.targets.json"),
        ("timestamp.json", "timestamp.json"),
    ];
    let expected = kept.map(|(name, from)| (name.to_owned(), fs::read(pair.published(from)).unwrap()));
    assert_eq!(pair.trusted(), expected);
}

#[test]
fn it_downloads_what_is_signed_and_nothing_else() {
    let pair = Pair::new();
    assert_eq!(pair.client(&["--target-name", TARGET, "download"]), Some(0));
    assert_eq!(
        contents(&pair.path("targets")),
        [("v1.1.0%2Fmanifest.json".to_owned(), b"written by python-tuf".to_vec())]
    );
    assert_eq!(pair.client(&["--target-name", "v9.9.9/manifest.json", "download"]), Some(1));
    assert_eq!(pair.client(&["--target-name", "../../etc/passwd", "download"]), Some(1));
    assert_eq!(contents(&pair.path("targets")).len(), 1);
}

#[test]
fn what_was_changed_on_its_way_is_refused_and_not_kept() {
    let pair = Pair::new();
    assert_eq!(pair.client(&["refresh"]), Some(0));
    let before = pair.trusted();
    let timestamp = fs::read_to_string(pair.published("timestamp.json")).unwrap();
    let changed = timestamp.replacen("\"version\":5", "\"version\":6", 1);
    assert_ne!(changed, timestamp);
    fs::write(pair.published("timestamp.json"), changed).unwrap();
    assert_eq!(pair.client(&["refresh"]), Some(1));
    assert_eq!(pair.trusted(), before);
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let pair = Pair::new();
    for base in ["http://192.0.2.1", "http://localhost.example.org", "https://127.0.0.1", "file:///tmp"] {
        assert_eq!(pair.client_of(base, &["refresh"]), Some(1), "{base}");
    }
    assert_eq!(pair.trusted().len(), 1);
}
