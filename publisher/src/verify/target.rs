//! One target against what is signed of it: its length and its hash, under each of its names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use manifest_schema::digest::Hasher;
use manifest_schema::manifest;
use manifest_schema::tuf::{TargetDescription, TargetPath};

use super::finding::Finding;
use super::source::{Source, SourceError};
use crate::disk::failed;

/// Everything that is wrong with the target.
pub(super) fn check(
    source: &mut dyn Source,
    path: &TargetPath,
    signed: &TargetDescription,
) -> Result<Vec<Finding>, SourceError> {
    let mut names = vec![path.hashed(&signed.sha256)];
    if source.reads_twice() {
        names.push(path.to_string());
    }
    let mut findings = Vec::new();
    for name in names {
        findings.extend(check_one(source, &name, signed)?);
    }
    Ok(findings)
}

fn check_one(source: &mut dyn Source, path: &str, signed: &TargetDescription) -> Result<Option<Finding>, SourceError> {
    let Some(file) = open(source, path, signed.length)? else {
        return Ok(Some(Finding::Missing(path.to_owned())));
    };
    let mut hasher = Hasher::new();
    let found = io::copy(&mut file.take(signed.length + 1), &mut hasher).map_err(failed("read", Path::new(path)))?;
    if found != signed.length {
        return Ok(Some(Finding::Length { path: path.to_owned(), found, signed: signed.length }));
    }
    Ok((hasher.finish() != signed.sha256).then(|| Finding::Content(path.to_owned())))
}

/// A file that is too long is opened as well: its length is then what is wrong with it.
fn open(source: &mut dyn Source, path: &str, length: u64) -> Result<Option<File>, SourceError> {
    source.target(path, length + 1)
}

/// The file of a target under its name with the hash.
pub(super) fn file(
    source: &mut dyn Source,
    path: &TargetPath,
    signed: &TargetDescription,
) -> Result<Option<File>, SourceError> {
    open(source, &path.hashed(&signed.sha256), signed.length)
}

/// The bytes of a small target; none where it is missing.
pub(super) fn bytes(
    source: &mut dyn Source,
    path: &TargetPath,
    signed: &TargetDescription,
) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    if let Some(file) = file(source, path, signed)? {
        file.take(manifest::LARGEST + 1).read_to_end(&mut bytes).map_err(failed("read", Path::new(path.as_str())))?;
    }
    Ok(bytes)
}
