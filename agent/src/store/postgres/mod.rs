//! PostgreSQL, by its own client programs.
//!
//! A backup is a copy on the same server where the agent may make one and there is room ([`clone`]), else a dump ([`dump`]). A restore makes
//! the replacement complete beside the live database and swaps the names in one transaction ([`swap`]); only where no database may be
//! made it replaces the contents in one transaction ([`inplace`]). Object ids, which no renaming changes, tell a later run how far
//! an earlier one came.

mod admin;
mod catalog;
mod clients;
mod clone;
mod dump;
mod facts;
mod inplace;
mod migrate;
mod names;
pub(crate) mod properties;
mod room;
mod session;
mod swap;
pub(crate) mod tally;
mod tools;
pub(crate) mod url;
mod verify;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use manifest_schema::path::Name;
use manifest_schema::profile::Setting;

pub use properties::{Grant, Privilege, Properties, SessionSetting};
pub use url::UrlError;

use self::catalog::Catalog;
use self::facts::Facts;
use self::names::Role;
use self::room::margin;
use self::session::Session;
use super::error::Keeping;
use super::record::verify_file;
use super::{
    Administration, Aside, BackupRecord, BackupTag, Condition, Held, LeftAside, Others, Place, StoreError, Way,
    env_file,
};
use crate::durable;

/// Largest database, in bytes, that is copied on a server whose room nobody can tell.
const LARGEST_UNSEEN: u64 = 1 << 30;

/// A PostgreSQL database of the application.
pub struct Postgres {
    /// Its name in the profile.
    name: Name,
    /// The key and the value by which the application finds it.
    setting: (String, String),
    application: Session,
    administration: Administration,
    /// The administrator's session, once it has been looked for.
    administrator: OnceCell<Option<Session>>,
}

impl Postgres {
    pub(super) fn open(name: &Name, setting: &Setting, place: &Place<'_>) -> Result<Self, StoreError> {
        let found = env_file::find(name, setting, place)?;
        let target = found.value.parse::<url::Target>().map_err(|source| StoreError::Url {
            database: name.clone(),
            path: found.path.clone(),
            key: setting.key.clone(),
            source,
        })?;
        let called = names::session(&target.database);
        Ok(Self {
            name: name.clone(),
            setting: (setting.key.clone(), found.value),
            application: Session { target: target.uncalled(), user: place.user.cloned(), called },
            administration: place.administration,
            administrator: OnceCell::new(),
        })
    }

    pub(super) fn elsewhere(&self) -> Vec<String> {
        self.application.target.elsewhere()
    }

    /// The live database's name on the server.
    fn live(&self) -> &str {
        &self.application.target.database
    }

    fn facts(&self) -> Result<Facts, StoreError> {
        facts::ask(&self.application)
    }

    fn administrator(&self) -> Result<Option<&Session>, StoreError> {
        if let Some(known) = self.administrator.get() {
            return Ok(known.as_ref());
        }
        let found = admin::session(&self.application, self.administration)?;
        Ok(self.administrator.get_or_init(|| found).as_ref())
    }

    /// The session that may make and rename databases, or why there is none.
    fn catalog(&self) -> Result<Result<Catalog, String>, StoreError> {
        if let Some(session) = self.administrator()? {
            return Ok(Ok(Catalog::open(session.clone())?));
        }
        if let Some(reason) = self.facts()?.why_no_own_power() {
            return Ok(Err(reason));
        }
        Ok(Ok(Catalog::open(self.application.clone())?))
    }

    pub(super) fn examine(&self) -> Result<Condition, StoreError> {
        let facts = self.facts()?;
        tools::for_server("pg_dump", facts.major())?;
        tools::for_server("pg_restore", facts.major())?;
        let catalog = self.catalog()?;
        let place = match &catalog {
            Ok(catalog) => room::place(catalog, self.live(), self.administration),
            Err(_) => None,
        };
        let room = place.as_deref().and_then(room::free);
        let why_not_clone = match &catalog {
            Err(reason) => Some(reason.clone()),
            Ok(_) => why_no_room(facts.size, room),
        };
        if why_not_clone.is_some()
            && let Some(reason) = facts.why_no_dump(catalog.is_err())
        {
            let both = format!("{reason}; and it cannot be copied: {}", why_not_clone.unwrap_or_default());
            return Err(StoreError::NotPossible { database: self.live().to_owned(), reason: both });
        }
        Ok(Condition {
            what: format!("PostgreSQL database {} at {}", self.live(), self.application.target.server()),
            version: facts.version,
            size: facts.size,
            way: if why_not_clone.is_none() { Way::Clone } else { Way::Dump },
            why_not_clone,
            room,
            needed: margin(facts.size),
            read_only: facts.read_only,
            clients: clients::lasting(self)?,
            place,
            beside: facts.size + facts.size / 10,
            aside: if catalog.is_err() { margin(facts.size) } else { 0 },
        })
    }

    pub(super) fn up_for(&self) -> Result<Duration, StoreError> {
        facts::up_for(&self.application)
    }

    pub(super) fn prepare_backup(&self) -> Result<(), StoreError> {
        let (session, from) = match self.administrator()? {
            Some(session) => (session, session.target.database.as_str()),
            None => (&self.application, self.live()),
        };
        match session.run(from, "make a checkpoint", "CHECKPOINT;", session::LONG) {
            // Only superusers and members of pg_checkpoint may; without it the copy makes its own and takes a little longer.
            Err(StoreError::Refused { code: Some(code), .. }) if code == "42501" => Ok(()),
            other => other.map(drop),
        }
    }

