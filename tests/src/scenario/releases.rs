//! What the vendor has published: all releases of kkt through the real `publish`, once for all tests, kept as it was after each.
//!
//! Each folder is a complete repository: `upto-1.1.0` has the releases up to that, `with-1.3.0` has 1.0.0, 1.1.0 and 1.3.0 alone, and
//! `stranger` has the content of `upto-1.1.1`, signed by somebody else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::package::workspace;
use crate::kkt::{self, RELEASES, Release};
use crate::notes::program;

/// How many of the releases, from the first, make the row that a client follows: 1.0.0, 1.1.0, 1.1.1.
const FOLLOWED: usize = 3;

/// After which one the others branch off.
const BRANCHING: &str = "1.1.0";

/// Published repositories on this host's disk.
#[derive(Debug, Clone)]
pub struct Releases {
    folder: PathBuf,
}

impl Releases {
    /// Publishes unless the same has been published before: by the same program, from the same files, not too long ago.
    ///
    /// # Errors
    /// When the vendor's programs are missing or fail.
    pub fn ensure() -> Result<Releases> {
        let places = workspace().join("target/scenario");
        fs::create_dir_all(&places).with_context(|| format!("cannot create {}", places.display()))?;
        let _alone = lock(&places.join("releases.lock"))?;
        let folder = places.join(format!("releases-{}", ingredients()?));
        if !folder.exists() {
            let partial = places.join("releases.partial");
            let _ = fs::remove_dir_all(&partial);
            publish_all(&partial)?;
            fs::rename(&partial, &folder).with_context(|| format!("cannot rename {}", partial.display()))?;
        }
        Ok(Releases { folder })
    }

    /// Holds these folders, and `kkt.root.json`, which clients pin.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of the repositories.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder).with_context(|| format!("cannot read {}", self.folder.display()))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names.filter(|name| self.folder.join(name).join("metadata").is_dir()).collect())
    }

    /// Stands for all of it.
    #[must_use]
    pub fn digest(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    flock(&file, FlockOperation::LockExclusive).with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Signed metadata expires, the timestamp first, after 14 days: what was published in another week is published anew.
fn ingredients() -> Result<String> {
    let mut hash = Sha256::new();
    let publish = program("publish")?;
    hash.update(fs::read(&publish).with_context(|| format!("cannot read {}", publish.display()))?);
    hash.update(jiff::Zoned::now().strftime("%G-%V").to_string());
    let tree = tempfile::tempdir().context("cannot make a temporary folder")?;
    for release in RELEASES {
        kkt::write_tree(release.version, tree.path())?;
        hash.update(kkt::description(release.version)?);
        hash.update(run(Command::new("tar")
            .args(["-c", "--sort=name", "--mtime=@0", "-C"])
            .arg(tree.path())
            .arg("."))?);
    }
    Ok(hex::encode(&hash.finalize()[..6]))
}

fn publish_all(folder: &Path) -> Result<()> {
    let vendor = Vendor::new(&folder.join("vendor"))?;
    for release in &RELEASES[..FOLLOWED] {
        vendor.publish(release)?;
        vendor.keep(&folder.join(format!("upto-{}", release.version)))?;
        if release.version == BRANCHING {
            publish_branches(folder, &vendor)?;
        }
    }
    let root = vendor.checkout.join(".surefoot/1.root.json");
    fs::copy(&root, folder.join("kkt.root.json")).with_context(|| format!("cannot copy {}", root.display()))?;
    let stranger = Vendor::new(&folder.join("somebody"))?;
    RELEASES[..FOLLOWED].iter().try_for_each(|release| stranger.publish(release))?;
    stranger.keep(&folder.join("stranger"))
}

/// Each of the later releases as if it were the only one after 1.1.0.
fn publish_branches(folder: &Path, vendor: &Vendor) -> Result<()> {
    for release in &RELEASES[FOLLOWED..] {
        let branch = vendor.branch(&folder.join("branch"))?;
        branch.publish(release)?;
        branch.keep(&folder.join(format!("with-{}", release.version)))?;
    }
    Ok(())
}

/// Somebody with a checkout and keys.
struct Vendor {
    checkout: PathBuf,
}

impl Vendor {
    fn new(folder: &Path) -> Result<Vendor> {
        let checkout = folder.join("kkt");
        fs::create_dir_all(&checkout).with_context(|| format!("cannot create {}", checkout.display()))?;
        let vendor = Vendor { checkout };
        vendor.describe("1.0.0")?;
        run(Command::new("git").args(["init", "--quiet", "--initial-branch=main"]).arg(&vendor.checkout))?;
        vendor.run_publish(&["init", "--no-passphrase"])?;
        Ok(vendor)
    }

    /// A copy of the vendor, who goes another way from here on.
    fn branch(&self, folder: &Path) -> Result<Vendor> {
        let _ = fs::remove_dir_all(folder);
        let own = self.checkout.parent().expect("a checkout lies in the vendor's folder");
        run(Command::new("cp").arg("-a").arg(own).arg(folder))?;
        Ok(Vendor { checkout: folder.join("kkt") })
    }

    /// Keeps what clients would see now.
    fn keep(&self, folder: &Path) -> Result<()> {
        run(Command::new("cp").arg("-a").arg(self.releases()).arg(folder)).map(drop)
    }

    fn releases(&self) -> PathBuf {
        self.checkout.with_file_name("releases")
    }

    fn describe(&self, version: &str) -> Result<()> {
        let file = self.checkout.join("publish.toml");
        fs::write(&file, kkt::description(version)?).with_context(|| format!("cannot write {}", file.display()))
    }

    fn publish(&self, release: &Release) -> Result<()> {
        self.describe(release.version)?;
        kkt::source(release.version, &self.checkout)?;
        let tag = format!("v{}", release.version);
        let to = self.releases().display().to_string();
        self.run_publish(&[&tag, "--severity", release.severity.as_str(), "--to", &to])
    }

    fn run_publish(&self, arguments: &[&str]) -> Result<()> {
        run(Command::new(program("publish")?).args(arguments).current_dir(&self.checkout)).map(drop)
    }
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{command:?} ended with {}:\n{}{said}", output.status, String::from_utf8_lossy(&output.stdout));
    }
    Ok(output.stdout)
}
