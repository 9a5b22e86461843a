//! Why a verb failed: the sentence for people and the code for scripts.

use std::error::Error;

use crate::bundle::BundleError;
use crate::change::ChangeError;
use crate::config::ConfigError;
use crate::destination::DestinationError;
use crate::disk::DiskError;
use crate::exit::Exit;
use crate::git::GitError;
use crate::init::InitError;
use crate::keys::{KeyFileError, PublicError};
use crate::memory::MemoryError;
use crate::metadata::{MetadataError, Waiting};
use crate::preflight::PreflightError;
use crate::problem::{self, Problem};
use crate::publication::RepositoryError;
use crate::refresh::RefreshError;
use crate::release::ReleaseError;
use crate::rotation::RotationError;
use crate::sign::{CommandError, SignerError};
use crate::verify::VerifyError;

/// A failure of any verb.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is the error that it holds")]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Destination(#[from] DestinationError),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error(transparent)]
    Rotation(#[from] RotationError),
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Public(#[from] PublicError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("{0}: say --bundle FILE, and pass that file on to who has them")]
    Waiting(Waiting),
    #[error("nothing was signed: {0}, and none of them is here")]
    NoKey(String),
    #[error("another `publish` is at work in this checkout: wait until it has ended")]
    Busy,
}

impl Failure {
    /// Tells a person: each problem on a line of its own, with its causes.
    pub fn print(&self) {
        let many: Vec<&dyn Error> = if let Self::Preflight(PreflightError::Problems(problems)) = self {
            problems.iter().map(|problem| problem as &dyn Error).collect()
        } else if let Self::Verify(VerifyError::Findings { findings, .. }) = self {
            findings.iter().map(|finding| finding as &dyn Error).collect()
        } else {
            Vec::new()
        };
        let end = if many.is_empty() { "" } else { ":" };
        eprintln!("publish: {}{end}", with_causes(self));
        for one in many {
            eprintln!("  - {}", with_causes(one));
        }
    }

    /// The code for scripts.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Destination(_) | Self::Command(_) | Self::Rotation(_) => Exit::Usage,
            Self::Config(ConfigError::Disk(_)) | Self::Disk(_) => Exit::Unexpected,
            Self::Config(_) => Exit::Configuration,
            Self::Init(error) => of_init(error),
            Self::Preflight(error) => of_preflight(error),
            Self::Release(error) => of_release(error),
            Self::Repository(error) => problem::of_repository(error),
            Self::Metadata(error) => problem::of_metadata(error),
            Self::Verify(error) => error.exit(),
            Self::Git(_) => Exit::Checkout,
            Self::Bundle(error) => of_bundle(error),
            Self::Refresh(error) => of_refresh(error),
            Self::Change(_) => Exit::Conflict,
            Self::Memory(MemoryError::Older { .. }) => Exit::NotTrusted,
            Self::Memory(MemoryError::Damaged { .. } | MemoryError::Disk(_)) => Exit::Unexpected,
            Self::Key(_) | Self::Public(_) | Self::Signer(_) | Self::Waiting(_) | Self::NoKey(_) => Exit::Keys,
            Self::Busy => Exit::Conflict,
        }
    }
}

fn of_bundle(error: &BundleError) -> Exit {
    match error {
        BundleError::Missing(_) | BundleError::Other { .. } | BundleError::Exists(_) => Exit::Usage,
        BundleError::Unreadable { .. }
        | BundleError::Form { .. }
        | BundleError::Part { .. }
        | BundleError::Contents { .. } => Exit::NotTrusted,
        BundleError::Disk(_) => Exit::Unexpected,
    }
}

fn of_refresh(error: &RefreshError) -> Exit {
    match error {
        RefreshError::Nothing(_)
        | RefreshError::Diverged { .. }
        | RefreshError::OldWord { .. }
        | RefreshError::Hidden { .. }
        | RefreshError::NoSuchRelease(_) => Exit::Conflict,
        RefreshError::NotTaken(_) => Exit::Unreachable,
        RefreshError::Metadata(error) => problem::of_metadata(error),
        RefreshError::Repository(error) => problem::of_repository(error),
    }
}

/// One kind of problem has its own code; several kinds are an unready checkout.
fn of_preflight(error: &PreflightError) -> Exit {
    match error {
        PreflightError::Problems(problems) => {
            let mut exits = problems.iter().map(Problem::exit);
            let first = exits.next().unwrap_or(Exit::Checkout);
            if exits.all(|exit| exit == first) { first } else { Exit::Checkout }
        }
        PreflightError::Git(_) => Exit::Checkout,
        PreflightError::Content { .. } => Exit::Unexpected,
    }
}

fn of_init(error: &InitError) -> Exit {
    match error {
        InitError::Product | InitError::Config(_) => Exit::Configuration,
        InitError::KeysWithoutRoot { .. } | InitError::Passphrase(_) | InitError::Key(_) => Exit::Keys,
        InitError::Root(error) => problem::of_metadata(error),
        InitError::Sign(_) | InitError::Disk(_) => Exit::Unexpected,
    }
}

fn of_release(error: &ReleaseError) -> Exit {
    match error {
        ReleaseError::Manifest(_) => Exit::Configuration,
        ReleaseError::CommitTime(_) => Exit::Checkout,
        ReleaseError::Published { .. } | ReleaseError::Behind(_) | ReleaseError::OtherBundle { .. } => Exit::Conflict,
        ReleaseError::Metadata(error) => problem::of_metadata(error),
        ReleaseError::Pack(_) | ReleaseError::Disk(_) => Exit::Unexpected,
    }
}

/// The error and what caused it, as one text.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some crates repeat their cause in their own words.
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
