//! GitHub's own command line, pointed at a stand-in: the oracle that was not written by us.

use std::path::Path;
use std::process::{Command, Output};

use super::Forge;

impl Forge {
    /// Runs `gh ARGUMENTS…` in `directory` as somebody with write permission, and returns what it
    /// printed. The stand-in is to `gh` an Enterprise server (`GH_HOST`).
    ///
    /// # Panics
    /// If `gh` is not installed, or fails.
    pub fn gh(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = self.gh_output(directory, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gh {arguments:?} failed: {said}");
        String::from_utf8(output.stdout).expect("gh prints text")
    }

    /// The same, for commands that may fail.
    ///
    /// # Panics
    /// If `gh` is not installed.
    pub fn gh_output(&self, directory: &Path, arguments: &[&str]) -> Output {
        let home = self.ca_pem.with_file_name("gh");
        self.log_in(&home);
        Command::new("gh")
            .args(arguments)
            .current_dir(directory)
            .env("GH_CONFIG_DIR", home)
            .env("GH_HOST", self.host())
            .env_remove("GH_TOKEN")
            .env_remove("GITHUB_TOKEN")
            .env_remove("GH_ENTERPRISE_TOKEN")
            .env_remove("GITHUB_ENTERPRISE_TOKEN")
            .env("GH_PROMPT_DISABLED", "1")
            .env("GH_NO_UPDATE_NOTIFIER", "1")
            .env("SSL_CERT_FILE", self.ca_pem())
            .output()
            .expect("GitHub's command line must be installed: apt-get install gh")
    }

    /// Writes what `gh auth login` writes. The shorter way, `GH_ENTERPRISE_TOKEN`, is sent by gh 2.23 to
    /// every host that is not github.com, the storage included, which refuses it.
    fn log_in(&self, home: &Path) {
        let (host, token) = (self.host(), self.token());
        let hosts = format!("\"{host}\":\n    user: octocat\n    oauth_token: {token}\n");
        std::fs::create_dir_all(home).expect("the stand-in's own directory is writable");
        std::fs::write(home.join("hosts.yml"), hosts).expect("it still is");
    }
}
