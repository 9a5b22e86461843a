//! The command line of `publish`: its verbs, parsed and handed on.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use manifest_schema::manifest::{Severity, Wave};
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;

use crate::destination::Destination;
use crate::exit::{self, Exit};

mod change;
mod failure;
mod init;
mod keys;
mod refresh;
mod release;
mod renewal;
mod sign;
mod signing;
mod verify;

pub use failure::Failure;
use signing::{Passphrase, Signing};

/// Publish signed releases of a server application.
///
/// `publish init` prepares a checkout once (keys, root metadata, publish.toml, .releaseignore); `publish v1.1.0` checks, packs,
/// signs and publishes the tag v1.1.0 that is checked out, and may be run again after any interruption; `publish refresh`
/// signs anew what would expire; `publish withdraw`, `rollout`, `recall` and `promote` change what is decided about a release that
/// is published; `publish verify` reads a published repository back as a client would; `publish keys` and
/// `publish sign` are for those who hold the keys.
#[derive(Debug, Parser)]
#[command(
    name = "publish",
    version,
    after_help = exit::HELP,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "publish init [OPTIONS]\n       publish vX.Y.Z [OPTIONS]\n       publish refresh [OPTIONS]\n       \
                      publish withdraw|rollout|recall|promote vX.Y.Z [OPTIONS]\n       \
                      publish verify [OPTIONS] [vX.Y.Z]\n       publish keys COMMAND [OPTIONS]\n       publish sign BUNDLE [OPTIONS]"
)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    release: Release,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Prepare a checkout: make keys, root metadata, publish.toml and .releaseignore, whichever is missing.
    Init(Init),
    /// Read a published repository back as a client would, from the root metadata of this checkout.
    Verify(Verify),
    /// Sign snapshot and timestamp anew, before they expire or after a key was replaced. Suited for a scheduled job.
    Refresh(refresh::Refresh),
    /// Withdraw a release: nobody installs it any more. Who has it keeps it; see recall.
    Withdraw(change::Withdraw),
    /// Change to which share of the installations a release goes, and when; halt that, or let it go on.
    Rollout(change::Rollout),
    /// Recall a release: who has it goes to another one. A newer one goes in as a critical release does; to an older one,
    /// which costs data, an admin is told to go.
    Recall(change::Recall),
    /// Carry a release in further channels.
    Promote(change::Promote),
    /// The keys: make, list, add, replace and revoke them, and give the root a longer life.
    #[command(subcommand)]
    Keys(keys::Verb),
    /// Look at what a bundle holds, and sign it with the keys that are here.
    Sign(sign::Sign),
}

