//! `publish keys`: the verbs that make keys and change the root.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use manifest_schema::tuf::{Partial, PublicKey, RoleName, Root};

use super::signing::{self, Signing};
use super::{Checkout, Failure};
use crate::bundle::{Bundle, BundleError};
use crate::config::{self, Config};
use crate::disk;
use crate::keys::{self, named};
use crate::metadata::{self, MetadataError, Roots, Waiting};
use crate::rotation;
use crate::words;

mod list;
mod made;

use made::{Made, Making};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a key: a private file, and beside it the public half that is handed to whoever makes the root.
    Generate(Generate),
    /// Show which roles have which keys, how many must sign, which of them are here, and when the root expires.
    List(list::List),
    /// Replace a key of a role, or one of each of several roles, by a new one: after loss or theft, or by the calendar.
    Rotate(Rotate),
    /// Take a key's roles from it, without a replacement.
    Revoke(Revoke),
    /// Give a role another key, or another threshold.
    Add(Add),
    /// The same keys, signed for another year: before the root expires.
    Renew(Renew),
}

#[derive(Debug, Args)]
pub(super) struct Generate {
    /// The file to make. Without a directory in it, it comes into the directory of the keys.
    #[arg(value_name = "FILE.pem")]
    file: PathBuf,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    checkout: Checkout,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The roles whose keys are replaced.
    #[arg(required = true, value_name = "ROLE", value_enum)]
    roles: Vec<RoleWord>,
    /// The key that goes, by the beginning of its id, where the role has several.
    #[arg(long, value_name = "KEYID")]
    old: Option<String>,
    /// The new key, made by somebody else: ed25519:… or its .pub file. Without this one is made here.
    #[arg(long, value_name = "KEY")]
    public: Option<String>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The key, by the beginning of its id.
    #[arg(id = "KEYID", value_name = "KEYID")]
    key: String,
    /// How many keys must sign from now on, for each role that this key had.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    threshold: Option<u32>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The role that gets a key.
    #[arg(value_name = "ROLE", value_enum)]
    role: RoleWord,
    /// A key made by somebody else: ed25519:… or its .pub file; may be given several times. Without this one is made here.
    #[arg(long, value_name = "KEY")]
    public: Vec<String>,
    /// How many keys must sign from now on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    threshold: Option<u32>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(super) struct Renew {
    #[command(flatten)]
    change: Change,
}

/// What every change of the root has.
#[derive(Debug, Args)]
struct Change {
    /// Where others must sign as well: the file that is made, to be passed on to them.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    checkout: Checkout,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleWord {
    Root,
    Targets,
    Snapshot,
    Timestamp,
}

impl From<RoleWord> for RoleName {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Root => Self::Root,
            RoleWord::Targets => Self::Targets,
            RoleWord::Snapshot => Self::Snapshot,
            RoleWord::Timestamp => Self::Timestamp,
        }
    }
}

pub(super) fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Generate(generate) => self::generate(generate),
        Verb::List(list) => list::run(list),
        Verb::Rotate(rotate) => rotate.change.carry_out(|root, made| {
            for role in &rotate.roles {
                let role = RoleName::from(*role);
                // Of several roles, it is said for the one that has several keys.
                let is_for_it = rotate.roles.len() == 1 || root.role(role).key_ids.len() > 1;
                let old = rotation::key_of(root, role, rotate.old.as_deref().filter(|_| is_for_it))?;
                let new = rotate.public.as_deref().map_or_else(|| made.key(role), |text| Ok(named(text)?))?;
                rotation::replace(root, role, old, new)?;
            }
            Ok(())
        }),
        Verb::Revoke(revoke) => revoke.change.carry_out(|root, _| {
            let key = rotation::key(root, &revoke.key)?;
            for role in
                RoleName::ALL.into_iter().filter(|role| root.role(*role).key_ids.contains(&key)).collect::<Vec<_>>()
            {
                let threshold = revoke.threshold.unwrap_or(root.role(role).threshold);
                root.role_mut(role).threshold = threshold;
            }
            rotation::revoke(root, key);
            Ok(())
        }),
        Verb::Add(add) => add.change.carry_out(|root, made| {
            let role = RoleName::from(add.role);
            let new: Vec<PublicKey> = match add.public.as_slice() {
                [] => vec![made.key(role)?],
                public => public.iter().map(|text| named(text)).collect::<Result<_, _>>()?,
            };
            new.into_iter().try_for_each(|key| rotation::grant(root, role, key))?;
            root.role_mut(role).threshold = add.threshold.unwrap_or(root.role(role).threshold);
            Ok(())
        }),
        Verb::Renew(renew) => renew.change.carry_out(|_, _| Ok(())),
    }
}

