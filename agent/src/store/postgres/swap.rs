//! Puts another database under the live name, in one transaction, and keeps the one that was there.

use super::super::{BackupTag, LeftAside, StoreError};
use super::catalog::Catalog;
use super::names::{self, Role, identifier};

/// Gives `replacement` the name `live`, and what was live a name that says so. Both renamings happen or none
/// (`ALTER DATABASE … RENAME` is transactional).
pub(super) fn swap(catalog: &Catalog, live: &str, replacement: &str, tag: &BackupTag) -> Result<(), StoreError> {
    let databases = catalog.databases()?;
    let rename = |from: &str, to: &str| format!("ALTER DATABASE {} RENAME TO {};\n", identifier(from), identifier(to));
    let aside = if databases.contains_key(live) {
        let free =
            (1..).map(|number| names::beside(live, tag, Role::Left(number))).find(|name| !databases.contains_key(name));
        rename(live, &free.expect("numbers do not end"))
    } else {
        String::new()
    };
    let sql = format!("BEGIN;\n{aside}{}COMMIT;", rename(replacement, live));
    // The copy has no sessions but a stranger's; the live one's are ended each time before it is tried.
    catalog.end_sessions(replacement)?;
    catalog.without_sessions(live, "put the backup in the place of the database", &sql)
}

/// What restores of this tag left aside, the latest last.
pub(super) fn left(catalog: &Catalog, live: &str, tag: &BackupTag) -> Result<Vec<String>, StoreError> {
    let databases = catalog.databases()?;
    let names = (1..).map(|number| names::beside(live, tag, Role::Left(number)));
    Ok(names.take_while(|name| databases.contains_key(name)).collect())
}

/// The latest that was left aside, with its size.
pub(super) fn latest_left(catalog: &Catalog, live: &str, tag: &BackupTag) -> Result<Option<LeftAside>, StoreError> {
    let Some(name) = left(catalog, live, tag)?.pop() else { return Ok(None) };
    let size = catalog.size(&name)?;
    Ok(Some(LeftAside { name, size }))
}
