//! A database by the vendor's commands.
use std::path::Path;
use manifest_schema::{migration::MigrationStep, path::Name};
use super::{BackupRecord, BackupTag, Condition, LeftAside, Place, RunVendor, StoreError, VendorCommand};
/// A database by the vendor's commands.
pub struct CommandStore<'a> { #[expect(dead_code)] run: &'a RunVendor<'a> }
fn stub<T>() -> Result<T, StoreError> { Err(StoreError::NotPossible { database: String::new(), reason: "stub".into() }) }
impl<'a> CommandStore<'a> {
    pub(super) fn open(_: &Name, _: &[String], _: &[String], _: u64, place: &Place<'a>) -> Self { Self { run: place.run } }
    pub(super) fn examine(&self) -> Condition { panic!() }
    pub(super) fn backup(&self, _: &BackupTag, _: &Path) -> Result<BackupRecord, StoreError> { stub() }
    pub(super) fn discard(&self, _: &Path) -> Result<(), StoreError> { stub() }
    pub(super) fn restore(&self, _: &BackupRecord, _: &Path) -> Result<Option<LeftAside>, StoreError> { stub() }
    pub(super) fn migration(&self, _: &MigrationStep, _: &Path, _: &Path) -> Result<VendorCommand, StoreError> { stub() }
}