#[derive(Debug, Args)]
struct Checkout {
    /// The application's directory: where publish.toml lies.
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

#[derive(Debug, Args)]
struct Release {
    /// The tag of the release, such as v1.1.0. It must be checked out; VERSION and CHANGELOG.md must agree.
    #[arg(id = "RELEASE", value_name = "vX.Y.Z", value_parser = tag)]
    version: Option<ReleaseVersion>,
    /// How much the release matters. Critical ones are installed at once. Default: what changed in the version's
    /// numbers; a new major is major, a new minor is minor, anything else is patch.
    #[arg(long, value_enum)]
    severity: Option<SeverityWord>,
    /// A channel that carries the release; may be given several times. Default: `channels` in publish.toml.
    #[arg(long = "channel", value_name = "NAME")]
    channels: Vec<Name>,
    /// Where it goes: a directory or github:OWNER/REPO; may be given several times. Default: `to` in publish.toml.
    #[arg(long, value_name = "DIR|github:OWNER/REPO")]
    to: Vec<Destination>,
    /// Clients below this version go through the releases between, in order.
    #[arg(long, value_name = "X.Y.Z")]
    minimum_version: Option<ReleaseVersion>,
    /// A wave of its rollout: this share of all installations from this moment on, such as 10%@2026-12-01T03:00:00Z; may be given
    /// several times, in their order. Default: all of them at once. It holds for critical releases as well; see also
    /// `publish rollout`.
    #[arg(long = "wave", value_name = "PERCENT@TIME", value_parser = change::wave)]
    waves: Vec<Wave>,
    /// A platform that it is for, such as linux-x86_64; may be given several times. Default: all.
    #[arg(long = "platform", value_name = "NAME")]
    platforms: Vec<String>,
    /// Say that what is below this version has a known hole: from this release on clients of its channels install nothing
    /// below.
    #[arg(long, value_name = "X.Y.Z")]
    security_floor: Option<ReleaseVersion>,
    /// Say that clients must change something by hand.
    #[arg(long)]
    breaking: bool,
    /// Say that there is no way back from this release. Clients then always ask for approval.
    #[arg(long)]
    no_rollback: bool,
    /// Pack, sign and show everything, and change nothing anywhere.
    #[arg(long)]
    dry_run: bool,
    /// Prepare the release without making it visible: a draft on GitHub; all but timestamp.json in a directory.
    /// The same command without --draft then makes it visible.
    #[arg(long)]
    draft: bool,
    /// Where others sign as well: the file that is passed on. It is made where it is missing, gone on from where it exists.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    checkout: Checkout,
}

#[derive(Debug, Args)]
struct Init {
    /// The name of the application, for a new publish.toml. Default: the directory's name.
    #[arg(long, value_name = "NAME")]
    product: Option<Name>,
    /// How many root keys to make: for several people, of whom --root-threshold must sign together.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    root_keys: u32,
    /// How many root keys must sign together.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    root_threshold: u32,
    /// Leave the private keys unencrypted, because something else protects them.
    #[arg(long, conflicts_with = "passphrase_file")]
    no_passphrase: bool,
    #[command(flatten)]
    passphrase: Passphrase,
    #[command(flatten)]
    checkout: Checkout,
}

#[derive(Debug, Args)]
struct Verify {
    /// Only this release; all of them otherwise.
    #[arg(id = "RELEASE", value_name = "vX.Y.Z", value_parser = tag)]
    version: Option<ReleaseVersion>,
    /// What to read: a directory, the URL of one, or github:OWNER/REPO. Default: every `to` in publish.toml.
    #[arg(long, value_name = "DIR|URL|github:OWNER/REPO")]
    from: Option<String>,
    #[command(flatten)]
    checkout: Checkout,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SeverityWord {
    /// Cosmetic, documentation.
    Patch,
    /// Features, small fixes.
    Minor,
    /// Important fixes or significant features.
    Major,
    /// A security hole or a loss of data: installed at once.
    Critical,
}

impl From<SeverityWord> for Severity {
    fn from(word: SeverityWord) -> Self {
        match word {
            SeverityWord::Patch => Self::Patch,
            SeverityWord::Minor => Self::Minor,
            SeverityWord::Major => Self::Major,
            SeverityWord::Critical => Self::Critical,
        }
    }
}

fn tag(text: &str) -> Result<ReleaseVersion, String> {
    ReleaseVersion::from_tag(text).map_err(|error| error.to_string())
}

/// Parses the command line, does what it says, and tells how it ended.
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            error.print().ok();
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let ended = match cli.verb {
        Some(Verb::Init(init)) => init::run(&init),
        Some(Verb::Verify(verify)) => verify::run(&verify),
        Some(Verb::Refresh(refresh)) => refresh::run(&refresh),
        Some(Verb::Withdraw(verb)) => change::withdraw(&verb),
        Some(Verb::Rollout(verb)) => change::rollout(&verb),
        Some(Verb::Recall(verb)) => change::recall(&verb),
        Some(Verb::Promote(verb)) => change::promote(&verb),
        Some(Verb::Keys(verb)) => keys::run(&verb),
        Some(Verb::Sign(sign)) => sign::run(&sign),
        None if cli.release.version.is_none() => {
            Cli::command().print_help().ok();
            return Exit::Usage;
        }
        None => release::run(&cli.release),
    };
    match ended {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            failure.print();
            failure.exit()
        }
    }
}

/// The one reading of the clock. `SOURCE_DATE_EPOCH` (seconds since 1970, <https://reproducible-builds.org/specs/>)
/// takes its place, so that metadata can be made again bit by bit.
fn now() -> Result<jiff::Timestamp, Failure> {
    let Some(epoch) = std::env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(jiff::Timestamp::now());
    };
    let seconds = epoch.to_str().and_then(|text| text.parse().ok());
    seconds
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .ok_or_else(|| Failure::Usage(format!("SOURCE_DATE_EPOCH is {epoch:?}, not a number of seconds")))
}
