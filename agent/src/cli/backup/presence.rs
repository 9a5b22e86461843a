//! Whether what the records say was kept is still there. Files are looked at; a server is asked with the application's own
//! rights, which only root can take on. Where nobody could look, that is said.

use std::collections::BTreeMap;
use std::path::Path;

use manifest_schema::path::Name;
use serde::Serialize;

use crate::exit::chain;
use crate::journal::Journal;
use crate::layout::{AppLayout, InstanceLayout};
use crate::plan::Plan;
use crate::store::{BackupRecord, Held};
use crate::update::with_store;
use crate::worker;

/// Where something is that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "presence", rename_all = "snake_case")]
pub(super) enum Presence {
    /// Where it was put.
    There,
    /// It was brought back and is the live database now.
    Live,
    /// Somebody else than the agent has removed it.
    Gone,
    /// Nobody could look.
    Unknown { why: String },
}

/// The databases of a server by name, each with its object id.
type Databases = BTreeMap<String, u32>;

/// Servers that were asked, each once.
pub(super) struct Servers<'a> {
    here: &'a InstanceLayout,
    asked: BTreeMap<Name, Result<Databases, String>>,
}

impl<'a> Servers<'a> {
    pub(super) fn new(here: &'a InstanceLayout) -> Self {
        Self { here, asked: BTreeMap::new() }
    }

    /// Looks for a backup of a database.
    pub(super) fn backup(&mut self, journal: Option<&Journal>, record: &BackupRecord, directory: &Path) -> Presence {
        match &record.held {
            Held::Clone { oid, .. } => match self.databases(journal, &record.database) {
                Ok(databases) => copy(databases, *oid),
                Err(why) => Presence::Unknown { why: why.clone() },
            },
            Held::Dump { file, .. } | Held::File { file, .. } => of_path(&directory.join(file)),
            Held::Directory { name, .. } => of_path(&directory.join(name)),
            Held::Nothing => Presence::There,
        }
    }

    /// Looks for what a rollback left aside: a file by its path, or a database by its name.
    pub(super) fn left(&mut self, journal: &Journal, database: &Name, name: &str) -> Presence {
        if name.starts_with('/') {
            return of_path(Path::new(name));
        }
        match self.databases(Some(journal), database) {
            Ok(databases) if databases.contains_key(name) => Presence::There,
            Ok(_) => Presence::Gone,
            Err(why) => Presence::Unknown { why: why.clone() },
        }
    }

    fn databases(&mut self, journal: Option<&Journal>, database: &Name) -> &Result<Databases, String> {
        let here = self.here;
        self.asked.entry(database.clone()).or_insert_with(|| match journal {
            Some(journal) => ask(here, journal.plan(), database),
            None => Err("the update's journal is not there".to_owned()),
        })
    }
}

fn ask(here: &InstanceLayout, plan: &Plan, name: &Name) -> Result<Databases, String> {
    let sides = std::iter::once(&plan.to).chain(&plan.from);
    let database = sides.filter_map(|side| side.profile.database(name)).next();
    let database = database.ok_or("the release's profile does not name the database")?;
    let app = AppLayout::new(&plan.instance.directory);
    let vendor = worker::vendor(&plan.instance, here);
    let databases = with_store(database, &vendor, &app, |store| store.databases()).map_err(|error| chain(&error))?;
    databases.ok_or_else(|| "the database has no server".to_owned())
}

/// A copy keeps its object id when it is renamed, which is how it is brought back.
fn copy(databases: &Databases, oid: u32) -> Presence {
    match databases.iter().find(|(_, found)| **found == oid) {
        Some((name, _)) if name.contains("_sf") && name.ends_with("_before") => Presence::There,
        Some(_) => Presence::Live,
        None => Presence::Gone,
    }
}

fn of_path(path: &Path) -> Presence {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Presence::There,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Presence::Gone,
        Err(error) => Presence::Unknown { why: format!("{}: {error}", path.display()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_there_or_was_brought_back_or_is_gone() {
        let databases = BTreeMap::from([("kkt".to_owned(), 7), ("kkt_sf0002_before".to_owned(), 8)]);
        assert_eq!(copy(&databases, 8), Presence::There);
        assert_eq!(copy(&databases, 7), Presence::Live);
        assert_eq!(copy(&databases, 9), Presence::Gone);
    }

    #[test]
    fn a_file_that_nobody_may_look_for_is_not_called_gone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("main.sqlite");
        crate::durable::write_atomic(&file, b"x", 0o600).unwrap();
        assert_eq!(of_path(&file), Presence::There);
        assert_eq!(of_path(&dir.path().join("other")), Presence::Gone);
        assert!(matches!(of_path(&file.join("below")), Presence::Unknown { .. }), "a file has nothing below it");
    }
}
