//! The section of `CHANGELOG.md` for one version, as Markdown for people and as lists for the manifest.
//!
//! Knows Keep a Changelog 1.1.0 (<https://keepachangelog.com/en/1.1.0/>): second-level headings name versions,
//! third-level headings the kind of change.

use manifest_schema::manifest::Changelog;
use manifest_schema::version::ReleaseVersion;

/// One version's section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading's text, such as `[1.1.0] - 2026-01-10`.
    pub title: String,
    /// Its Markdown without the heading.
    pub notes: String,
    /// Its entries by kind.
    pub changes: Changelog,
}

impl Section {
    /// The section as a file of its own.
    pub fn to_markdown(&self) -> String {
        format!("## {}\n\n{}\n", self.title, self.notes)
    }
}

/// Why a changelog has no section for a version.
#[derive(Debug, thiserror::Error)]
pub enum ChangelogError {
    /// Not a changelog.
    #[error("CHANGELOG.md cannot be read as Keep a Changelog describes it (https://keepachangelog.com)")]
    Unreadable(#[source] parse_changelog::Error),
    /// No heading for the version.
    #[error("CHANGELOG.md has no section for {0}: add `## [{0}] - YYYY-MM-DD` and say below what changed")]
    Missing(ReleaseVersion),
    /// A heading and nothing below.
    #[error("the section for {0} in CHANGELOG.md is empty: say below its heading what changed")]
    Empty(ReleaseVersion),
}

/// The section for `version` in the changelog `text`.
///
/// # Errors
/// When there is none, or nothing in it.
pub fn section(text: &str, version: &ReleaseVersion) -> Result<Section, ChangelogError> {
    let releases = parse_changelog::parse(text).map_err(ChangelogError::Unreadable)?;
    let release = releases.get(version.to_string().as_str()).ok_or_else(|| ChangelogError::Missing(version.clone()))?;
    let notes = release.notes.trim().to_owned();
    if notes.is_empty() {
        return Err(ChangelogError::Empty(version.clone()));
    }
    let changes = changes(&notes);
    Ok(Section { title: release.title.to_owned(), notes, changes })
}

/// Sorts the entries by the headings above them. What stands under another heading, or none, is in the notes only.
fn changes(notes: &str) -> Changelog {
    let mut changes = Changelog::default();
    let mut heading = String::new();
    for line in notes.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            heading = title.trim().to_lowercase();
        } else if let Some(list) = list(&mut changes, &heading) {
            extend(list, line);
        }
    }
    changes
}

fn list<'a>(changes: &'a mut Changelog, heading: &str) -> Option<&'a mut Vec<String>> {
    match heading {
        "added" => Some(&mut changes.added),
        "changed" => Some(&mut changes.changed),
        "deprecated" => Some(&mut changes.deprecated),
        "removed" => Some(&mut changes.removed),
        "fixed" => Some(&mut changes.fixed),
        "security" => Some(&mut changes.security),
        _ => None,
    }
}

/// A bullet begins an entry; an indented line goes on with the one above.
fn extend(list: &mut Vec<String>, line: &str) {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(entry) = ["- ", "* ", "+ "].iter().find_map(|bullet| line.strip_prefix(bullet)) {
        list.push(plain(entry));
    } else if line.starts_with([' ', '\t'])
        && !line.trim().is_empty()
        && let Some(entry) = list.last_mut()
    {
        entry.push(' ');
        entry.push_str(&plain(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-01-10\n\nA word.\n\n### Added\n\n- Export\n  \
                        of settings\n- Import\n\n### Fixed\n- Login\n\n## [1.0.0] - 2026-01-01\n\n## [0.9.0]\n- x\n";

    fn version(text: &str) -> ReleaseVersion {
        text.parse().unwrap()
    }

    #[test]
    fn entries_are_sorted_by_heading_and_joined_to_one_line() {
        let section = section(TEXT, &version("1.1.0")).unwrap();
        assert!(section.notes.starts_with("A word."));
        assert_eq!(section.changes.added, ["Export of settings", "Import"]);
        assert_eq!(section.changes.fixed, ["Login"]);
    }

    #[test]
    fn a_missing_and_an_empty_section_are_told_apart() {
        assert!(matches!(section(TEXT, &version("1.2.0")), Err(ChangelogError::Missing(_))));
        assert!(matches!(section(TEXT, &version("1.0.0")), Err(ChangelogError::Empty(_))));
    }
}