fn generate(arguments: &Generate) -> Result<(), Failure> {
    let file = &arguments.file;
    let bare = file.parent().is_none_or(|parent| parent.as_os_str().is_empty());
    let path = if bare {
        let checkout = arguments.checkout.directory.as_path();
        arguments.signing.directory(checkout, &Config::read(checkout)?).join(file)
    } else {
        file.clone()
    };
    if path.extension().is_none_or(|extension| extension != "pem") {
        return Err(Failure::Usage(format!("{}: the file of a key ends in .pem", path.display())));
    }
    let key = keys::generate()?;
    let passphrase = arguments.making.passphrase(&arguments.signing)?;
    disk::make_private_dir(path.parent().unwrap_or(&path))?;
    keys::write(&path, &key, passphrase.as_ref().map(|it| it.as_str()))?;
    println!("made  {}", path.display());
    println!("made  {}, to be handed to whoever makes the root:", path.with_extension("pub").display());
    println!("\n{}\nid {}", keys::spell(&key.public()), key.public().id());
    Ok(())
}

impl Change {
    /// The next root: changed by `edit`, shown, signed by who is here, and put into the checkout or passed on.
    ///
    /// New keys are in their files before the root that names them exists anywhere.
    fn carry_out(&self, edit: impl FnOnce(&mut Root, &mut Made) -> Result<(), Failure>) -> Result<(), Failure> {
        let directory = self.checkout.directory.as_path();
        let config = Config::read(directory)?;
        let roots = Roots::read(&directory.join(config::ROOTS))?;
        let mut signers = self.signing.signers(directory, &config)?;
        if let Some(path) = self.bundle.as_ref().filter(|path| path.exists()) {
            return Err(BundleError::Exists(path.clone()).into());
        }
        let mut root = rotation::next(roots.newest(), metadata::days(super::now()?, config.expiry.root_days));
        let mut made = Made::new(signers.ring.directory().to_owned());
        edit(&mut root, &mut made)?;
        rotation::check(&root)?;
        made.hand_to(&mut signers.ring);
        let mut root = Partial::new(root).map_err(|error| MetadataError::Sign(Box::new(error)))?;
        let new = root.metadata().clone();
        signers.sign(&[roots.newest(), &new], &mut root)?;
        signing::show(&words::root(roots.newest(), &new));
        if let (Some(waiting), None) = (root_waiting(&roots, &root), &self.bundle) {
            return Err(Failure::Waiting(waiting));
        }
        made.write(&self.making, &self.signing)?;
        if let Some(bundle) = &self.bundle {
            Bundle::Root(root.clone()).write(bundle)?;
        }
        finish(directory, &roots, &root, self.bundle.as_deref())
    }
}

/// Who has still to sign a root: enough of the old root's keys, and enough of its own.
pub(super) fn root_waiting(roots: &Roots, root: &Partial<Root>) -> Option<Waiting> {
    [roots.newest(), root.metadata()].into_iter().find_map(|by| Waiting::of(by, root))
}

/// Puts a root that is signed by all who must into the checkout, or says whose signatures it lacks.
pub(super) fn finish(
    directory: &Path,
    roots: &Roots,
    root: &Partial<Root>,
    bundle: Option<&Path>,
) -> Result<(), Failure> {
    if let Some(waiting) = root_waiting(roots, root) {
        let path = bundle.unwrap_or(Path::new("it")).display();
        println!("\n{waiting}.\nPass {path} on: `publish sign {path}`.");
        return Ok(());
    }
    let path = metadata::install(&directory.join(config::ROOTS), roots, &root.file())?;
    println!("\nmade  {}", path.display());
    let (before, after) = (&roots.newest().targets, &root.metadata().targets);
    let suffices = before.key_ids.is_subset(&after.key_ids) && before.threshold >= after.threshold;
    let more = if suffices { "" } else { " --sign-targets" };
    println!(
        "Next: `publish refresh{more}`, so that clients learn of it; commit {}; and only then put the old keys away.",
        config::ROOTS
    );
    Ok(())
}
