//! `publish init`.

use super::{Failure, Init};
use crate::init::{self, Outcome, Protection, Quorum};
use crate::passphrase::Passphrases;

pub(super) fn run(arguments: &Init) -> Result<(), Failure> {
    let protection = if arguments.no_passphrase {
        Protection::None
    } else {
        Protection::Passphrase(Passphrases::new(arguments.passphrase.file()))
    };
    let quorum = Quorum { keys: arguments.root_keys, threshold: arguments.root_threshold };
    if quorum.threshold > quorum.keys {
        return Err(Failure::Usage(format!("{} of {} root keys can never sign", quorum.threshold, quorum.keys)));
    }
    let directory = &arguments.checkout.directory;
    let done = init::init(directory, arguments.product.clone(), protection, quorum, super::now()?)?;
    for outcome in &done.outcomes {
        match outcome {
            Outcome::Made(path) => println!("made  {}", path.display()),
            Outcome::Kept(path) => println!("kept  {} (it was there)", path.display()),
        }
    }
    println!("\nThe fingerprint that clients pin, of {}:\n{}", done.root.display(), done.fingerprint);
    println!(
        "\nNext: describe the application in publish.toml; commit publish.toml, .releaseignore, .gitignore and .surefoot/;\n\
         keep a copy of the keys where nobody else has access, and take the root keys offline. Then `publish v1.0.0 --dry-run`;\n\
         and once it is published, let a scheduled job run `publish refresh --if-due 7`."
    );
    Ok(())
}
