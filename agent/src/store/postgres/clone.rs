//! The backup as a copy on the same server: made in a moment, brought back by renaming.

use super::super::record::{BackupRecord, BackupTag, Held};
use super::super::{LeftAside, Others, StoreError};
use super::catalog::{Catalog, passed};
use super::clients::Stillness;
use super::names::{self, Role, identifier};
use super::{Postgres, clients, properties, swap, verify};

/// Makes the copy; a left-over one is replaced.
pub(super) fn backup(
    store: &Postgres,
    catalog: &Catalog,
    tag: &BackupTag,
    others: &Others<'_>,
) -> Result<BackupRecord, StoreError> {
    let live = store.live();
    let name = names::beside(live, tag, Role::Before);
    catalog.end_leftovers()?;
    catalog.drop_database(&name)?;
    let stillness = match others {
        // A copy needs the database without sessions.
        Others::Stay => return Err(store.not_possible("it cannot be copied while it is in use".to_owned())),
        Others::Leave(farewell) => clients::send_away(store, catalog, farewell)?,
    };
    let wanted = properties::read(&catalog.session, &catalog.from, live)?;
    // Copying files needs no room in the write-ahead log and is the faster way once a checkpoint has been made (manual, CREATE DATABASE).
    let strategy = if catalog.version >= 150_000 { " STRATEGY FILE_COPY" } else { "" };
    let owner = identifier(&wanted.owner);
    let sql = format!("CREATE DATABASE {} OWNER {owner} TEMPLATE {}{strategy};", identifier(&name), identifier(live));
    let act = "copy the database on the server";
    match stillness {
        Stillness::Reached => catalog.with_nobody_seen(live, act, &sql)?,
        Stillness::SessionsAreLeft => catalog.without_sessions(live, act, &sql)?,
    }
    properties::apply(&catalog.session, &catalog.from, &name, &wanted)?;
    passed("set the properties of the copy")?;
    let contents = Some(verify::copy(store, &name)?);
    let (oid, size) = catalog.look_up(&name)?.ok_or_else(|| gone(&name))?;
    let held = Held::Clone { name, oid };
    Ok(BackupRecord { database: store.name.clone(), tag: tag.clone(), size, contents, held })
}

/// Brings the copy back. Its object id says whether that has happened already.
pub(super) fn restore(
    store: &Postgres,
    catalog: &Catalog,
    tag: &BackupTag,
    oid: u32,
    name: &str,
) -> Result<Option<LeftAside>, StoreError> {
    catalog.end_leftovers()?;
    let databases = catalog.databases()?;
    if databases.get(store.live()) != Some(&oid) {
        let (copy, _) = databases.iter().find(|(_, found)| **found == oid).ok_or_else(|| gone(name))?;
        swap::swap(catalog, store.live(), copy, tag)?;
    }
    swap::latest_left(catalog, store.live(), tag)
}

pub(super) fn gone(name: &str) -> StoreError {
    StoreError::NotPossible { database: name.to_owned(), reason: "the backup is not on the server any more".to_owned() }
}
