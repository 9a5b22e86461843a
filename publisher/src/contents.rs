//! Which files of a commit belong to the release: decided once, before anything is packed.
//!
//! Pure: a commit's tree and the rules go in, the list of files and the reasons against a release come out.

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use manifest_schema::manifest::FileMode;
use manifest_schema::path::{PathError, ReleasePath};

use crate::git::{EntryKind, TreeEntry};

/// The file with the vendor's own rules, in the syntax of `.gitignore`.
pub const IGNORE_FILE: &str = ".releaseignore";

/// Largest file that a `ustar` header can describe: eleven octal digits (POSIX.1-1988).
const LARGEST_FILE: u64 = 0o777_7777_7777;

/// A file of the release, still in the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Where it will lie.
    pub path: ReleasePath,
    /// Its permissions.
    pub mode: FileMode,
    /// Bytes of its content.
    pub size: u64,
    /// git's id of its content.
    pub object: String,
}

/// Why an entry of the tree cannot be released.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// A link could lead anywhere on a client's machine.
    #[error("{0} is a symbolic link, which a release cannot hold: replace it by a file, or list it in {IGNORE_FILE}")]
    Symlink(String),
    /// Another repository.
    #[error("{0} is a submodule, which a release cannot hold: copy its files, or list it in {IGNORE_FILE}")]
    Submodule(String),
    /// A path that cannot be an entry of the archive.
    #[error("a file's name cannot be released: rename it, or list it in {IGNORE_FILE}")]
    Path(#[source] PathError),
    /// The path does not fit into a header.
    #[error("the path {0} is too long for the archive: shorten it, or list it in {IGNORE_FILE}")]
    PathTooLong(ReleasePath),
    /// More than 8 GiB.
    #[error("{path} has {size} bytes, more than the archive can hold: split it, or list it in {IGNORE_FILE}")]
    TooLarge {
        /// The file.
        path: ReleasePath,
        /// Its size.
        size: u64,
    },
    /// The vendor's rules cannot be read.
    #[error("{IGNORE_FILE}, line {line}, is not valid")]
    Rule {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        source: ignore::Error,
    },
    /// Nothing is left.
    #[error("no file is left to release: everything is excluded by {IGNORE_FILE} or not committed")]
    Nothing,
}

/// The vendor's rules, together with those that nobody can lift.
#[derive(Debug)]
pub struct Rules {
    gitignore: Gitignore,
    keys: Option<String>,
}

impl Rules {
    /// Reads the text of `.releaseignore`. `keys` is the directory of the keys, where it lies inside the checkout.
    ///
    /// # Errors
    /// With the first line that is no pattern.
    pub fn read(text: &str, keys: Option<String>) -> Result<Self, ContentsError> {
        let mut builder = GitignoreBuilder::new("");
        for (number, line) in text.lines().enumerate() {
            builder.add_line(None, line).map_err(|source| ContentsError::Rule { line: number + 1, source })?;
        }
        let gitignore = builder.build().map_err(|source| ContentsError::Rule { line: text.lines().count(), source })?;
        Ok(Self { gitignore, keys })
    }

    fn exclude(&self, path: &str) -> bool {
        self.never(path) || self.gitignore.matched_path_or_any_parents(path, false).is_ignore()
    }

    /// What serves publishing and not the application: git's files, the roots, the keys, these rules.
    fn never(&self, path: &str) -> bool {
        let keys = self.keys.as_ref().is_some_and(|keys| {
            path.strip_prefix(keys.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        keys || path.split('/').any(|part| part.starts_with(".git"))
            || path.split('/').next() == Some(crate::config::ROOTS)
            || [crate::config::FILE, IGNORE_FILE].contains(&path)
    }
}

/// The files of the release in the order of their paths, and everything that speaks against it.
pub fn select(tree: &[TreeEntry], rules: &Rules) -> (Vec<ReleaseFile>, Vec<ContentsError>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for entry in tree {
        let path = String::from_utf8_lossy(&entry.path);
        if rules.exclude(&path) {
            continue;
        }
        match file(entry, &path) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if files.is_empty() && problems.is_empty() {
        problems.push(ContentsError::Nothing);
    }
    (files, problems)
}

fn file(entry: &TreeEntry, path: &str) -> Result<ReleaseFile, ContentsError> {
    let mode = match entry.kind {
        EntryKind::File => FileMode::Plain,
        EntryKind::Executable => FileMode::Executable,
        EntryKind::Symlink => return Err(ContentsError::Symlink(path.to_owned())),
        EntryKind::Submodule => return Err(ContentsError::Submodule(path.to_owned())),
    };
    let path: ReleasePath = path.parse().map_err(ContentsError::Path)?;
    if tar::Header::new_ustar().set_path(&path).is_err() {
        return Err(ContentsError::PathTooLong(path));
    }
    if entry.size > LARGEST_FILE {
        return Err(ContentsError::TooLarge { path, size: entry.size });
    }
    Ok(ReleaseFile { path, mode, size: entry.size, object: entry.object.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: EntryKind) -> TreeEntry {
        TreeEntry { path: path.into(), kind, object: "0".repeat(40), size: 1 }
    }

    fn selected(paths: &[&str], rules: &str) -> Vec<String> {
        let tree: Vec<_> = paths.iter().map(|path| entry(path, EntryKind::File)).collect();
        let rules = Rules::read(rules, Some("keys".to_owned())).unwrap();
        select(&tree, &rules).0.iter().map(|file| file.path.to_string()).collect()
    }

    #[test]
    fn the_vendors_rules_and_ours_exclude() {
        let tree = [
            ".env.example",
            ".git-blame-ignore-revs",
            ".github/x.yml",
            ".releaseignore",
            ".surefoot/1.root.json",
            "app/.gitkeep",
            "app/main.py",
            "docs/a.md",
            "keys/root.pem",
            "keys2/a",
            "publish.toml",
            "tests/t.py",
        ];
        assert_eq!(selected(&tree, "/tests/\ndocs\n# note\n"), [".env.example", "app/main.py", "keys2/a"]);
        assert!(selected(&["keys/root.pem"], "!keys\n").is_empty(), "no rule brings the keys back");
    }

    #[test]
    fn files_come_in_the_order_of_their_paths() {
        assert_eq!(selected(&["b", "a/b", "a.b"], ""), ["a.b", "a/b", "b"]);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_unless_it_is_excluded() {
        let tree = [entry("a", EntryKind::Symlink), entry("b", EntryKind::Submodule), entry("c", EntryKind::File)];
        let rules = |text| Rules::read(text, None).unwrap();
        assert_eq!(select(&tree, &rules("")).1.len(), 2);
        assert_eq!(select(&tree, &rules("/a\n/b\n")).1.len(), 0);
    }

    #[test]
    fn a_path_that_no_header_holds_is_refused() {
        let long = format!("d/{}", "a".repeat(150));
        let (files, problems) = select(&[entry(&long, EntryKind::File)], &Rules::read("", None).unwrap());
        assert!(files.is_empty());
        assert!(matches!(problems[..], [ContentsError::PathTooLong(_)]));
    }
}
