//! What can speak against a release before anything is packed. Each problem says what to do about it.

use std::path::PathBuf;

use manifest_schema::path::ReleasePath;
use manifest_schema::tuf::{KeyId, RoleName};
use manifest_schema::version::{ReleaseVersion, VersionError};

use crate::changelog::ChangelogError;
use crate::config;
use crate::contents::{ContentsError, IGNORE_FILE};
use crate::exit::Exit;
use crate::keys::KeyFileError;
use crate::metadata::MetadataError;
use crate::publication::RepositoryError;

/// One reason against the release.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing is committed.
    #[error("nothing is committed yet: commit the application, then `git tag {tag}`")]
    NoCommit {
        /// The release's tag.
        tag: String,
    },
    /// The tag is missing.
    #[error("there is no tag {tag}: run `git tag {tag}` on the commit that is to be released")]
    NoTag {
        /// The release's tag.
        tag: String,
    },
    /// The tag names another commit.
    #[error(
        "the tag {tag} names commit {tagged:.12}, but {head:.12} is checked out: run `git checkout {tag}`, or move the tag if it was never published"
    )]
    TagElsewhere {
        /// The release's tag.
        tag: String,
        /// The commit it names.
        tagged: String,
        /// The commit that is checked out.
        head: String,
    },
    /// The tree differs from the commit.
    #[error("the working tree is not clean: commit, stash or ignore these, so that what you see is what is released: {}", changes.join(", "))]
    Dirty {
        /// What differs, as `git status --porcelain` has it; the first few.
        changes: Vec<String>,
    },
    /// No file VERSION.
    #[error("there is no file VERSION in the commit: write {version} into it and commit it")]
    NoVersionFile {
        /// The release's version.
        version: ReleaseVersion,
    },
    /// VERSION says something else.
    #[error("VERSION says {found:?}, but {version} is to be released: correct it, commit, and move the tag")]
    VersionFile {
        /// What the file says.
        found: String,
        /// The release's version.
        version: ReleaseVersion,
    },
    /// No CHANGELOG.md.
    #[error("there is no file CHANGELOG.md in the commit: write one as https://keepachangelog.com describes it")]
    NoChangelog,
    /// No usable section.
    #[error(transparent)]
    Changelog(ChangelogError),
    /// A file that cannot be released.
    #[error(transparent)]
    Contents(ContentsError),
    /// A file that belongs to the client.
    #[error("{path} lies in the surviving path {kept}, and an update would overwrite it: list it in {IGNORE_FILE}")]
    Kept {
        /// The file.
        path: ReleasePath,
        /// The surviving path.
        kept: ReleasePath,
    },
    /// What git holds is not the file.
    #[error(
        "{0} is a pointer of Git LFS, and the release would hold the pointer: commit the file itself, or list it in {IGNORE_FILE}"
    )]
    LfsPointer(ReleasePath),
    /// Two files that differ only in case.
    #[error("{0} and {1} differ only in upper and lower case: rename one")]
    Case(ReleasePath, ReleasePath),
    /// The profile contradicts itself.
    #[error("publish.toml: application: {0}")]
    Profile(String),
    /// A file that the profile names.
    #[error(
        "{}: {what} names {path}, which is not in the release: commit it, or take it out of {IGNORE_FILE}",
        config::FILE
    )]
    NotInRelease {
        /// What names it.
        what: String,
        /// The file.
        path: ReleasePath,
    },
    /// A step of the future.
    #[error("{}: the migration {file} has version {step}, which comes after {version}", config::FILE)]
    LaterMigration {
        /// The step's file.
        file: ReleasePath,
        /// The step's version.
        step: ReleaseVersion,
        /// The release's version.
        version: ReleaseVersion,
    },
    /// Steps out of order.
    #[error(
        "{}: the migration {file} stands after one of a later version: list the steps in the order of their releases",
        config::FILE
    )]
    MigrationOrder {
        /// The step's file.
        file: ReleasePath,
    },
    /// A step for a database that is not there.
    #[error(
        "{}: the migration {file} names the database {database:?}, which [[application.databases]] does not have",
        config::FILE
    )]
    MigrationDatabase {
        /// The step's file.
        file: ReleasePath,
        /// The database's name.
        database: String,
    },
    /// A command that cannot be run.
    #[error(
        "the migration {file} is a command but not executable: run `git update-index --chmod=+x {file}` and commit"
    )]
    NotExecutable {
        /// The step's file.
        file: ReleasePath,
    },
    /// A file of the keys is committed.
    #[error("{0} is committed to git, and with it a private key: make new keys, and take it out of the history")]
    KeyCommitted(String),
    /// A key cannot be used.
    #[error(transparent)]
    Key(KeyFileError),
    /// No key.
    #[error(
        "the {role} key {} is missing: bring it here, name its directory with --keys, or let who has it sign (--bundle)",
        path.display()
    )]
    NoKey {
        /// Whose key.
        role: RoleName,
        /// Where it should be.
        path: PathBuf,
    },
    /// Some keys, but not as many as must sign.
    #[error("{threshold} {role} keys must sign, and {have} is here: say --bundle FILE, and pass that file on")]
    TooFewKeys {
        /// Whose keys.
        role: RoleName,
        /// How many are here.
        have: usize,
        /// How many must sign.
        threshold: u32,
    },
    /// A key that the root does not name.
    #[error("the {role} key in {} (id {id:.12}…) is not the one that the root names: bring the right one", directory.display())]
    ForeignKey {
        /// Whose key.
        role: RoleName,
        /// The key's id.
        id: KeyId,
        /// The directory of the keys.
        directory: PathBuf,
    },
    /// The root is no longer valid.
    #[error("the root metadata has expired at {0}: no client would take the release; run `publish keys renew` first")]
    RootExpired(jiff::Timestamp),
    /// Nowhere to go.
    #[error("nowhere to publish to: give --to DIR or --to github:OWNER/REPO, or set `to` in {}", config::FILE)]
    NoDestination,
    /// The minimum version is above the release.
    #[error("the minimum version {minimum} is above {version}: no client could ever install it")]
    MinimumVersion {
        /// The minimum version.
        minimum: ReleaseVersion,
        /// The release's version.
        version: ReleaseVersion,
    },
    /// Not higher than what is there.
    #[error(
        "{repository} already has {last}, and {version} is not higher: clients would never take it; choose a higher version"
    )]
    NotHigher {
        /// The repository.
        repository: String,
        /// Its highest version.
        last: ReleaseVersion,
        /// The release's version.
        version: ReleaseVersion,
    },
    /// Repositories that are to be the same are not.
    #[error("{first} and {second} do not have the same metadata: publish to one of them, and copy it over the other")]
    Diverged {
        /// A repository.
        first: String,
        /// Another.
        second: String,
    },
    /// The published metadata cannot be built on.
    #[error(transparent)]
    Metadata(MetadataError),
}

