//! How much room is set aside before the stop, and where, so that running out inside the downtime is nearly impossible. Pure.
//!
//! Only what happens while the application is down is counted, and its way back. Where a database lies on a file system that
//! holds nothing of the agent's, nobody but its server can set anything aside there.

use manifest_schema::path::Name;
use serde::{Deserialize, Serialize};

use super::DatabaseBackup;
use crate::store::Way;

/// What a database needs room for, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Which database.
    pub database: Name,
    /// Its backup, where that will lie: on the server ([`Way::Clone`]) or in the agent's state ([`Way::Dump`]).
    pub backup: u64,
    /// A copy that is brought back from files, beside the live one.
    pub beside: u64,
    /// A dump of what is left, in the agent's state.
    pub aside: u64,
    /// Where the live one lies.
    pub lies: Option<Shelf>,
}

/// A file system of which the agent has a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shelf {
    /// That of the agent's state.
    State,
    /// That of the application's home.
    Home,
}

/// When the room is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Just before the databases are backed up.
    Backup,
    /// Just before another update's backup is brought back.
    Restore,
    /// Just before this update's own backup is brought back, or at the end.
    WayBack,
}

impl Purpose {
    /// The name of the file that holds the room.
    pub fn file(self) -> &'static str {
        match self {
            Self::Backup => "backup.reserve",
            Self::Restore => "restore.reserve",
            Self::WayBack => "way-back.reserve",
        }
    }

    /// After 'there is no room for'.
    pub fn words(self) -> &'static str {
        match self {
            Self::Backup => "the backup of the databases",
            Self::Restore => "bringing the databases back",
            Self::WayBack => "the way back, should it be needed",
        }
    }
}

/// Room that is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// For what.
    pub purpose: Purpose,
    /// Where.
    pub shelf: Shelf,
    /// Bytes.
    pub bytes: u64,
}

/// For an update that copies these databases while the application is down, and may have to bring them back.
pub fn of_update(still: &[DatabaseBackup], extents: &[Extent]) -> Vec<Reserve> {
    let mut sum = Sum::default();
    for (backup, extent) in known(still, extents) {
        sum.backup(backup.way, extent);
        sum.restore(Purpose::WayBack, backup.way, extent);
    }
    sum.0
}

/// For a rollback that copies these databases as they are, brings back what `held` says, and may have to return.
pub fn of_rollback(still: &[DatabaseBackup], held: &[DatabaseBackup], extents: &[Extent]) -> Vec<Reserve> {
    let mut sum = Sum(of_update(still, extents));
    for (backup, extent) in known(held, extents) {
        sum.restore(Purpose::Restore, backup.way, extent);
    }
    sum.0
}

fn known<'a>(
    backups: &'a [DatabaseBackup],
    extents: &'a [Extent],
) -> impl Iterator<Item = (&'a DatabaseBackup, &'a Extent)> {
    backups.iter().filter_map(|backup| {
        let extent = extents.iter().find(|extent| extent.database == backup.database)?;
        Some((backup, extent))
    })
}

/// One reserve for each purpose and place.
#[derive(Default)]
struct Sum(Vec<Reserve>);

impl Sum {
    fn backup(&mut self, way: Way, extent: &Extent) {
        let shelf = match way {
            Way::Dump => Some(Shelf::State),
            Way::Clone => extent.lies,
        };
        self.add(Purpose::Backup, shelf, extent.backup);
    }

    /// A copy on the server is brought back by renaming it.
    fn restore(&mut self, purpose: Purpose, way: Way, extent: &Extent) {
        match way {
            Way::Clone => {}
            Way::Dump => {
                self.add(purpose, extent.lies, extent.beside);
                self.add(purpose, Some(Shelf::State), extent.aside);
            }
        }
    }

    fn add(&mut self, purpose: Purpose, shelf: Option<Shelf>, bytes: u64) {
        let Some(shelf) = shelf.filter(|_| bytes > 0) else { return };
        match self.0.iter_mut().find(|reserve| (reserve.purpose, reserve.shelf) == (purpose, shelf)) {
            Some(reserve) => reserve.bytes = reserve.bytes.saturating_add(bytes),
            None => self.0.push(Reserve { purpose, shelf, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(database: &str, lies: Option<Shelf>) -> Extent {
        Extent { database: database.parse().unwrap(), backup: 100, beside: 10, aside: 1, lies }
    }

    fn by(way: Way, databases: &[&str]) -> Vec<DatabaseBackup> {
        databases.iter().map(|name| DatabaseBackup { database: name.parse().unwrap(), way }).collect()
    }

    /// Purpose, place, bytes.
    fn told(reserves: &[Reserve]) -> Vec<(Purpose, Shelf, u64)> {
        reserves.iter().map(|reserve| (reserve.purpose, reserve.shelf, reserve.bytes)).collect()
    }

    #[test]
    fn a_dump_needs_room_in_the_state_and_its_way_back_where_the_database_lies() {
        use Purpose::{Backup, WayBack};
        use Shelf::{Home, State};
        let of = |lies| told(&of_update(&by(Way::Dump, &["main"]), &[extent("main", lies)]));
        assert_eq!(of(Some(Home)), [(Backup, State, 100), (WayBack, Home, 10), (WayBack, State, 1)]);
        assert_eq!(of(Some(State)), [(Backup, State, 100), (WayBack, State, 11)]);
        assert_eq!(of(None), [(Backup, State, 100), (WayBack, State, 1)]);
    }

    #[test]
    fn a_copy_on_the_server_needs_room_there_and_none_on_the_way_back() {
        let of = |lies| told(&of_update(&by(Way::Clone, &["main"]), &[extent("main", lies)]));
        assert_eq!(of(Some(Shelf::State)), [(Purpose::Backup, Shelf::State, 100)]);
        assert_eq!(of(None), [], "nobody can set anything aside on a disk of the server's own");
    }

    #[test]
    fn all_databases_that_are_still_count_and_no_other() {
        let extents = ["main", "logs", "cache"].map(|name| extent(name, Some(Shelf::Home)));
        let reserves = of_update(&by(Way::Dump, &["main", "logs"]), &extents);
        assert_eq!(reserves[0], Reserve { purpose: Purpose::Backup, shelf: Shelf::State, bytes: 200 });
        assert_eq!(of_update(&[], &extents), []);
        assert_eq!(of_update(&by(Way::Dump, &["unknown"]), &extents), []);
    }

    #[test]
    fn a_rollback_needs_room_for_both_directions() {
        let extents = [extent("main", Some(Shelf::Home))];
        let (dump, copy) = (by(Way::Dump, &["main"]), by(Way::Clone, &["main"]));
        let home = |reserves: Vec<Reserve>| -> u64 {
            reserves.iter().filter(|reserve| reserve.shelf == Shelf::Home).map(|reserve| reserve.bytes).sum()
        };
        assert_eq!(home(of_rollback(&dump, &dump, &extents)), 20);
        assert_eq!(home(of_rollback(&dump, &copy, &extents)), 10);
        assert_eq!(home(of_rollback(&copy, &copy, &extents)), 100, "the copy itself");
    }
}
