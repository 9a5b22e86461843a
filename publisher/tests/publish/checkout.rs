//! A vendor's checkout in a temporary directory, and `publish` run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) struct Checkout {
    room: tempfile::TempDir,
}

/// How a run of `publish` ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// It ended with this code and said this.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, said: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        for part in said {
            assert!(self.err.contains(part), "{part:?} is not said: {self:#?}");
        }
        self
    }
}

impl Checkout {
    /// An application with VERSION and CHANGELOG.md for 1.0.0, prepared by `publish init`, not yet committed.
    pub(crate) fn new() -> Self {
        let checkout = Self::bare();
        checkout.publish(&["init", "--no-passphrase", "--product", "kkt"]).ok();
        checkout
    }

    /// The same without `publish init`.
    pub(crate) fn bare() -> Self {
        let checkout = Self { room: tempfile::tempdir().unwrap() };
        fs::create_dir(checkout.app()).unwrap();
        checkout.git(&["init", "--quiet", "--initial-branch=main"]);
        checkout.write("app/main.py", "print('hello')\n");
        checkout.write("migrations/001.sql", "CREATE TABLE setting (name text);\n");
        checkout.write("tests/test_main.py", "assert True\n");
        checkout.write("run.sh", "#!/bin/sh\nexec python3 app/main.py\n");
        fs::set_permissions(checkout.app().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        checkout.version("1.0.0");
        checkout
    }

    /// The version in VERSION and a section in CHANGELOG.md.
    pub(crate) fn version(&self, version: &str) {
        self.write("VERSION", &format!("{version}\n"));
        let before = fs::read_to_string(self.app().join("CHANGELOG.md")).unwrap_or("# Changelog\n".to_owned());
        if before.contains(&format!("[{version}]")) {
            return;
        }
        let section = format!("\n## [{version}] - 2026-01-10\n\n### Added\n\n- What {version} brings\n");
        self.write("CHANGELOG.md", &before.replacen("# Changelog\n", &format!("# Changelog\n{section}"), 1));
    }

    /// Commits everything, at a fixed time.
    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "x"]);
    }

    /// Commits everything as this version and tags it.
    pub(crate) fn release(&self, version: &str) -> String {
        self.version(version);
        self.commit();
        self.tag(&format!("v{version}"))
    }

    pub(crate) fn tag(&self, tag: &str) -> String {
        self.git(&["tag", tag]);
        tag.to_owned()
    }

    pub(crate) fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.app())
            .args(["-c", "user.name=n", "-c", "user.email=e@example.com"])
            .args(arguments)
            .env("GIT_COMMITTER_DATE", "2026-01-10T12:00:00Z")
            .env("GIT_AUTHOR_DATE", "2026-01-10T12:00:00Z")
            .output()
            .expect("git is needed by this test: install it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.app().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Adds to publish.toml.
    pub(crate) fn configure(&self, text: &str) {
        let path = self.app().join("publish.toml");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{before}\n{text}")).unwrap();
    }

    pub(crate) fn app(&self) -> PathBuf {
        self.room.path().join("app")
    }

    /// Where releases go.
    pub(crate) fn dist(&self) -> PathBuf {
        self.room.path().join("dist")
    }

    pub(crate) fn room(&self) -> &Path {
        self.room.path()
    }

    pub(crate) fn publish(&self, arguments: &[&str]) -> Run {
        self.publish_with(arguments, &[])
    }

    /// Publishes a tag into the directory.
    pub(crate) fn to_dist(&self, tag: &str, more: &[&str]) -> Run {
        let dist = self.dist();
        self.publish(&[&[tag, "--to", dist.to_str().unwrap()], more].concat())
    }

    pub(crate) fn verify(&self) -> Run {
        self.publish(&["verify", "--from", self.dist().to_str().unwrap()])
    }

    /// Signs anew what is in the directory.
    pub(crate) fn refresh(&self, more: &[&str]) -> Run {
        self.publish(&[&["refresh", "--to", self.dist().to_str().unwrap()], more].concat())
    }

    /// The newest root in the checkout.
    pub(crate) fn root(&self) -> serde_json::Value {
        let directory = self.app().join(".surefoot");
        let newest =
            (1..).take_while(|version| directory.join(format!("{version}.root.json")).exists()).last().unwrap();
        json(&directory.join(format!("{newest}.root.json")))
    }

    /// The ids of a role's keys, in the newest root.
    pub(crate) fn key_ids(&self, role: &str) -> Vec<String> {
        let ids = self.root()["signed"]["roles"][role]["keyids"].as_array().unwrap().clone();
        ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// A metadata file of the directory.
    pub(crate) fn published(&self, name: &str) -> serde_json::Value {
        json(&self.dist().join("metadata").join(name))
    }

    /// The private keys that are here.
    pub(crate) fn key_files(&self, begin: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.app().join("keys")).unwrap().map(|entry| entry.unwrap().path());
        let is_one = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(begin) && name.ends_with(".pem")
        };
        let mut files: Vec<PathBuf> = entries.filter(is_one).collect();
        files.sort();
        files
    }

    /// Moves a key and its public half to somebody else's directory; answers that.
    pub(crate) fn hand_over(&self, key: &Path, person: &str) -> PathBuf {
        let theirs = self.room().join(person);
        fs::create_dir_all(&theirs).unwrap();
        for file in [key.to_owned(), key.with_extension("pub")] {
            fs::rename(&file, theirs.join(file.file_name().unwrap())).unwrap();
        }
        theirs
    }

    pub(crate) fn publish_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_publish"))
            .args(arguments)
            .current_dir(self.app())
            .env_remove("SOURCE_DATE_EPOCH")
            .env_remove("SUREFOOT_PASSPHRASE_FILE")
            .envs(environment.iter().copied())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The tag is refused with this code and these words, and nothing is written.
#[track_caller]
pub(crate) fn refused(checkout: &Checkout, tag: &str, code: i32, said: &[&str]) {
    checkout.to_dist(tag, &[]).refused(code, said);
    assert!(!checkout.dist().exists(), "nothing may be written");
}

/// Every file below `directory` with its content.
pub(crate) fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            let below = contents(&path);
            found.extend(below.into_iter().map(|(name, bytes)| (Path::new(&entry.file_name()).join(name), bytes)));
        } else {
            found.push((entry.file_name().into(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}