    pub(super) fn backup(
        &self,
        tag: &BackupTag,
        dir: &Path,
        way: Way,
        others: &Others<'_>,
    ) -> Result<BackupRecord, StoreError> {
        match way {
            Way::Dump => dump::backup(self, tag, dir, others),
            Way::Clone => {
                let catalog = self.catalog()?.map_err(|reason| self.not_possible(reason))?;
                clone::backup(self, &catalog, tag, others)
            }
        }
    }

    /// Whether the copy is there. The application's role may ask, which takes one process.
    pub(super) fn holds(&self, name: &str, oid: u32) -> Result<(), StoreError> {
        let sql = format!("SELECT count(*) FROM pg_database WHERE oid = {oid} AND datname = {};", names::literal(name));
        match self.application.ask(self.live(), "look for the backup", &sql)? {
            1_u32 => Ok(()),
            _ => Err(clone::gone(name)),
        }
    }

    pub(super) fn restore(
        &self,
        record: &BackupRecord,
        dir: &Path,
        aside: &Aside<'_>,
    ) -> Result<Option<LeftAside>, StoreError> {
        let tag = &record.tag;
        match &record.held {
            Held::Clone { name, oid } => {
                let catalog = self.catalog()?.map_err(|reason| self.not_possible(reason))?;
                clone::restore(self, &catalog, tag, *oid, name)
            }
            Held::Dump { file, sha256, oid, properties } => {
                let source = dump::Source { path: dir.join(file), sha256, oid: *oid, properties };
                match self.catalog()? {
                    Ok(catalog) => dump::restore_beside(self, &catalog, tag, &source),
                    Err(_) => inplace::restore(self, tag, &source, aside),
                }
            }
            Held::File { .. } | Held::Directory { .. } | Held::Nothing => {
                Err(self.not_possible("the backup is not one of a PostgreSQL database".to_owned()))
            }
        }
    }

    pub(super) fn verify(&self, record: &BackupRecord, dir: &Path) -> Result<(), StoreError> {
        match &record.held {
            Held::Clone { name, oid } => {
                let is_there = self.databases()?.values().any(|found| found == oid);
                if is_there { Ok(()) } else { Err(clone::gone(name)) }
            }
            Held::Dump { file, sha256, .. } => verify_file(&dir.join(file), sha256),
            Held::File { .. } | Held::Directory { .. } | Held::Nothing => {
                Err(self.not_possible("the backup is not one of a PostgreSQL database".to_owned()))
            }
        }
    }

    pub(super) fn databases(&self) -> Result<BTreeMap<String, u32>, StoreError> {
        let sql = "SELECT json_object_agg(datname, oid::bigint) FROM pg_database;";
        self.application.ask(self.live(), "list the databases", sql)
    }

    pub(super) fn discard(&self, tag: &BackupTag, dir: &Path) -> Result<(), StoreError> {
        let file = dir.join(dump::file_name(self));
        durable::remove_file(&durable::beside(&file, ".partial")).keeping(self.live())?;
        durable::remove_file(&file).keeping(self.live())?;
        // Without the right to make databases there is none of ours.
        let Ok(catalog) = self.catalog()? else { return Ok(()) };
        catalog.end_leftovers()?;
        catalog.drop_database(&names::beside(self.live(), tag, Role::Before))?;
        catalog.drop_database(&names::beside(self.live(), tag, Role::Restoring))
    }

    pub(super) fn left(&self, tag: &BackupTag, dir: &Path) -> Result<Option<LeftAside>, StoreError> {
        match self.catalog()? {
            Ok(catalog) => swap::latest_left(&catalog, self.live(), tag),
            Err(_) => inplace::left(self, tag, dir),
        }
    }

    pub(super) fn forget_left(&self, tag: &BackupTag, dir: &Path) -> Result<(), StoreError> {
        inplace::forget_left(self, tag, dir)?;
        let Ok(catalog) = self.catalog()? else { return Ok(()) };
        // From the last, so that the names of the others stay a row without gaps.
        for name in swap::left(&catalog, self.live(), tag)?.into_iter().rev() {
            catalog.drop_database(&name)?;
        }
        Ok(())
    }

    pub(super) fn left_name(&self, tag: &BackupTag, dir: &Path) -> Result<String, StoreError> {
        Ok(match self.catalog()? {
            Ok(_) => names::beside(self.live(), tag, Role::Left(1)),
            Err(_) => inplace::left_file(self, tag, dir).display().to_string(),
        })
    }

    pub(super) fn environment(&self) -> Vec<(String, String)> {
        vec![self.setting.clone()]
    }

    fn not_possible(&self, reason: String) -> StoreError {
        StoreError::NotPossible { database: self.live().to_owned(), reason }
    }
}

fn why_no_room(size: u64, room: Option<u64>) -> Option<String> {
    let needed = margin(size);
    match room {
        Some(room) if room < needed => Some(format!("a copy needs {needed} bytes on the server, {room} are free")),
        None if size > LARGEST_UNSEEN => Some("nobody can tell whether the server has room for a copy".to_owned()),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests;
