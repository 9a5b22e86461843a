//! The vendor: releases of kkt with a payload, published by the real `publish` into a directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::payload::{self, Edition};
use super::{cache, files};
use crate::kkt;
use crate::notes::program;

/// Raise it when a release changes in another way than by the files in `apps/kkt-bench`.
const REVISION: &str = "1";

/// A release to measure with.
#[derive(Debug, Clone, Copy)]
struct Release {
    version: &'static str,
    edition: Edition,
    migrates: bool,
    comes_up: bool,
}

/// The first is what the client has; each of the others is an update of it.
const RELEASES: [Release; 4] = [
    Release { version: "1.0.0", edition: Edition::Old, migrates: false, comes_up: true },
    Release { version: "1.0.1", edition: Edition::New, migrates: false, comes_up: true },
    Release { version: "1.1.0", edition: Edition::New, migrates: true, comes_up: true },
    Release { version: "1.2.0", edition: Edition::New, migrates: true, comes_up: false },
];

/// The file of the migration that 1.1.0 brings.
pub(super) const MIGRATION: &str = "migrations/110_check_entries.sql";

/// Published releases on this host's disk.
#[derive(Debug, Clone)]
pub(super) struct Published {
    folder: PathBuf,
}

impl Published {
    /// Publishes, unless the same program has published the same in this week: metadata expires.
    pub(super) fn ensure() -> Result<Published> {
        let folder = cache().join(format!("releases-{}", ingredients()?));
        if !folder.exists() {
            eprintln!("bench: publishing releases with {} files (once) …", payload::FILES);
            // What other programs have published is of no use any more.
            let _ = fs::remove_dir_all(cache());
            let partial = cache().join("releases.partial");
            publish_all(&partial)?;
            fs::rename(&partial, &folder).with_context(|| format!("cannot rename {}", partial.display()))?;
        }
        Ok(Published { folder })
    }

    /// What a web server serves.
    pub(super) fn releases(&self) -> PathBuf {
        self.folder.join("releases")
    }

    /// What clients pin.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("kkt/.surefoot/1.root.json")
    }

    /// Stands for all of it.
    pub(super) fn digest(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Writes what a client has that has installed 1.0.0.
pub(super) fn write_first(tree: &Path) -> Result<()> {
    write_tree(&RELEASES[0], tree)
}

fn ingredients() -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(REVISION);
    hash.update(jiff::Zoned::now().strftime("%G-%V").to_string());
    let ours = ["prepare.sh", "110_check_entries.sql", "quirks.py"].map(|name| files().join(name));
    for file in ours.into_iter().chain([program("publish")?]) {
        hash.update(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    hash.update(kkt::description("1.0.0")?);
    Ok(hex::encode(&hash.finalize()[..6]))
}

fn publish_all(folder: &Path) -> Result<()> {
    let checkout = folder.join("kkt");
    fs::create_dir_all(&checkout).with_context(|| format!("cannot create {}", checkout.display()))?;
    write(&checkout.join("publish.toml"), &description(&RELEASES[0])?)?;
    git(&checkout, &["init", "--quiet", "--initial-branch=main"])?;
    run(Command::new(program("publish")?).args(["init", "--no-passphrase"]).current_dir(&checkout))?;
    RELEASES.iter().try_for_each(|release| publish(release, &checkout))
}

fn publish(release: &Release, checkout: &Path) -> Result<()> {
    write_tree(release, checkout)?;
    write(&checkout.join("publish.toml"), &description(release)?)?;
    let tag = format!("v{}", release.version);
    git(checkout, &["add", "--all"])?;
    git(checkout, &["commit", "--quiet", "--message", &tag])?;
    git(checkout, &["tag", &tag])?;
    run(Command::new(program("publish")?)
        .args([&tag, "--severity", "minor", "--to", "../releases"])
        .current_dir(checkout))
}

fn write_tree(release: &Release, tree: &Path) -> Result<()> {
    kkt::write_tree("1.0.0", tree)?;
    payload::write(tree, release.edition)?;
    copy("prepare.sh", &tree.join("hooks/prepare.sh"))?;
    if release.migrates {
        copy("110_check_entries.sql", &tree.join(MIGRATION))?;
    }
    if !release.comes_up {
        copy("quirks.py", &tree.join("kkt/quirks.py"))?;
    }
    write(&tree.join("VERSION"), &format!("{}\n", release.version))?;
    write(&tree.join("CHANGELOG.md"), &changelog(release.version))
}

fn changelog(version: &str) -> String {
    let until = RELEASES.iter().filter(|release| release.version <= version).rev();
    let section =
        |release: &Release| format!("## [{}] - 2026-01-05\n\n### Changed\n- Everything.\n\n", release.version);
    format!("# Changelog\n\n{}", until.map(section).collect::<String>())
}

fn description(release: &Release) -> Result<String> {
    let mut text = kkt::description("1.0.0")?;
    if release.migrates {
        text += &format!(
            "\n[[migrations]]\nversion = \"1.1.0\"\ntype = \"sql\"\nfile = \"{MIGRATION}\"\ndescription = \"Entries are checked\"\n"
        );
    }
    Ok(text)
}

fn copy(name: &str, to: &Path) -> Result<()> {
    let from = files().join(name);
    fs::copy(&from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display())).map(drop)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The developer's own settings of git must not matter.
fn git(checkout: &Path, arguments: &[&str]) -> Result<()> {
    let settings = ["user.name=kkt", "user.email=kkt@example.com", "commit.gpgsign=false", "tag.gpgsign=false"];
    let mut git = Command::new("git");
    git.args(settings.iter().flat_map(|setting| ["-c", setting]));
    run(git.args(arguments).current_dir(checkout))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}:\n{said}", output.status);
    }
    Ok(())
}
