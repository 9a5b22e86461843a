//! `publish init`.

use super::{Failure, Init};
use crate::init::{self, Outcome, Protection};
use crate::passphrase::Passphrases;

pub(super) fn run(arguments: &Init) -> Result<(), Failure> {
    let protection = if arguments.no_passphrase {
        Protection::None
    } else {
        Protection::Passphrase(Passphrases::new(arguments.passphrase.file()))
    };
    let done = init::init(&arguments.checkout.directory, arguments.product.clone(), protection, super::now()?)?;
    for outcome in &done.outcomes {
        match outcome {
            Outcome::Made(path) => println!("made  {}", path.display()),
            Outcome::Kept(path) => println!("kept  {} (it was there)", path.display()),
        }
    }
    println!("\nThe fingerprint that clients pin, of {}:\n{}", done.root.display(), done.fingerprint);
    println!(
        "\nNext: describe the application in publish.toml; commit publish.toml, .releaseignore, .gitignore and .surefoot/;\n\
         keep a copy of the keys where nobody else has access, and take the root key offline. Then `publish v1.0.0 --dry-run`."
    );
    Ok(())
}
