//! What a manifest must be beyond its types: whole, without contradiction, and safe to unpack.

use std::collections::{BTreeMap, BTreeSet};

use super::{Artifact, BLOCK_SIZE, Manifest, SCHEMA};
use crate::path::ReleasePath;
use crate::profile::{CheckKind, DatabaseKind, KeptType, Profile};
use crate::strict::StrictError;

/// Most files of a release. A million empty files are an attack on the client's inodes, not a release.
const MOST_FILES: usize = 500_000;

/// Why bytes are not a manifest to act on.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not strict JSON, or not of the manifest's shape.
    #[error("the manifest cannot be read")]
    Unreadable(#[from] StrictError),
    /// Written for a newer agent.
    #[error("the manifest has schema {0}, this program knows schema {SCHEMA}: update surefoot first")]
    Schema(u32),
    /// It contradicts itself or names what is not there.
    #[error("the manifest is not sound: {0}")]
    Unsound(String),
}

impl Manifest {
    /// Checks all that the types cannot say.
    ///
    /// # Errors
    /// With the first contradiction that is found.
    pub fn check(&self) -> Result<(), ManifestError> {
        if self.schema != SCHEMA {
            return Err(ManifestError::Schema(self.schema));
        }
        self.check_files()?;
        self.check_artifacts()?;
        self.check_migrations()?;
        self.check_profile()
    }

    fn check_files(&self) -> Result<(), ManifestError> {
        require(self.files.len() <= MOST_FILES, || format!("{} files are more than {MOST_FILES}", self.files.len()))?;
        let size = self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size));
        require(size == Some(self.unpacked_size), || {
            format!("its files do not add up to its unpacked size of {} bytes", self.unpacked_size)
        })?;
        check_distinct(self.files.iter().map(|file| &file.path))?;
        for file in &self.files {
            require(self.application.kept(&file.path).is_none(), || {
                format!("its file {} would overwrite what survives an update", file.path)
            })?;
        }
        Ok(())
    }

    fn check_artifacts(&self) -> Result<(), ManifestError> {
        require(!self.artifacts.is_empty(), || "it has no artifact".to_owned())?;
        self.artifacts.iter().try_for_each(|artifact| {
            check_file_name(&artifact.name)?;
            require(artifact.length > 0, || format!("artifact {} is empty", artifact.name))?;
            require(artifact.blocks.len() as u64 == blocks_of(artifact), || {
                format!(
                    "artifact {} has {} block hashes for {} bytes",
                    artifact.name,
                    artifact.blocks.len(),
                    artifact.length
                )
            })
        })
    }

    fn check_migrations(&self) -> Result<(), ManifestError> {
        let files: BTreeSet<&ReleasePath> = self.files.iter().map(|file| &file.path).collect();
        for step in &self.migration_steps {
            require(files.contains(&step.file), || format!("migration file {} is not in the release", step.file))?;
            require(step.version <= self.version, || {
                format!("migration {} belongs to the later release {}", step.file, step.version)
            })?;
            require(self.application.database(&step.database).is_some(), || {
                format!(
                    "migration {} names the database {:?}, which the profile does not have",
                    step.file,
                    step.database.as_str()
                )
            })?;
        }
        require(self.migration_steps.is_sorted_by_key(|step| &step.version), || {
            "its migration steps are not in the order of their releases".to_owned()
        })?;
        let introduces = self.migration_steps.iter().any(|step| step.version == self.version);
        require(introduces == self.database_migration, || {
            "database_migration does not agree with migration_steps".to_owned()
        })
    }

    fn check_profile(&self) -> Result<(), ManifestError> {
        self.application.check().map_err(ManifestError::Unsound)
    }
}

impl Profile {
    /// Checks all that the types cannot say, for the publisher before anything is packed.
    ///
    /// # Errors
    /// With the first contradiction that is found, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        distinct_names("service", self.services.iter().map(|service| service.name.as_str()))?;
        distinct_names("database", self.databases.iter().map(|database| database.name.as_str()))?;
        distinct_names("health check", self.health.checks.iter().map(|check| check.name.as_str()))?;
        distinct_names("surviving path", self.keep.iter().map(|kept| kept.path.as_str()))?;
        for kept in &self.keep {
            if self.keep.iter().any(|other| other != kept && kept.path.is_within(&other.path)) {
                return Err(format!("surviving path {} lies within another one", kept.path));
            }
        }
        self.check_sqlite()?;
        self.check_probes()
    }

    /// Beside its file SQLite keeps a journal, so the whole directory must be the application's and survive.
    fn check_sqlite(&self) -> Result<(), String> {
        for database in &self.databases {
            let DatabaseKind::Sqlite { path } = &database.kind else { continue };
            match self.kept(path) {
                Some(kept) if kept.kind == KeptType::Directory => {}
                Some(_) | None => {
                    return Err(format!(
                        "the SQLite file {path} lies in no surviving directory: an update would lose it"
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_probes(&self) -> Result<(), String> {
        for check in &self.health.checks {
            if let CheckKind::Http { url, .. } = &check.kind
                && !is_on_this_machine(url)
            {
                return Err(format!("health check {} asks {url}, which is not on this machine", check.name));
            }
        }
        if self.health.interval_seconds == 0 || self.health.failures == 0 {
            return Err("health: interval_seconds and failures must be at least 1".to_owned());
        }
        Ok(())
    }
}

/// Whether a URL is plain HTTP to loopback: host, perhaps a port, then a path, and no user in between.
fn is_on_this_machine(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| match authority.strip_prefix(host) {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
}

fn distinct_names<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("{what} {name} is named twice"));
        }
    }
    Ok(())
}

/// No path twice, not even but for case (the application may be developed on a file system that folds it), and no
/// path that is another one's directory.
fn check_distinct<'a>(paths: impl Iterator<Item = &'a ReleasePath>) -> Result<(), ManifestError> {
    let mut seen: BTreeMap<String, &ReleasePath> = BTreeMap::new();
    for path in paths {
        if let Some(other) = seen.insert(path.as_str().to_lowercase(), path) {
            return Err(ManifestError::Unsound(format!("its files {other} and {path} share one path")));
        }
    }
    for (folded, path) in &seen {
        let parents = folded.match_indices('/').map(|(end, _)| &folded[..end]);
        for parent in parents {
            require(!seen.contains_key(parent), || format!("{path} lies below a file"))?;
        }
    }
    Ok(())
}

/// What a forge keeps unchanged: see GitHub's renaming of asset names.
fn check_file_name(name: &str) -> Result<(), ManifestError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let sound = name.len() <= 128 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(legal);
    require(sound, || format!("{name:?} is not a legal name of an artifact"))
}

fn blocks_of(artifact: &Artifact) -> u64 {
    artifact.length.div_ceil(BLOCK_SIZE)
}

fn require(sound: bool, otherwise: impl FnOnce() -> String) -> Result<(), ManifestError> {
    if sound { Ok(()) } else { Err(ManifestError::Unsound(otherwise())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_stays_on_this_machine() {
        for url in ["http://127.0.0.1", "http://localhost:8000/health", "http://[::1]:8000/x?y", "http://127.0.0.1/"] {
            assert!(is_on_this_machine(url), "{url}");
        }
        for url in [
            "https://127.0.0.1/",
            "http://127.0.0.1:80@evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost:@evil.example",
            "http://10.0.0.1/",
            "ftp://localhost",
            "http://localhost:70000/",
        ] {
            assert!(!is_on_this_machine(url), "{url}");
        }
    }
}
