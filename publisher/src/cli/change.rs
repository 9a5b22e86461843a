//! `publish withdraw`, `rollout`, `recall` and `promote`: another decision about a release that is published.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use manifest_schema::manifest::{Percent, Wave};
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;

use super::refresh::old_word;
use super::renewal::{self, Place};
use super::signing::Signing;
use super::{Checkout, Failure};
use crate::bundle::BundleError;
use crate::change::{self, Change, Roll};
use crate::destination::Destination;
use crate::metadata::{Proposal, Standing};
use crate::refresh::HiddenTargets;

/// What all of them have.
#[derive(Debug, Args)]
struct Common {
    /// The release.
    #[arg(value_name = "vX.Y.Z", value_parser = super::tag)]
    version: ReleaseVersion,
    /// Where it is published: a directory or github:OWNER/REPO; may be given several times. Default: `to` in publish.toml.
    #[arg(long, value_name = "DIR|github:OWNER/REPO")]
    to: Vec<Destination>,
    /// Where others sign as well: the file that is made here and passed on. `publish refresh --bundle` finishes it.
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

#[derive(Debug, Args)]
pub(super) struct Withdraw {
    /// Why, in a line: people read it where they wonder why it is not installed.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true)))]
pub(super) struct Rollout {
    /// A wave: this share of all installations from this moment on, such as 10%@2026-12-01T03:00:00Z; may be given several times,
    /// in their order. They take the place of those that the release has.
    #[arg(long = "wave", value_name = "PERCENT@TIME", value_parser = wave, group = "what")]
    waves: Vec<Wave>,
    /// Nobody more gets the release for now. Its waves are kept for --resume. An admin who names the release gets it all the same:
    /// see withdraw.
    #[arg(long, group = "what", conflicts_with = "resume")]
    halt: bool,
    /// Go on after a halt. Waves that have begun by then count at once.
    #[arg(long, group = "what")]
    resume: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Recall {
    /// The release that they go to instead: published, and not withdrawn.
    #[arg(long, value_name = "vX.Y.Z", value_parser = super::tag)]
    instead: ReleaseVersion,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Promote {
    /// A channel that carries it from now on as well; may be given several times.
    #[arg(long = "channel", value_name = "NAME", required = true)]
    channels: Vec<Name>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn withdraw(arguments: &Withdraw) -> Result<(), Failure> {
    arguments.common.sign(&Change::Withdraw(arguments.reason.clone()), "is withdrawn")
}

pub(super) fn rollout(arguments: &Rollout) -> Result<(), Failure> {
    let halted = (arguments.halt || arguments.resume).then_some(arguments.halt);
    let done = match halted {
        Some(true) => "is halted",
        Some(false) => "goes on",
        None => "has other waves",
    };
    let roll = Roll { waves: arguments.waves.clone(), halted, now: super::now()? };
    arguments.common.sign(&Change::Roll(roll), done)
}

pub(super) fn recall(arguments: &Recall) -> Result<(), Failure> {
    let done = format!("is recalled to {}", arguments.instead.tag());
    arguments.common.sign(&Change::Recall(arguments.instead.clone()), &done)
}

pub(super) fn promote(arguments: &Promote) -> Result<(), Failure> {
    arguments.common.sign(&Change::Promote(arguments.channels.clone()), "is in further channels")
}

impl Common {
    fn sign(&self, change: &Change, done: &str) -> Result<(), Failure> {
        let directory = self.checkout.directory.as_path();
        // What is in a bundle may be another change, which would go out under this one's name.
        if let Some(there) = self.bundle.as_ref().filter(|path| path.exists()) {
            return Err(BundleError::Exists(there.clone()).into());
        }
        let place = Place { directory, to: &self.to, hidden: HiddenTargets::Refuse };
        place.renew(&format!("says that {} {done}", self.version.tag()), |config, ground, found| {
            if found.current.standing == Standing::ReplacedTargets {
                return Err(old_word(found).into());
            }
            let targets = change::changed(found.current.targets(), &self.version, change)?;
            let proposal = Proposal::of_targets(ground, targets)?;
            let mut signers = self.signing.signers(directory, config)?;
            renewal::sign(ground, proposal, &mut signers, self.bundle.as_deref(), self.yes)
        })
    }
}

/// A wave as it is typed: `10%@2026-12-01T03:00:00Z`.
pub(super) fn wave(text: &str) -> Result<Wave, String> {
    let (percent, start) =
        text.split_once('@').ok_or("a wave is a share and a moment, such as 10%@2026-12-01T03:00:00Z")?;
    let percent = percent.strip_suffix('%').unwrap_or(percent).parse().ok().and_then(Percent::new);
    let percent = percent.ok_or("a share is a whole number of per cent, 0% to 100%")?;
    let start =
        start.parse().map_err(|error| format!("{start:?} is no moment such as 2026-12-01T03:00:00Z: {error}"))?;
    Ok(Wave { start, percent })
}

#[cfg(test)]
mod tests {
    use super::wave;

    #[test]
    fn a_wave_is_a_share_and_a_moment() {
        let read = wave("10%@2026-12-01T03:00:00Z").unwrap();
        assert_eq!((read.percent.number(), read.start.to_string().as_str()), (10, "2026-12-01T03:00:00Z"));
        assert_eq!(wave("10@2026-12-01T03:00:00Z").unwrap(), read);
        for wrong in ["", "10%", "@2026-12-01T03:00:00Z", "-1%@2026-12-01T03:00:00Z", "101%@2026-12-01T03:00:00Z"] {
            wave(wrong).unwrap_err();
        }
        for wrong in
            ["1.5%@2026-12-01T03:00:00Z", "NaN%@2026-12-01T03:00:00Z", "all@2026-12-01T03:00:00Z", "10%@tomorrow"]
        {
            wave(wrong).unwrap_err();
        }
    }
}
