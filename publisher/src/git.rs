//! What git knows of the checkout: asked through the `git` program, never changed.
//!
//! Files of a release are read from the commit itself and not from the working tree, so that no filter, no line ending
//! setting and no half-saved file can get into an archive.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::secret;

mod blobs;

pub use blobs::{Blob, Blobs};

/// A checkout, at the directory that holds `publish.toml`.
#[derive(Clone, Debug)]
pub struct Git {
    directory: PathBuf,
}

/// An entry of a commit's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The path from the checkout's directory, as bytes: git does not promise UTF-8.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The object's id.
    pub object: String,
    /// Bytes of its content.
    pub size: u64,
}

/// What git can keep under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file that can be run.
    Executable,
    /// A symbolic link.
    Symlink,
    /// Another repository.
    Submodule,
}

/// Why git did not answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is missing or cannot be run.
    #[error("cannot run git: install it and make sure that it is in PATH")]
    NotRun(#[source] io::Error),
    /// It said no.
    #[error("git {command} failed: {message}")]
    Failed {
        /// What was asked.
        command: String,
        /// What it said.
        message: String,
    },
    /// It answered something that is not understood.
    #[error("git {command} answered {answer:?}, which is not understood")]
    Answer {
        /// What was asked.
        command: &'static str,
        /// What it said.
        answer: String,
    },
}

impl Git {
    /// The checkout that holds `directory`.
    ///
    /// # Errors
    /// When git cannot be run or the directory is in no repository.
    pub fn open(directory: &Path) -> Result<Self, GitError> {
        let git = Self { directory: directory.to_owned() };
        git.ask(["rev-parse", "--git-dir"])?;
        Ok(git)
    }

    /// A directory inside the repository's own, where working files can lie without being part of the tree.
    ///
    /// # Errors
    /// When git does not answer.
    pub fn private_directory(&self, name: &str) -> Result<PathBuf, GitError> {
        let answer = self.ask(["rev-parse", "--git-path", name])?;
        Ok(self.directory.join(text(&answer)))
    }

    /// The commit that is checked out; `None` before the first one.
    ///
    /// # Errors
    /// When git does not answer.
    pub fn head(&self) -> Result<Option<String>, GitError> {
        self.commit_of("HEAD")
    }

    /// The commit that the tag names; `None` where there is no such tag.
    ///
    /// # Errors
    /// When git does not answer.
    pub fn tag(&self, tag: &str) -> Result<Option<String>, GitError> {
        self.commit_of(&format!("refs/tags/{tag}"))
    }

    /// When the commit was made, in seconds since 1970.
    ///
    /// # Errors
    /// When git does not answer.
    pub fn commit_time(&self, commit: &str) -> Result<i64, GitError> {
        let answer = text(&self.ask(["show", "--no-patch", "--format=%ct", commit])?);
        answer.parse().map_err(|_| GitError::Answer { command: "show", answer })
    }

    /// What differs from the commit that is checked out, untracked files included, a line each. Directories in
    /// `besides` do not count: what was published there is not part of the tree.
    ///
    /// # Errors
    /// When git does not answer.
    pub fn changes(&self, besides: &[PathBuf]) -> Result<Vec<String>, GitError> {
        let mut arguments: Vec<String> =
            ["status", "--porcelain", "--untracked-files=normal", "--", "."].map(str::to_owned).into();
        arguments.extend(besides.iter().map(|path| format!(":(exclude){}", path.display())));
        let answer = self.ask(arguments)?;
        Ok(String::from_utf8_lossy(&answer).lines().map(str::to_owned).collect())
    }

    /// Everything that the commit holds below the checkout's directory.
    ///
    /// # Errors
    /// When git does not answer.
    pub fn tree(&self, commit: &str) -> Result<Vec<TreeEntry>, GitError> {
        let answer = self.ask(["ls-tree", "-r", "-z", "--long", commit])?;
        answer.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(entry).collect()
    }

    /// Begins to read contents.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn blobs(&self) -> Result<Blobs, GitError> {
        // git loads a whole object into memory unless it is larger than this.
        let stream = "core.bigFileThreshold=4m";
        Blobs::start(self.command(["-c", stream, "cat-file", "--batch"]))
    }

    fn commit_of(&self, name: &str) -> Result<Option<String>, GitError> {
        let arguments = ["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")];
        let output = self.command(arguments).output().map_err(GitError::NotRun)?;
        Ok(output.status.success().then(|| text(&output.stdout)))
    }

    fn ask<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Vec<u8>, GitError> {
        let mut command = self.command(arguments);
        let output = command.output().map_err(GitError::NotRun)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let asked: Vec<_> = command.get_args().skip(2).map(OsStr::to_string_lossy).collect();
        Err(GitError::Failed { command: asked.join(" "), message: text(&output.stderr) })
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.directory).args(arguments);
        // Messages are matched by nobody, but people search for the English ones; a status must not write the index.
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null());
        // It runs what the checkout's configuration names (filters, hooks), and needs no secret of ours.
        secret::withhold(&mut command);
        command
    }
}

fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).trim().to_owned()
}

/// Reads `<mode> <type> <object> <size>\t<path>` (git-ls-tree(1), `--long`).
fn entry(line: &[u8]) -> Result<TreeEntry, GitError> {
    let strange = || GitError::Answer { command: "ls-tree", answer: text(line) };
    let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(strange)?;
    let head = std::str::from_utf8(&line[..tab]).map_err(|_| strange())?;
    let fields: Vec<&str> = head.split_ascii_whitespace().collect();
    let &[mode, _, object, size] = fields.as_slice() else {
        return Err(strange());
    };
    let kind = match mode {
        "100644" | "100664" => EntryKind::File,
        "100755" => EntryKind::Executable,
        "120000" => EntryKind::Symlink,
        "160000" => EntryKind::Submodule,
        _ => return Err(strange()),
    };
    let size = if kind == EntryKind::Submodule { 0 } else { size.parse().map_err(|_| strange())? };
    Ok(TreeEntry { path: line[tab + 1..].to_vec(), kind, object: object.to_owned(), size })
}
