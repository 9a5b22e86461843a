//! `publish keys list`.

use clap::Args;
use manifest_schema::tuf::{RoleName, Root};
use serde::Serialize;

use crate::cli::signing::Signing;
use crate::cli::{Checkout, Failure};
use crate::config::{self, Config, Expiry};
use crate::keys::{self, Keyring};
use crate::metadata::Roots;
use crate::sign::keys_of;
use crate::words;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    checkout: Checkout,
}

#[derive(Serialize)]
struct Listed {
    root_version: u64,
    root_expires: jiff::Timestamp,
    roles: Vec<ListedRole>,
    other_files: Vec<String>,
}

#[derive(Serialize)]
struct ListedRole {
    role: RoleName,
    threshold: u32,
    valid_for_days: u16,
    keys: Vec<ListedKey>,
}

#[derive(Serialize)]
struct ListedKey {
    id: String,
    public: String,
    /// The file here that says it holds the key.
    file: Option<String>,
}

pub(in crate::cli) fn run(arguments: &List) -> Result<(), Failure> {
    let directory = arguments.checkout.directory.as_path();
    let config = Config::read(directory)?;
    let roots = Roots::read(&directory.join(config::ROOTS))?;
    let signers = arguments.signing.signers(directory, &config)?;
    let listed = listed(roots.newest(), &signers.ring, config.expiry);
    if arguments.json {
        let text = serde_json::to_string_pretty(&listed).expect("it has text keys only");
        println!("{text}");
    } else {
        print(&listed);
    }
    Ok(())
}

fn listed(root: &Root, ring: &Keyring, expiry: Expiry) -> Listed {
    let file = |held: &keys::Held| held.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let role = |role: RoleName| ListedRole {
        role,
        threshold: root.role(role).threshold,
        valid_for_days: expiry.of(role),
        keys: keys_of(root, role)
            .into_iter()
            .map(|(id, public)| ListedKey {
                id: id.to_string(),
                public: keys::spell(&public),
                file: ring.holds(id).map(file),
            })
            .collect(),
    };
    let in_root = |held: &&keys::Held| held.public.is_some_and(|public| root.keys.contains_key(&public.id()));
    Listed {
        root_version: root.version,
        root_expires: root.expires,
        roles: RoleName::ALL.map(role).into(),
        other_files: ring.files().iter().filter(|held| !in_root(held)).map(file).collect(),
    }
}

fn print(listed: &Listed) {
    println!("root version {}, expires {}\n", listed.root_version, words::day(listed.root_expires));
    println!("{:<10} {:<7} {:>5}  {:<16}  HERE", "ROLE", "SIGN", "DAYS", "KEY");
    for role in &listed.roles {
        let quorum = format!("{} of {}", role.threshold, role.keys.len());
        for (index, key) in role.keys.iter().enumerate() {
            let file = key.file.as_deref().unwrap_or("-");
            let head = match index {
                0 => format!("{:<10} {quorum:<7} {:>5}", role.role, role.valid_for_days),
                _ => " ".repeat(24),
            };
            println!("{head}  {:<16}  {file:.35}", &key.id[..16]);
        }
    }
    if !listed.other_files.is_empty() {
        println!("\nOther files here, of keys without a role or without a .pub that says which:");
        listed.other_files.iter().for_each(|file| println!("  {file}"));
    }
}