/// Why a text is not a release's tag.
#[derive(Debug, thiserror::Error)]
#[error("this is not the tag of a release; write it as v1.1.0")]
pub struct TagError(#[source] pub VersionError);

impl Problem {
    /// The class that the exit code tells.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoCommit { .. }
            | Self::NoTag { .. }
            | Self::TagElsewhere { .. }
            | Self::Dirty { .. }
            | Self::NoVersionFile { .. }
            | Self::VersionFile { .. }
            | Self::NoChangelog
            | Self::Changelog(_)
            | Self::Contents(_)
            | Self::Kept { .. }
            | Self::LfsPointer(_)
            | Self::Case(..)
            | Self::NotExecutable { .. } => Exit::Checkout,
            Self::Profile(_)
            | Self::NotInRelease { .. }
            | Self::LaterMigration { .. }
            | Self::MigrationOrder { .. }
            | Self::MigrationDatabase { .. }
            | Self::NoDestination
            | Self::MinimumVersion { .. } => Exit::Configuration,
            Self::KeyCommitted(_)
            | Self::Key(_)
            | Self::NoKey { .. }
            | Self::TooFewKeys { .. }
            | Self::ForeignKey { .. }
            | Self::RootExpired(_) => Exit::Keys,
            Self::NotHigher { .. } | Self::Diverged { .. } => Exit::Conflict,
            Self::Metadata(error) => of_metadata(error),
        }
    }
}

/// The class of an error about metadata.
pub fn of_metadata(error: &MetadataError) -> Exit {
    match error {
        MetadataError::NoRoot(_) => Exit::Configuration,
        MetadataError::NotTrusted { .. }
        | MetadataError::Incomplete { .. }
        | MetadataError::Root { .. }
        | MetadataError::UsedUp { .. }
        | MetadataError::Refused(_) => Exit::NotTrusted,
        MetadataError::Behind { .. }
        | MetadataError::OtherRoot { .. }
        | MetadataError::Proposal(_)
        | MetadataError::RefreshFirst(_) => Exit::Conflict,
        MetadataError::Signer(_) => Exit::Keys,
        MetadataError::Repository(error) => of_repository(error),
        MetadataError::Sign(_) | MetadataError::Disk(_) => Exit::Unexpected,
    }
}

/// The class of an error of a repository.
pub fn of_repository(error: &RepositoryError) -> Exit {
    match error {
        RepositoryError::Unreachable { .. } | RepositoryError::Refused { .. } => Exit::Unreachable,
        RepositoryError::Conflict { .. } => Exit::Conflict,
        RepositoryError::NotVerified { .. } => Exit::NotTrusted,
        RepositoryError::Disk(_) => Exit::Unexpected,
    }
}
