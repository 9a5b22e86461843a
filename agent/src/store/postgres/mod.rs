//! PostgreSQL.
use std::path::Path;
use manifest_schema::{migration::MigrationStep, path::Name, profile::Setting};
use serde::{Deserialize, Serialize};
use super::{BackupRecord, BackupTag, Condition, LeftAside, Place, StoreError, VendorCommand, Way};

/// The URL.
#[derive(Debug, thiserror::Error)]
#[error("it is not a URL")]
pub struct UrlError;
/// What a database has besides its contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {}
/// A PostgreSQL database.
pub struct Postgres {}
fn stub<T>() -> Result<T, StoreError> { Err(StoreError::NotPossible { database: String::new(), reason: "stub".into() }) }
impl Postgres {
    pub(super) fn open(_: &Name, _: &Setting, _: &Place<'_>) -> Result<Self, StoreError> { stub() }
    pub(super) fn examine(&self) -> Result<Condition, StoreError> { stub() }
    pub(super) fn prepare_backup(&self) -> Result<(), StoreError> { stub() }
    pub(super) fn backup(&self, _: &BackupTag, _: &Path, _: Way) -> Result<BackupRecord, StoreError> { stub() }
    pub(super) fn discard(&self, _: &BackupTag, _: &Path) -> Result<(), StoreError> { stub() }
    pub(super) fn restore(&self, _: &BackupRecord, _: &Path) -> Result<Option<LeftAside>, StoreError> { stub() }
    pub(super) fn forget_left(&self, _: &BackupTag, _: &Path) -> Result<(), StoreError> { stub() }
    pub(super) fn migration(&self, _: &MigrationStep, _: &Path, _: &Path) -> Result<VendorCommand, StoreError> { stub() }
    pub(super) fn environment(&self) -> Vec<(String, String)> { Vec::new() }
}
