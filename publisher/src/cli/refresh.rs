//! `publish refresh`.

use std::path::PathBuf;

use clap::Args;
use manifest_schema::tuf::RoleName;
use manifest_schema::version::ReleaseVersion;

use super::renewal::{self, Place};
use super::signing::Signing;
use super::{Checkout, Failure};
use crate::bundle::{Bundle, Purpose};
use crate::destination::Destination;
use crate::metadata::{self, Ground, Proposal, Roots, Standing};
use crate::refresh::{Found, HiddenTargets, RefreshError};
use crate::words;

/// What is warned of when it expires within so many days: a person must fetch a key for it.
const SOON: u16 = 30;

#[derive(Debug, Args)]
pub(super) struct Refresh {
    /// What is refreshed: a directory or github:OWNER/REPO; may be given several times. Default: `to` in publish.toml.
    #[arg(long, value_name = "DIR|github:OWNER/REPO")]
    to: Vec<Destination>,
    /// Do nothing where everything is valid for so many days more.
    #[arg(long, value_name = "DAYS")]
    if_due: Option<u16>,
    /// Sign the targets anew as well: after a targets key was replaced, or before they expire.
    #[arg(long)]
    sign_targets: bool,
    /// Go on from the newest targets that are there and signed, where the snapshot names older ones and its key was replaced.
    #[arg(long)]
    newest_targets: bool,
    /// With --sign-targets: leave this release out, since it is not yours; may be given several times.
    #[arg(long, value_name = "vX.Y.Z", value_parser = super::tag, requires = "sign_targets")]
    without: Vec<ReleaseVersion>,
    /// Where others sign as well: the file that is passed on. It is made where it is missing, gone on from where it exists.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Do not ask before the targets are signed.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    checkout: Checkout,
}

pub(super) fn run(arguments: &Refresh) -> Result<(), Failure> {
    let hidden = if arguments.newest_targets { HiddenTargets::Take } else { HiddenTargets::Refuse };
    let place = Place { directory: &arguments.checkout.directory, to: &arguments.to, hidden };
    place.renew("is refreshed", |config, ground, found| {
        warn(ground.roots, found, ground.now);
        let days = arguments.if_due.filter(|_| !arguments.sign_targets);
        if let Some(days) = days.filter(|days| !found.is_due(ground.now, *days)) {
            println!("nothing is due: all is valid for more than {days} days, until {}", words::day(until(found)));
            return Ok(None);
        }
        let begun =
            arguments.bundle.as_deref().map(|path| Bundle::proposal(path, &Purpose::Refresh)).transpose()?.flatten();
        let proposal = match begun {
            Some(mut proposal) => {
                proposal.check(ground)?;
                proposal
            }
            None => proposed(arguments, ground, found)?,
        };
        if proposal.targets.is_none() && found.current.standing == Standing::ReplacedTargets {
            return Err(old_word(found).into());
        }
        let mut signers = arguments.signing.signers(&arguments.checkout.directory, config)?;
        renewal::sign(ground, proposal, &mut signers, arguments.bundle.as_deref(), arguments.yes)
    })
}

fn proposed(arguments: &Refresh, ground: &Ground<'_>, found: &Found) -> Result<Proposal, Failure> {
    if !arguments.sign_targets {
        return match found.current.standing {
            Standing::ReplacedTargets => Err(old_word(found).into()),
            Standing::Sound | Standing::StaleFreshness => Ok(Proposal::default()),
        };
    }
    let mut targets = found.current.targets().clone();
    for version in &arguments.without {
        let before = targets.len();
        let directory = format!("{}/", version.tag());
        targets.retain(|path, _| !path.as_str().starts_with(&directory));
        if targets.len() == before {
            return Err(RefreshError::NoSuchRelease(version.clone()).into());
        }
    }
    Ok(Proposal::of_targets(ground, targets)?)
}

pub(super) fn old_word(found: &Found) -> RefreshError {
    RefreshError::OldWord { releases: found.releases().iter().map(ReleaseVersion::tag).collect() }
}

fn until(found: &Found) -> jiff::Timestamp {
    let expires = RoleName::ALL.map(|role| found.current.of(role).1);
    expires.into_iter().min().expect("there are four roles")
}

/// What this verb cannot do without a key that may be far away.
fn warn(roots: &Roots, found: &Found, now: jiff::Timestamp) {
    let soon = metadata::days(now, SOON);
    let (root, targets) = (roots.newest().expires, found.current.of(RoleName::Targets).1);
    if root <= soon {
        eprintln!("publish: warning: the root expires at {}: run `publish keys renew` before that", words::day(root));
    }
    if targets <= soon {
        let day = words::day(targets);
        eprintln!(
            "publish: warning: the targets expire at {day}: publish a release, or run `publish refresh --sign-targets`, before that"
        );
    }
}
