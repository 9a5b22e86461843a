//! SQLite.
use std::path::Path;
use manifest_schema::{migration::MigrationStep, path::{Name, ReleasePath}};
use super::{BackupRecord, BackupTag, Condition, LeftAside, Place, StoreError, VendorCommand};
/// An SQLite file.
pub struct Sqlite {}
fn stub<T>() -> Result<T, StoreError> { Err(StoreError::NotPossible { database: String::new(), reason: "stub".into() }) }
/// Runs the file's SQL on the database: in one transaction, or statement by statement.
///
/// # Errors
/// When a statement fails.
pub fn apply(_database: &Path, _file: &Path, _transaction: bool) -> Result<(), StoreError> { stub() }
impl Sqlite {
    pub(super) fn open(_: &Name, _: &ReleasePath, _: &Place<'_>) -> Self { Self {} }
    pub(super) fn examine(&self) -> Result<Condition, StoreError> { stub() }
    pub(super) fn backup(&self, _: &BackupTag, _: &Path) -> Result<BackupRecord, StoreError> { stub() }
    pub(super) fn discard(&self, _: &Path) -> Result<(), StoreError> { stub() }
    pub(super) fn restore(&self, _: &BackupRecord, _: &Path) -> Result<Option<LeftAside>, StoreError> { stub() }
    pub(super) fn forget_left(&self, _: &BackupTag) -> Result<(), StoreError> { stub() }
    pub(super) fn migration(&self, _: &MigrationStep, _: &Path, _: &Path) -> VendorCommand { VendorCommand { argv: vec![], env: vec![], directory: "/".into(), timeout: std::time::Duration::ZERO } }
    pub(super) fn environment(&self) -> Vec<(String, String)> { Vec::new() }
}
