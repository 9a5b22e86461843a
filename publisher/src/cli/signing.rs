//! What the verbs that sign have in common: where keys and passphrases come from, whom to ask, and what is passed on.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rustix::fs::{FlockOperation, flock};

use super::Failure;
use crate::bundle::Bundle;
use crate::config::Config;
use crate::destination::Destination;
use crate::disk;
use crate::git::Git;
use crate::keys::Keyring;
use crate::metadata::{Ground, Waiting};
use crate::passphrase::Passphrases;
use crate::publication::Repository;
use crate::secret::PASSPHRASE_VARIABLE;
use crate::sign::{Command, Signers};
use crate::words;

/// The name of the passphrase among the credentials of a unit (`LoadCredential=`, systemd.exec(5)).
const CREDENTIAL: &str = "surefoot-passphrase";

/// Where the passphrase of the keys comes from.
#[derive(Debug, Args)]
pub(super) struct Passphrase {
    /// Read the passphrase of the keys from this file (/dev/fd/3 for a descriptor); where they have several, one a line. Also
    /// SUREFOOT_PASSPHRASE_FILE in the environment, or the credential surefoot-passphrase of a systemd unit. Asked for on the
    /// terminal otherwise.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    pub(super) fn file(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os(PASSPHRASE_VARIABLE).map(Into::into);
        self.passphrase_file.clone().or_else(variable).or_else(credential)
    }
}

fn credential() -> Option<PathBuf> {
    let directory = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?);
    Some(directory.join(CREDENTIAL)).filter(|path| path.exists())
}

/// Who signs.
#[derive(Debug, Args)]
pub(super) struct Signing {
    /// The directory of the private keys. Default: `keys` in publish.toml.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// A private key that lies elsewhere; may be given several times.
    #[arg(long = "key", value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A command that reaches keys which are in no file, in hardware or at a key service; may be given several times. It gets
    /// the bytes to be signed on standard input and SUREFOOT_ROLE, SUREFOOT_KEY_ID and SUREFOOT_PUBLIC_KEY in its
    /// environment, and prints the signature in hex or base64, or ends with code 3 for a key that it does not hold.
    #[arg(long = "signer", value_name = "exec:COMMAND")]
    signers: Vec<Command>,
    /// How long each signature by a command may take.
    #[arg(long, value_name = "SECONDS", default_value_t = crate::sign::PATIENCE.as_secs(), value_parser = clap::value_parser!(u64).range(1..=86_400))]
    signer_timeout: u64,
    #[command(flatten)]
    passphrase: Passphrase,
}

impl Signing {
    /// The directory of the keys.
    pub(super) fn directory(&self, checkout: &Path, config: &Config) -> PathBuf {
        self.keys.clone().unwrap_or_else(|| checkout.join(&config.keys))
    }

    /// Everything here that can sign.
    pub(super) fn signers(&self, checkout: &Path, config: &Config) -> Result<Signers, Failure> {
        let passphrases = Passphrases::new(self.passphrase.file());
        let ring = Keyring::new(&self.directory(checkout, config), &self.key, passphrases)?;
        let limit = Duration::from_secs(self.signer_timeout);
        Ok(Signers { ring, commands: self.signers.iter().map(|command| command.clone().within(limit)).collect() })
    }

    /// The file with the passphrase of the keys.
    pub(super) fn passphrase_file(&self) -> Option<PathBuf> {
        self.passphrase.file()
    }
}

/// The repositories that are named, or else those of publish.toml.
pub(super) fn repositories(
    named: &[Destination],
    config: &Config,
    directory: &Path,
) -> Result<Vec<Box<dyn Repository>>, Failure> {
    let destinations = if named.is_empty() { config.destinations(directory)? } else { named.to_vec() };
    if destinations.is_empty() {
        return Err(Failure::Usage("no repository: give --to, or set `to` in publish.toml".to_owned()));
    }
    Ok(destinations.iter().map(|destination| destination.repository(config)).collect::<Result<_, _>>()?)
}

/// The staging directory, inside git's own, and the lock that keeps a second run out of it.
pub(super) fn staging(directory: &Path) -> Result<(PathBuf, File), Failure> {
    let private = Git::open(directory)?.private_directory("surefoot")?;
    let staging = private.join("staging");
    disk::make_dirs(&staging)?;
    let lock = disk::create(&private.join("lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| Failure::Busy)?;
    disk::empty_dir(&staging)?;
    Ok((staging, lock))
}

/// Asks a person who has just been shown something.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let nobody = || Failure::Usage("nobody to ask: look at what is shown above, and say --yes".to_owned());
    if !io::stdin().is_terminal() {
        return Err(nobody());
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush().map_err(|_| nobody())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|_| nobody())?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::Usage("not signed".to_owned()))
}

/// Shows lines, each indented.
pub(super) fn show(lines: &[String]) {
    for line in lines {
        println!("  {line}");
    }
}

/// Shows what others have still to sign, and writes the file that is passed on to them.
pub(super) fn pass_on(
    ground: &Ground<'_>,
    bundle: Bundle,
    waiting: &Waiting,
    path: Option<&Path>,
    finish: &str,
) -> Result<(), Failure> {
    println!("{}:", bundle.purpose());
    if let Bundle::Metadata(_, proposal) = &bundle {
        show(&words::proposal(ground, proposal));
    }
    let Some(path) = path else {
        return Err(Failure::Waiting(waiting.clone()));
    };
    bundle.write(path)?;
    println!(
        "\n{waiting}.\nPass {path} on: `publish sign {path}`; then `{finish} {path}` finishes it.",
        path = path.display()
    );
    Ok(())
}
