//! A vendor whose releases go to a stand-in: a checkout with keys and tags, and the built `publish`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::Forge;

/// In which of its two shapes the stand-in is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As github.com: API, uploads and downloads on three hosts.
    GithubCom,
    /// As an Enterprise server: all on one host.
    Enterprise,
}

/// A vendor with one application.
pub struct Vendor {
    checkout: TempDir,
    ca_pem: PathBuf,
    token: String,
}

impl Vendor {
    /// Makes the repository `slug` on the stand-in, and a checkout without releases.
    ///
    /// # Panics
    /// If git or the built `publish` is missing, or refuses.
    #[must_use]
    pub fn new(forge: &Forge, slug: &str, shape: Shape) -> Vendor {
        forge.add_repository(slug);
        let vendor = Vendor {
            checkout: tempfile::tempdir().expect("a temporary directory can be made"),
            ca_pem: forge.ca_pem().to_owned(),
            token: forge.token().to_owned(),
        };
        vendor.write("publish.toml", &configuration(forge, slug, shape));
        vendor.write("app.py", "print('hello')\n");
        vendor.git(&["init", "-q", "-b", "main"]);
        vendor.succeed(&["init", "--no-passphrase"]);
        vendor
    }

    /// Commits `version` with a change of its own and tags it.
    ///
    /// # Panics
    /// If git refuses.
    pub fn tag(&self, version: &str) {
        let changelog = self.read("CHANGELOG.md").unwrap_or_default();
        let section = format!("## [{version}] - 2026-01-10\n\n### Added\n\n- What {version} adds.\n");
        let older = changelog.trim_start_matches("# Changelog\n\n");
        self.write("CHANGELOG.md", &format!("# Changelog\n\n{section}\n{older}"));
        self.write("VERSION", &format!("{version}\n"));
        self.write("app.py", &format!("print('hello from {version}')\n"));
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", version]);
        self.git(&["tag", &format!("v{version}")]);
    }

    /// Where the checkout is; the root that clients pin is below it, at `.surefoot/1.root.json`.
    #[must_use]
    pub fn checkout(&self) -> &Path {
        self.checkout.path()
    }

    /// Publishes as somebody with this token from now on.
    pub fn become_owner_of(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    /// Runs `publish ARGUMENTS…` in the checkout and returns what it printed to standard output.
    ///
    /// # Panics
    /// If it fails.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.publish(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(output.status.success(), "publish {arguments:?} ended with {code:?}: {said}");
        String::from_utf8(output.stdout).expect("publish prints text")
    }

    /// The same, for commands that may fail.
    ///
    /// # Panics
    /// If it was not built.
    pub fn publish(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output();
        output.expect("a built program can be run")
    }

    /// The same, not yet started.
    ///
    /// # Panics
    /// If it was not built.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built("publish"));
        command
            .args(arguments)
            .current_dir(self.checkout())
            .env("SSL_CERT_FILE", &self.ca_pem)
            .env_remove("GITHUB_TOKEN_FILE")
            .env("GITHUB_TOKEN", &self.token)
            .env("SUREFOOT_GITHUB_PAUSE_MS", "0");
        command
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git")
            .args(["-c", "user.name=Vendor", "-c", "user.email=vendor@example.com"])
            .args(arguments)
            .current_dir(self.checkout())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status()
            .expect("git must be installed: apt-get install git");
        assert!(status.success(), "git {arguments:?} failed");
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.checkout().join(name), text).expect("a fresh directory is writable");
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.checkout().join(name)).ok()
    }
}

fn configuration(forge: &Forge, slug: &str, shape: Shape) -> String {
    let (api, uploads) = match shape {
        Shape::GithubCom => (forge.api_base().to_owned(), forge.uploads_base().to_owned()),
        Shape::Enterprise => (forge.enterprise_api_base(), forge.enterprise_uploads_base()),
    };
    let downloads = forge.public_base();
    format!(
        "product = \"kkt\"\nto = [\"github:{slug}\"]\n\n\
         [github]\napi = \"{api}\"\nuploads = \"{uploads}\"\ndownloads = \"{downloads}\"\n"
    )
}

/// A program of this workspace, built into the directory above the one of the running test.
fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("Linux knows the running program");
    let target = test.ancestors().nth(2).expect("tests run in target/PROFILE/deps");
    let path = target.join(program);
    assert!(
        path.is_file(),
        "{} is not built: run the tests with `cargo xtask test`, or `cargo build --workspace` first",
        path.display()
    );
    path
}
