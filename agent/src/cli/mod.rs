//! The command line: one verb a file. Verbs that read do so from files, so they work whatever the daemon does; verbs that
//! change something ask the daemon, so closing the terminal stops nothing.

mod ask;
mod audit;
mod backup;
mod check_config;
mod doctor;
mod finding;
mod health;
mod history;
mod instances;
mod internal;
mod log;
mod man;
mod print;
mod progress;
mod rollback;
mod show;
mod status;
mod table;
mod trust;
mod words;

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;

pub use man::man_pages;

use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::redact::Redactor;
use crate::request::Request;

/// Keeps a self-hosted server application up to date, and puts it back when an update does not stand.
#[derive(Debug, Parser)]
#[command(
    name = "surefoot",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 done; 2 usage; 3 configuration; 4 source unreachable; 5 not trusted; 6 refused before
anything was touched; 7 failed and rolled back; 8 stuck; 9 busy; 10 nothing to do; 11 the agent
does not run; 12 metadata expired. See surefoot(8)."
)]
pub struct Cli {
    /// Where etc/, var/ and run/ lie; for tests and trials
    #[arg(long, default_value = "/", value_name = "DIR", hide = true)]
    root: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

/// Which instance a verb is about.
#[derive(Clone, Debug, clap::Args)]
pub struct Which {
    /// The instance: the name of its file in /etc/surefoot; not needed where there is only one
    #[arg(long, short, value_name = "NAME")]
    pub instance: Option<Name>,
}

/// How a reading verb answers.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Format {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Install the first release on this machine
    Install {
        /// Which release; the newest unless named
        version: Option<ReleaseVersion>,
        #[command(flatten)]
        which: Which,
    },
    /// Make the directory of a running application managed, without stopping it
    Adopt {
        /// Which release it is, where its VERSION file does not say
        #[arg(long, value_name = "X.Y.Z")]
        version: Option<ReleaseVersion>,
        /// Only say what would happen, and what would not survive an update
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Give a managed directory back as a plain one
    Release {
        #[command(flatten)]
        which: Which,
    },
    /// What runs, what is new, what waits for you
    Status {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
    /// Look for releases now
    Check {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
    /// What a release brings, and what it would do here
    Show {
        /// Which release
        version: ReleaseVersion,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
    /// Let a release go in
    Approve {
        /// Which release
        version: ReleaseVersion,
        #[command(flatten)]
        which: Which,
    },
    /// Install a release now
    Update {
        /// Which release; the newest unless named
        version: Option<ReleaseVersion>,
        /// Even though it failed here before
        #[arg(long, requires = "version")]
        again: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Go back to the release before
    Rollback {
        /// Only say what it would cost
        #[arg(long)]
        dry_run: bool,
        /// Say that in JSON
        #[arg(long, requires = "dry_run")]
        json: bool,
        /// Even though the vendor says that the release cannot be rolled back
        #[arg(long)]
        force: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Take a stuck update up again, after mending what it stumbled over
    ///
    /// The update goes on where it stopped, and is put back to the end. Where it stumbles again, it is stuck again. See
    /// surefoot(8), WHEN AN UPDATE IS STUCK.
    Resume {
        #[command(flatten)]
        which: Which,
    },
    /// Leave a stuck update as it is, after putting things right by hand
    ///
    /// Says first what that leaves: which release the directory leads to and counts as installed from then on, which services run,
    /// and where copies of the data lie. Then it closes the update and opens the door, so that units may start again. It starts
    /// and stops nothing and throws nothing away. A journal that cannot be read is kept beside as journal.jsonl.damaged. See
    /// surefoot(8), WHEN AN UPDATE IS STUCK.
    Abandon {
        /// Only say what it would leave
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        which: Which,
    },
    /// All updates of an instance
    History {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
    /// What happened in an update, step by step, and why it failed
    Log(log::Ask),
    /// Who asked for what, what was decided, and what was done
    Audit(audit::Ask),
    /// Whether the application is healthy now
    Health {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
    /// Backups
    Backup {
        #[command(subcommand)]
        verb: BackupVerb,
    },
    /// The configuration
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Whether this machine has all that an update will need
    Doctor {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
    /// Whose signatures this machine believes
    Trust {
        #[command(subcommand)]
        verb: TrustVerb,
    },
    /// The agent itself; started by systemd
    Daemon,
    #[command(hide = true)]
    Internal {
        #[command(subcommand)]
        verb: internal::Internal,
    },
}

#[derive(Debug, Subcommand)]
enum BackupVerb {
    /// The backups that are kept
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
enum TrustVerb {
    /// Keys, versions, and until when they are good
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: Format,
    },
    /// Forget what is trusted and begin anew from another root
    ///
    /// Only for a vendor whose root keys are lost or stolen, so that no chain of signed roots leads to the new ones. Says first what
    /// is forgotten. The fingerprint must come from the vendor by another way than the file: whoever can send you both owns this
    /// machine from then on. The application stays as it is.
    Reset(trust::Reset),
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Find all mistakes that can be found without acting
    Check {
        #[command(flatten)]
        format: Format,
    },
}

/// Parses the command line, runs it, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            complain(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}

/// Says on standard error why a command failed. A closed terminal is no reason to lose the exit code, and what a vendor's
/// program said is shown without what a terminal would act on, and without what looks like a secret.
fn complain(failure: &Failure) {
    let message = Redactor::default().apply(&failure.message);
    let _ = writeln!(stderr(), "surefoot: {}", words::clean(&message));
}

/// Runs the command line.
///
/// # Errors
/// The sentence to print and the code to exit with.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let layout = Layout::new(&cli.root);
    match cli.verb {
        Verb::Install { version, which } => ask::act(&layout, Request::Install { instance: which.instance, version }),
        Verb::Adopt { version, dry_run, which } => {
            ask::act(&layout, Request::Adopt { instance: which.instance, version, dry_run })
        }
        Verb::Release { which } => ask::act(&layout, Request::Release { instance: which.instance }),
        Verb::Status { which, format } => status::run(&layout, &which, format),
        Verb::Check { which, format } => ask::look(&layout, Request::Check { instance: which.instance }, format),
        Verb::Show { version, which, format } => show::run(&layout, version, which, format),
        Verb::Approve { version, which } => ask::act(&layout, Request::Approve { instance: which.instance, version }),
        Verb::Update { version, again, which } => {
            ask::act(&layout, Request::Update { instance: which.instance, version, again })
        }
        Verb::Rollback { dry_run, json, force, yes, which } => {
            rollback::run(&layout, which.instance, &rollback::How { dry_run, json, force, yes })
        }
        Verb::Resume { which } => ask::act(&layout, Request::Resume { instance: which.instance }),
        Verb::Abandon { dry_run, yes, which } => ask::abandon(&layout, which.instance, dry_run, yes),
        Verb::History { which, format } => history::run(&layout, &which, format),
        Verb::Log(ask) => log::run(&layout, &ask),
        Verb::Audit(ask) => audit::run(&layout, &ask),
        Verb::Health { which, format } => health::run(&layout, &which, format),
        Verb::Backup { verb: BackupVerb::List { which, format } } => backup::list(&layout, &which, format),
        Verb::Config { verb: ConfigVerb::Check { format } } => check_config::run(&layout, format),
        Verb::Doctor { which, format } => doctor::run(&layout, &which, format),
        Verb::Trust { verb: TrustVerb::Show { which, format } } => trust::show(&layout, &which, format),
        Verb::Trust { verb: TrustVerb::Reset(asked) } => trust::reset(&layout, &asked),
        Verb::Daemon => crate::daemon::run(&layout),
        Verb::Internal { verb } => internal::run(&layout, verb),
    }
}
