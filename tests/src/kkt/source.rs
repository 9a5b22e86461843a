//! The vendor's repository: the tree of each release, put together from `tests/apps/kkt`, committed and tagged.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// One release of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// As in `VERSION`, without `v`.
    pub version: &'static str,
    /// As in `CHANGELOG.md`.
    pub date: &'static str,
    /// What it is to be published as.
    pub severity: Severity,
    /// Whether later releases grow from it.
    pub good: bool,
}

/// The four severities a vendor may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are those of the manifest")]
pub enum Severity {
    Critical,
    Major,
    Minor,
    Patch,
}

impl Severity {
    /// As on the publisher's command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Major => "major",
            Severity::Minor => "minor",
            Severity::Patch => "patch",
        }
    }
}

/// All releases, the oldest first.
pub const RELEASES: &[Release] = &[
    Release { version: "1.0.0", date: "2026-01-05", severity: Severity::Minor, good: true },
    Release { version: "1.1.0", date: "2026-01-10", severity: Severity::Minor, good: true },
    Release { version: "1.1.1", date: "2026-01-12", severity: Severity::Critical, good: true },
    Release { version: "1.2.0", date: "2026-01-20", severity: Severity::Minor, good: false },
    Release { version: "1.3.0", date: "2026-01-27", severity: Severity::Minor, good: false },
    Release { version: "1.4.0", date: "2026-02-03", severity: Severity::Patch, good: false },
    Release { version: "1.5.0", date: "2026-02-10", severity: Severity::Minor, good: true },
    Release { version: "1.6.0", date: "2026-02-17", severity: Severity::Minor, good: false },
    Release { version: "1.7.0", date: "2026-02-24", severity: Severity::Minor, good: false },
    Release { version: "1.8.0", date: "2026-03-03", severity: Severity::Minor, good: false },
];

/// Makes `dir` the vendor's checkout at release `version`: writes its tree, commits everything in `dir`, tags `vVERSION`. `dir` becomes a
/// git repository at the first call; what others have put there (`publish.toml`, …) stays and is committed too. Call it for as many
/// releases as the scenario needs, the oldest first.
pub fn source(version: &str, dir: &Path) -> Result<()> {
    let release = find(version)?;
    if !dir.join(".git").exists() {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        git(dir, release, &["init", "--quiet", "--initial-branch=main"])?;
    }
    remove_ours(dir)?;
    write_tree(version, dir)?;
    git(dir, release, &["add", "--all"])?;
    git(dir, release, &["commit", "--quiet", "--allow-empty", "--message", &format!("Release {version}")])?;
    let tag = format!("v{version}");
    git(dir, release, &["tag", "--annotate", "--message", &tag, &tag])
}

/// `publish.toml` as it is at release `version`: the application's profile, which a release may have of its own, and the migration steps of
/// all releases it grew from.
pub fn description(version: &str) -> Result<String> {
    let own = releases().join(version).join("publish.toml");
    let mut parts = vec![if own.exists() { own } else { releases().join("publish.toml") }];
    parts.extend(lineage(find(version)?).map(|release| releases().join(release.version).join("migrations.toml")));
    let mut text = String::new();
    for part in parts.iter().filter(|part| part.exists()) {
        let more = fs::read_to_string(part).with_context(|| format!("cannot read {}", part.display()))?;
        text.push_str(&more);
        text.push('\n');
    }
    Ok(text)
}

/// Writes the tree of release `version` into `dir`, without git.
pub fn write_tree(version: &str, dir: &Path) -> Result<()> {
    let release = find(version)?;
    for ancestor in lineage(release) {
        copy(&releases().join(ancestor.version).join("tree"), dir)?;
    }
    write(&dir.join("VERSION"), &format!("{version}\n"))?;
    write(&dir.join("CHANGELOG.md"), &changelog(version)?)
}

/// The good releases before it, the oldest first, and itself.
fn lineage(release: &'static Release) -> impl Iterator<Item = &'static Release> {
    let before = RELEASES.iter().filter(|one| one.version < release.version && one.good);
    before.chain([release])
}

fn find(version: &str) -> Result<&'static Release> {
    RELEASES.iter().find(|release| release.version == version).with_context(|| format!("kkt has no release {version}"))
}

fn releases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/kkt")
}

/// Keep a Changelog, the newest release first; bad releases too, since they have been published.
fn changelog(version: &str) -> Result<String> {
    let mut text = String::from(
        "# Changelog\n\nAll notable changes to kkt. The format is that of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).\n",
    );
    for release in RELEASES.iter().rev().filter(|release| release.version <= version) {
        let file = releases().join(release.version).join("changes.md");
        let changes = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        text.push_str(&format!("\n## [{}] - {}\n\n{changes}", release.version, release.date));
    }
    Ok(text)
}

/// Removes every file that any release has, so that the next tree holds its own only.
fn remove_ours(dir: &Path) -> Result<()> {
    let mut ours = BTreeSet::new();
    for release in RELEASES {
        let tree = releases().join(release.version).join("tree");
        for file in files(&tree)? {
            ours.insert(file.strip_prefix(&tree).expect("it was found below").to_path_buf());
        }
    }
    for file in ours.iter().map(|file| dir.join(file)).filter(|file| file.exists()) {
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let target = to.join(file.strip_prefix(from).expect("it was found below"));
        let folder = target.parent().expect("it has a name");
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        fs::copy(&file, &target).with_context(|| format!("cannot copy {} to {}", file.display(), target.display()))?;
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn write(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// The developer's own git configuration must not matter, and the same release gets the same commit everywhere.
fn git(dir: &Path, release: &Release, arguments: &[&str]) -> Result<()> {
    let date = format!("{}T12:00:00Z", release.date);
    let mut git = Command::new("git");
    git.arg("-C").arg(dir).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Kim Vendor").env(format!("GIT_{who}_EMAIL"), "kim@vendor.example");
        git.env(format!("GIT_{who}_DATE"), &date);
    }
    let output = git.output().context("cannot run git")?;
    if !output.status.success() {
        bail!("{git:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_is_tagged_with_its_own_tree_and_bad_ones_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        for release in RELEASES {
            source(release.version, dir.path()).unwrap();
        }

        let head = |path: &str| dir.path().join(path).exists();
        assert!(head("migrations/011_add_export_settings.sql"));
        assert!(!head("migrations/013_price_items.sql"));
        let tags = Command::new("git").arg("-C").arg(dir.path()).args(["tag", "--list"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&tags.stdout).lines().count(), RELEASES.len());
        let newest = RELEASES.last().unwrap().version;
        assert_eq!(fs::read_to_string(dir.path().join("VERSION")).unwrap(), format!("{newest}\n"));
    }

    #[test]
    fn what_others_put_into_the_repository_stays() {
        let dir = tempfile::tempdir().unwrap();
        source("1.0.0", dir.path()).unwrap();
        fs::write(dir.path().join("publish.toml"), "x").unwrap();

        source("1.1.0", dir.path()).unwrap();

        assert!(dir.path().join("publish.toml").exists());
        let status = Command::new("git").arg("-C").arg(dir.path()).args(["status", "--porcelain"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&status.stdout), "");
    }
}
