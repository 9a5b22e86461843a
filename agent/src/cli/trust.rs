//! `surefoot trust show`: whose signatures this machine believes, which metadata it has seen, and until when that is good.

mod reset;

use jiff::Timestamp;
use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{KeyId, PublicKey, RoleName};
use serde::Serialize;

pub(super) use reset::{Reset, run as reset};

use super::table::Table;
use super::{Format, Which, instances, print, words};
use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::trust::{Trust, TrustError};

/// What an instance trusts.
#[derive(Debug, Serialize)]
struct Shown {
    instance: String,
    /// SHA-256 of the root that is followed.
    fingerprint: Sha256,
    roles: Vec<Shows>,
    /// The first moment at which nothing is installed any more, unless newer metadata comes.
    expires: Option<Timestamp>,
    stale: bool,
    /// What was stored and counts for nothing.
    left_out: Vec<String>,
}

/// One role.
#[derive(Debug, Serialize)]
struct Shows {
    role: RoleName,
    /// Nothing where none was seen yet.
    version: Option<u64>,
    expires: Option<Timestamp>,
    threshold: u32,
    keys: Vec<Key>,
}

/// A key that may sign for a role.
#[derive(Debug, Serialize)]
struct Key {
    id: KeyId,
    public: Option<PublicKey>,
}

pub(super) fn show(layout: &Layout, which: &Which, format: Format) -> Result<Exit, Failure> {
    let settings = instances::settings(layout, which)?;
    let shown = shown(layout, &settings, Timestamp::now())?;
    if format.json {
        print::json(&shown)?;
    } else {
        print::text(&tell(&shown, print::Screen::of_stdout().width))?;
    }
    Ok(if shown.stale { Exit::Stale } else { Exit::Ok })
}

fn shown(layout: &Layout, settings: &Settings, now: Timestamp) -> Result<Shown, Failure> {
    let trust = load(layout, settings)?;
    let roles = RoleName::ALL.map(|role| shows(&trust, role));
    Ok(Shown {
        instance: settings.instance.name.to_string(),
        fingerprint: trust.fingerprint(),
        roles: roles.into(),
        expires: trust.expires(),
        stale: trust.is_stale(now),
        left_out: trust.left_out().to_vec(),
    })
}

fn load(layout: &Layout, settings: &Settings) -> Result<Trust, Failure> {
    let failed = |error: TrustError| Failure::of(error.exit(), &error);
    Trust::load(settings, &layout.instance(&settings.instance.name).trust()).map_err(failed)
}

fn shows(trust: &Trust, role: RoleName) -> Shows {
    let root = trust.repository().root();
    let granted = root.role(role);
    let known = trust.repository().known(role);
    let key = |id: &KeyId| Key { id: *id, public: root.keys.get(id).copied() };
    Shows {
        role,
        version: known.map(|(version, _)| version),
        expires: known.map(|(_, expires)| expires),
        threshold: granted.threshold,
        keys: granted.key_ids.iter().map(key).collect(),
    }
}

fn tell(shown: &Shown, width: usize) -> String {
    let mut table = Table::new(["ROLE", "VERSION", "GOOD UNTIL", "SIGNED BY"]);
    for role in &shown.roles {
        table.row([
            role.role.to_string(),
            role.version.map_or_else(|| "none yet".to_owned(), |version| version.to_string()),
            role.expires.map_or_else(|| "…".to_owned(), words::moment),
            signers(role),
        ]);
    }
    let mut text = table.render(width);
    text += &format!("\nfingerprint of the root\n  {}\n", shown.fingerprint);
    if shown.stale {
        text += &words::wrap("", "STALE: nothing is installed until the vendor renews the metadata", width);
        text.push('\n');
    }
    for reason in &shown.left_out {
        text += &words::wrap("", reason, width);
        text.push('\n');
    }
    text
}

/// `2 of 1a2b3c4d, 5e6f7a8b, 9c0d1e2f`: as much of an id as people compare.
fn signers(role: &Shows) -> String {
    let short = |key: &Key| key.id.to_string()[..8].to_owned();
    let keys: Vec<String> = role.keys.iter().map(short).collect();
    format!("{} of {}", role.threshold, keys.join(", "))
}
