//! What the vendor has published: all releases of kkt through the real `publish`, once for all tests, kept as they were after each.
//!
//! A folder `upto-1.1.0` is a complete repository with the releases up to 1.1.0; `stranger` is one of the same content that somebody else
//! has signed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::package::workspace;
use crate::kkt::{self, RELEASES, Release};
use crate::notes::program;

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

    /// Holds `upto-X.Y.Z` for each release, `stranger`, and `kkt.root.json`, which clients pin.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
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
    for release in RELEASES {
        vendor.publish(release)?;
        let kept = folder.join(format!("upto-{}", release.version));
        run(Command::new("cp").arg("-a").arg(vendor.releases()).arg(kept))?;
    }
    let root = vendor.checkout.join(".surefoot/1.root.json");
    fs::copy(&root, folder.join("kkt.root.json")).with_context(|| format!("cannot copy {}", root.display()))?;
    let stranger = Vendor::new(&folder.join("somebody"))?;
    for release in RELEASES.iter().take(3) {
        stranger.publish(release)?;
    }
    run(Command::new("cp").arg("-a").arg(stranger.releases()).arg(folder.join("stranger")))?;
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
