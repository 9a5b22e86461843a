//! `publish init`: what a vendor needs once. Makes what is missing, never overwrites, and says which was which.

use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;
use manifest_schema::path::Name;
use manifest_schema::tuf::{self, RoleName, Root, SignError, SigningKey};

use crate::config::{self, Config, ConfigError};
use crate::contents::IGNORE_FILE;
use crate::disk::{self, DiskError};
use crate::keys::{self, KeyFileError};
use crate::metadata::{self, MetadataError, Roots};
use crate::passphrase::{PassphraseError, Passphrases};

const CONFIG: &str = include_str!("init/publish.toml");
const IGNORE: &str = include_str!("init/releaseignore");

/// How the new keys are protected.
pub enum Protection {
    /// Encrypted.
    Passphrase(Passphrases),
    /// By their file's mode only, because the caller said so.
    None,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Made(PathBuf),
    /// It was there and stays as it is.
    Kept(PathBuf),
}

/// What `publish init` did.
#[derive(Clone, Debug)]
pub struct Initialised {
    /// Each file.
    pub outcomes: Vec<Outcome>,
    /// The SHA-256 of `1.root.json`, which clients pin.
    pub fingerprint: Sha256,
    /// Where that file lies.
    pub root: PathBuf,
}

/// Why a checkout cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// No product name.
    #[error("the name of the directory is no name for a product: give one with --product (a-z, 0-9 and -)")]
    Product,
    /// The existing configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key is there and others are not.
    #[error("there is no {} but there are keys in {}: move these away, or bring the root that belongs to them", root.display(), keys.display())]
    KeysWithoutRoot {
        /// The missing root.
        root: PathBuf,
        /// The directory of the keys.
        keys: PathBuf,
    },
    /// No passphrase for the new keys.
    #[error("the keys need a passphrase; where another protection is in place, say --no-passphrase")]
    Passphrase(#[from] PassphraseError),
    /// A key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The root cannot be signed.
    #[error("cannot sign the root metadata")]
    Sign(#[source] Box<SignError>),
    /// The existing root is wrong.
    #[error(transparent)]
    Root(#[from] MetadataError),
    /// A file cannot be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// How many root keys there are, and how many must sign together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The keys, at least one.
    pub keys: u32,
    /// How many must sign, at least one and not more than there are.
    pub threshold: u32,
}

/// Prepares `directory`. `product` is for a new `publish.toml`; without it the directory's name is taken.
///
/// # Errors
/// When anything cannot be made; what was made before stays, and running it again goes on.
pub fn init(
    directory: &Path,
    product: Option<Name>,
    mut protection: Protection,
    quorum: Quorum,
    now: jiff::Timestamp,
) -> Result<Initialised, InitError> {
    let mut outcomes = vec![configuration(directory, product)?];
    let config = Config::read(directory)?;
    let key_directory = directory.join(&config.keys);
    outcomes.push(write(&directory.join(IGNORE_FILE), IGNORE.as_bytes())?);
    outcomes.extend(ignore_keys(directory, &config.keys)?);
    let roots = directory.join(config::ROOTS);
    let root = roots.join(RoleName::Root.file_name(1));
    if root.exists() {
        outcomes.push(Outcome::Kept(root.clone()));
    } else {
        outcomes.extend(make_keys(
            &root,
            &key_directory,
            &mut protection,
            quorum,
            metadata::days(now, config.expiry.root_days),
        )?);
    }
    let fingerprint = Sha256::of(&Roots::read(&roots)?.first().bytes);
    Ok(Initialised { outcomes, fingerprint, root })
}

fn configuration(directory: &Path, product: Option<Name>) -> Result<Outcome, InitError> {
    let path = directory.join(config::FILE);
    if path.exists() {
        return Ok(Outcome::Kept(path));
    }
    let product = product.map_or_else(|| product_of(directory), Ok)?;
    write(&path, CONFIG.replace("PRODUCT", product.as_str()).as_bytes())
}

fn product_of(directory: &Path) -> Result<Name, InitError> {
    let directory = directory.canonicalize().map_err(disk::failed("look at", directory))?;
    let name = directory.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.replace(['_', ' ', '.'], "-").parse().map_err(|_| InitError::Product)
}

fn write(path: &Path, bytes: &[u8]) -> Result<Outcome, InitError> {
    if path.exists() {
        return Ok(Outcome::Kept(path.to_owned()));
    }
    disk::write_new(path, bytes, 0o644)?;
    Ok(Outcome::Made(path.to_owned()))
}

/// Keeps git from ever committing the keys; nothing to do where they lie elsewhere.
fn ignore_keys(directory: &Path, keys: &Path) -> Result<Option<Outcome>, InitError> {
    if keys.is_absolute() || keys.starts_with("..") {
        return Ok(None);
    }
    let path = directory.join(".gitignore");
    let line = format!("/{}/", keys.display());
    let text = disk::read_text(&path, 1 << 20)?.unwrap_or_default();
    if text.lines().any(|present| present.trim() == line) {
        return Ok(Some(Outcome::Kept(path)));
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    disk::replace(&path, format!("{text}{gap}{line}\n").as_bytes())?;
    Ok(Some(Outcome::Made(path)))
}

/// The keys first and the root last, because the root is what says that all is there.
fn make_keys(
    root: &Path,
    directory: &Path,
    protection: &mut Protection,
    quorum: Quorum,
    expires: jiff::Timestamp,
) -> Result<Vec<Outcome>, InitError> {
    let files = files(directory, quorum);
    if files.iter().any(|(_, path)| path.exists()) {
        return Err(InitError::KeysWithoutRoot { root: root.to_owned(), keys: directory.to_owned() });
    }
    let passphrase = match protection {
        Protection::Passphrase(passphrases) => Some(passphrases.choose()?),
        Protection::None => None,
    };
    disk::make_private_dir(directory)?;
    let mut metadata = Root::new(1, expires);
    metadata.root.threshold = quorum.threshold;
    let mut outcomes = Vec::new();
    let mut root_keys: Vec<SigningKey> = Vec::new();
    for (role, path) in files {
        let key = keys::generate()?;
        keys::write(&path, &key, passphrase)?;
        metadata.grant(role, key.public());
        outcomes.push(Outcome::Made(path));
        if role == RoleName::Root {
            root_keys.push(key);
        }
    }
    let sign = |error| InitError::Sign(Box::new(error));
    metadata.check_thresholds().map_err(sign)?;
    let bytes = tuf::sign(&metadata, &root_keys.iter().collect::<Vec<_>>()).map_err(sign)?;
    disk::make_dirs(root.parent().unwrap_or(root))?;
    disk::write_new(root, &bytes, 0o644)?;
    outcomes.push(Outcome::Made(root.to_owned()));
    Ok(outcomes)
}

/// One file a role; where there are several root keys, each has a number, since each goes to somebody else.
fn files(directory: &Path, quorum: Quorum) -> Vec<(RoleName, PathBuf)> {
    let roots = (1..=quorum.keys).map(|number| match quorum.keys {
        1 => (RoleName::Root, keys::path(directory, RoleName::Root)),
        _ => (RoleName::Root, directory.join(format!("root-{number}.pem"))),
    });
    let others = [RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp];
    roots.chain(others.map(|role| (role, keys::path(directory, role)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template with its examples in force.
    fn uncommented() -> String {
        let setting =
            |line: &&str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let uncomment = |line: &'static str| line.strip_prefix("# ").filter(setting).unwrap_or(line);
        let lines: Vec<&str> = CONFIG.lines().map(uncomment).collect();
        lines.join("\n").replace("PRODUCT", "kkt")
    }

    #[test]
    fn every_example_in_the_template_is_legal() {
        let config: Config = toml::from_str(&uncommented()).unwrap();
        assert_eq!(config.to.len(), 2);
        assert_eq!(config.migrations.len(), 1);
        assert!(config.github.downloads.is_some());
        assert_eq!(config.application.health.checks.len(), 1);
        config.application.check().unwrap();
    }
}
