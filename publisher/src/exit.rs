//! The exit codes of `publish`: what a script can tell apart.

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or done before.
    Ok = 0,
    /// Something that nobody foresaw, such as a full disk.
    Unexpected = 1,
    /// The command line is wrong.
    Usage = 2,
    /// `publish.toml` or what it names is wrong.
    Configuration = 3,
    /// A repository does not answer, or refuses.
    Unreachable = 4,
    /// Published metadata or files do not verify.
    NotTrusted = 5,
    /// The checkout is not ready: tag, VERSION, changelog, tree, files.
    Checkout = 6,
    /// A key is missing, exposed, or not the right one.
    Keys = 7,
    /// The version is published already with other content, or is not higher than the last.
    Conflict = 8,
    /// Published metadata verifies but has expired.
    Stale = 12,
}

/// The list for `publish --help`.
pub const HELP: &str = "\
Exit codes:
  0   done, or already done by an earlier run
  1   unexpected, such as a full disk
  2   the command line is wrong
  3   publish.toml, or a file that it names, is wrong
  4   a repository does not answer, or refuses
  5   published metadata or files do not verify
  6   the checkout is not ready: tag, VERSION, CHANGELOG.md, clean tree, files (or: problems of several kinds)
  7   a key is missing, readable by others, or not the right one
  8   the version is already published with other content, or is not higher than the last
  12  published metadata verifies, but has expired";

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
