//! `surefoot trust reset`: follows another root from now on, because no chain of roots leads to it.
//!
//! It asks no daemon: the local API takes neither paths nor files, and the way out of a broken trust must not depend on anything
//! that runs. It takes the same lock as every act, so no update is under way meanwhile.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use manifest_schema::digest::Sha256;
use manifest_schema::tuf::RoleName;

use crate::audit::{Audit, Did, Said};
use crate::cli::ask::{agreed, say};
use crate::cli::{Which, instances};
use crate::config::Settings;
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::host;
use crate::layout::Layout;
use crate::lock::{Lock, LockError};
use crate::trust::{NewRoot, Trust, TrustError};

/// How long an update that is just ending is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a reset needs.
#[derive(Debug, clap::Args)]
pub(crate) struct Reset {
    /// The vendor's new root.json
    #[arg(long, value_name = "FILE")]
    pub(crate) root: PathBuf,
    /// Its SHA-256, from the vendor by another way than the file
    #[arg(long, value_name = "SHA256")]
    pub(crate) fingerprint: Sha256,
    /// Only say what would be forgotten
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) which: Which,
}

/// Says what is forgotten, asks, and begins anew.
pub(crate) fn run(layout: &Layout, asked: &Reset) -> Result<Exit, Failure> {
    let settings = instances::settings(layout, &asked.which)?;
    is_allowed(layout)?;
    let root = NewRoot::read(&asked.root, &asked.fingerprint).map_err(failed)?;
    say(&forgets(layout, &settings, &root));
    if asked.dry_run {
        return Ok(Exit::Ok);
    }
    if !asked.yes && !agreed("Forget that, and trust the new root?")? {
        say("nothing was done");
        return Ok(Exit::Ok);
    }
    let (version, before) = (root.version(), trusted(layout, &settings));
    let _lock = lock(layout)?;
    root.replace(&layout.instance(&settings.instance.name).trust()).map_err(failed)?;
    audit(
        layout,
        &settings,
        &format!("trusts root version {version} (fingerprint {}), and no longer {before}", asked.fingerprint),
    );
    say(&format!(
        "{}: trusts root version {version} from now on: see 'surefoot check'.\n\
         Put it in place of {} as well, and its fingerprint in the configuration: a machine that loses its state begins there.",
        settings.instance.name,
        settings.root.display()
    ));
    Ok(Exit::Ok)
}

/// What the machine believes is root's to say; as with the daemon's verbs, also whose the whole state is, which is root on every
/// machine but a trial's.
fn is_allowed(layout: &Layout) -> Result<(), Failure> {
    let user = rustix::process::geteuid();
    let owns = std::fs::metadata(layout.state()).is_ok_and(|state| state.uid() == user.as_raw());
    if user.is_root() || owns {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "only root may say whom this machine trusts: use sudo"))
}

fn lock(layout: &Layout) -> Result<Lock, Failure> {
    durable::make_dirs(&layout.state(), 0o755).map_err(|error| Failure::of(Exit::Unexpected, &error))?;
    Lock::take(&layout.lock(), PATIENCE).map_err(|error| {
        let exit = if matches!(error, LockError::Busy) { Exit::Busy } else { Exit::Unexpected };
        Failure::of(exit, &error)
    })
}

/// What cannot be written there is told: the reset has happened.
fn audit(layout: &Layout, settings: &Settings, words: &str) {
    let mut audit = Audit::at(layout.audit());
    let by = host::user_name(rustix::process::getuid().as_raw());
    audit.write(jiff::Timestamp::now(), &by, Said::new(Did::Trusted, Some(&settings.instance.name), words));
    if let Some(error) = audit.trouble() {
        say(&format!("this is not in the audit log: {}", crate::exit::chain(&error)));
    }
}

fn failed(error: TrustError) -> Failure {
    Failure::of(error.exit(), &error)
}

/// What is trusted now and will not be, for the person who decides. A root that cannot be read is what this verb is for, too.
fn forgets(layout: &Layout, settings: &Settings, new: &NewRoot) -> String {
    let (name, before) = (&settings.instance.name, trusted(layout, settings));
    format!(
        "{name}: forgets {before}.\n\
         From then on only what the keys in root version {} sign is believed, and older metadata of theirs is not refused as old. \
         The application, its data and its releases stay as they are.",
        new.version()
    )
}

fn trusted(layout: &Layout, settings: &Settings) -> String {
    match &Trust::load(settings, &layout.instance(&settings.instance.name).trust()) {
        Ok(trust) => versions(trust),
        Err(error) => format!("nothing that could be used: {}", crate::exit::chain(error)),
    }
}

fn versions(trust: &Trust) -> String {
    let known = |role: RoleName| trust.repository().known(role).map(|(version, _)| format!("{role} version {version}"));
    let versions: Vec<String> = RoleName::ALL.into_iter().filter_map(known).collect();
    format!("{} (fingerprint of the root {})", versions.join(", "), trust.fingerprint())
}
