//! `publish sign`: a bundle is read, checked against this checkout and what is published, shown, and only then signed.

use std::path::{Path, PathBuf};

use clap::Args;
use manifest_schema::tuf::{Partial, RoleName, Root};

use super::keys::{finish, root_waiting};
use super::signing::{self, Signing, repositories};
use super::{Checkout, Failure};
use crate::bundle::{Bundle, BundleError, Purpose};
use crate::config::{self, Config};
use crate::destination::Destination;
use crate::metadata::{self, Advance, Current, Ground, MetadataError, Proposal, ProposalError, Roots, Standing};
use crate::publication::Repository;
use crate::refresh;
use crate::rotation;
use crate::sign::Signers;
use crate::words;

#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The bundle. Your signatures are added to it.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Where it will go: a directory or github:OWNER/REPO; what is published there is compared. Default: `to` in publish.toml.
    #[arg(long, value_name = "DIR|github:OWNER/REPO")]
    to: Vec<Destination>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    checkout: Checkout,
}

pub(super) fn run(arguments: &Sign) -> Result<(), Failure> {
    let directory = arguments.checkout.directory.as_path();
    let config = Config::read(directory)?;
    let roots = Roots::read(&directory.join(config::ROOTS))?;
    let bundle = Bundle::read(&arguments.bundle)?.ok_or_else(|| BundleError::Missing(arguments.bundle.clone()))?;
    let mut signers = arguments.signing.signers(directory, &config)?;
    let now = super::now()?;
    match bundle {
        Bundle::Root(root) => {
            let mut root = root;
            follows(&mut root, &roots, &config, now)?;
            println!("{}: root", arguments.bundle.display());
            signing::show(&words::root(roots.newest(), root.metadata()));
            sign_root(arguments, &roots, root, &mut signers)
        }
        Bundle::Metadata(purpose, mut proposal) => {
            let mut repositories = repositories(&arguments.to, &config, directory)?;
            let current = published(&roots, &mut repositories, &purpose)?;
            let ground = Ground { roots: &roots, current: current.as_ref(), expiry: config.expiry, now };
            proposal.check(&ground)?;
            println!("{}: {purpose}", arguments.bundle.display());
            signing::show(&words::proposal(&ground, &proposal));
            sign_metadata(arguments, &ground, purpose, proposal, &mut signers)
        }
    }
}

/// A root is signed only where it follows the newest one here, for no longer than configured, and leaves no role unable to sign.
fn follows(root: &mut Partial<Root>, roots: &Roots, config: &Config, now: jiff::Timestamp) -> Result<(), Failure> {
    let (new, old) = (root.metadata().clone(), roots.newest());
    let (found, expected) = (new.version, old.version + 1);
    if found != expected {
        return Err(MetadataError::from(ProposalError::Version { role: RoleName::Root, found, expected }).into());
    }
    let valid = metadata::valid_for(RoleName::Root, new.expires, now, config.expiry.root_days);
    valid.map_err(MetadataError::from)?;
    rotation::check(&new)?;
    root.keep_signers(&[old, &new]);
    Ok(())
}

fn sign_root(arguments: &Sign, roots: &Roots, mut root: Partial<Root>, signers: &mut Signers) -> Result<(), Failure> {
    let new = root.metadata().clone();
    if let Some(waiting) = root_waiting(roots, &root) {
        signing::confirm("Sign this?", arguments.yes)?;
        let signed = signers.sign(&[roots.newest(), &new], &mut root)?;
        if signed.is_empty() {
            return Err(Failure::NoKey(waiting.to_string()));
        }
    }
    Bundle::Root(root.clone()).write(&arguments.bundle)?;
    finish(&arguments.checkout.directory, roots, &root, Some(&arguments.bundle))
}

/// What is published where the bundle shall go; nothing before the first release.
fn published(
    roots: &Roots,
    repositories: &mut [Box<dyn Repository>],
    purpose: &Purpose,
) -> Result<Option<Current>, Failure> {
    let mut found = Vec::new();
    for repository in repositories.iter_mut() {
        found.push(Current::load(roots, &mut **repository).map_err(refresh::RefreshError::from)?);
    }
    if *purpose != Purpose::Refresh && found.iter().all(Option::is_none) {
        return Ok(None);
    }
    let current = refresh::look(roots, repositories, refresh::HiddenTargets::Refuse)?.current;
    match (purpose, current.standing) {
        // A release is not what makes a thief's releases good again.
        (Purpose::Release(_), Standing::ReplacedTargets) => Err(MetadataError::from(ProposalError::OldTargets).into()),
        (Purpose::Root | Purpose::Release(_) | Purpose::Refresh, _) => Ok(Some(current)),
    }
}

fn sign_metadata(
    arguments: &Sign,
    ground: &Ground<'_>,
    purpose: Purpose,
    mut proposal: Proposal,
    signers: &mut Signers,
) -> Result<(), Failure> {
    signing::confirm("Sign this?", arguments.yes)?;
    let before = signatures(ground, &proposal);
    let advance = proposal.advance(ground, signers)?;
    let after = signatures(ground, &proposal);
    Bundle::Metadata(purpose.clone(), proposal).write(&arguments.bundle)?;
    match advance {
        Advance::Waiting(waiting) if before == after => Err(Failure::NoKey(waiting.to_string())),
        Advance::Waiting(waiting) => {
            println!("\nSigned. Now {waiting}.");
            Ok(())
        }
        Advance::Complete(_) => {
            println!("\nSigned by all who must: `{}` finishes it.", finishing(&purpose, &arguments.bundle));
            Ok(())
        }
    }
}

fn signatures(ground: &Ground<'_>, proposal: &Proposal) -> usize {
    let root = ground.roots.newest();
    let targets = proposal.targets.as_ref().map_or(0, |part| part.signers(root).len());
    let snapshot = proposal.snapshot.as_ref().map_or(0, |part| part.signers(root).len());
    targets + snapshot + proposal.timestamp.as_ref().map_or(0, |part| part.signers(root).len())
}

fn finishing(purpose: &Purpose, bundle: &Path) -> String {
    let bundle = bundle.display();
    match purpose {
        Purpose::Root => format!("publish sign {bundle}"),
        Purpose::Refresh => format!("publish refresh --bundle {bundle}"),
        Purpose::Release(version) => format!("publish {} --bundle {bundle}", version.tag()),
    }
}
