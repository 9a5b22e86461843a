//! A draft is proved before anyone can see it: read back and judged as an agent will judge it.
//!
//! The same code decides as on a client's machine ([`TrustedRepository`]): from the first root up, timestamp, snapshot,
//! targets, and each target of this release under its name with the hash. The copy under the people's name is believed
//! to GitHub's digest, where GitHub has told one, since no agent reads it.

use std::collections::BTreeMap;

use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{Error, Expiry, RoleName, TargetPath, TrustedRepository};

use super::client::Client;
use super::download;
use super::shape::RemoteAsset;
use crate::progress::{Amount, Progress};
use crate::publication::{Asset, Publication, RepositoryError, TIMESTAMP};

/// Reads the assets of a draft and verifies them all.
///
/// # Errors
/// [`RepositoryError::NotVerified`] if an agent would refuse anything of it.
pub(super) async fn prove(
    client: &Client,
    publication: &Publication,
    present: &[RemoteAsset],
    progress: &mut dyn Progress,
) -> Result<(), RepositoryError> {
    let draft = Draft { client, present };
    let trusted = draft.metadata(&publication.metadata).await?;
    let to_read = draft.targets(publication, &trusted)?;
    let bytes = to_read.iter().map(|(asset, _)| asset.length).sum();
    progress.begin("verify the draft", Amount::Bytes(bytes));
    for (asset, remote) in to_read {
        draft.target(asset, remote, progress).await?;
    }
    progress.done();
    Ok(())
}

/// Reads the metadata of a draft that holds nothing else, and verifies it.
///
/// # Errors
/// [`RepositoryError::NotVerified`] if an agent would refuse any of it.
pub(super) async fn prove_metadata(
    client: &Client,
    metadata: &[Asset],
    present: &[RemoteAsset],
) -> Result<(), RepositoryError> {
    Draft { client, present }.metadata(metadata).await.map(drop)
}

struct Draft<'a> {
    client: &'a Client,
    present: &'a [RemoteAsset],
}

impl<'a> Draft<'a> {
    /// Goes the way of TUF 5.3 to 5.6. It begins with the first root, whose digest is known from here.
    async fn metadata(&self, metadata: &[Asset]) -> Result<TrustedRepository, RepositoryError> {
        let now = Expiry::Enforce(jiff::Timestamp::now());
        let roots = roots(metadata);
        let Some((_, first)) = roots.first_key_value() else {
            return Err(self.unproved("it has no root metadata".to_owned()));
        };
        let bytes = self.read(&first.name, RoleName::Root).await?;
        let trusted = TrustedRepository::from_root(&bytes, Some(&first.sha256));
        let mut trusted = trusted.map_err(|error| self.refused_by_agents(&first.name, &error))?;
        for root in roots.values().skip(1) {
            let bytes = self.read(&root.name, RoleName::Root).await?;
            self.accepted(&root.name, trusted.update_root(&bytes))?;
        }
        let bytes = self.read(TIMESTAMP, RoleName::Timestamp).await?;
        self.accepted(TIMESTAMP, trusted.update_timestamp(&bytes, now))?;
        for role in [RoleName::Snapshot, RoleName::Targets] {
            self.child(role, &mut trusted, now).await?;
        }
        Ok(trusted)
    }

    async fn child(&self, role: RoleName, trusted: &mut TrustedRepository, now: Expiry) -> Result<(), RepositoryError> {
        let snapshot = role == RoleName::Snapshot;
        let wanted = if snapshot { trusted.wanted_snapshot() } else { trusted.wanted_targets() };
        let wanted = wanted.ok_or_else(|| self.unproved(format!("nothing names the {role:?} metadata")))?;
        let name = role.file_name(wanted.version);
        let bytes = self.read(&name, role).await?;
        let outcome = match snapshot {
            true => trusted.update_snapshot(&bytes, now),
            false => trusted.update_targets(&bytes, now),
        };
        self.accepted(&name, outcome)
    }

    /// The files that have to be read: those that agents ask for, and those of which GitHub told no digest. An error if a
    /// signed target of this release is not there.
    fn targets<'p>(
        &self,
        publication: &'p Publication,
        trusted: &TrustedRepository,
    ) -> Result<Vec<(&'p Asset, &'a RemoteAsset)>, RepositoryError> {
        let signed = signed_names(publication, trusted);
        let mut to_read = Vec::new();
        for asset in &publication.targets {
            let remote = self.find(&asset.name)?;
            if signed.contains_key(&asset.name) || remote.digest.is_none() {
                to_read.push((asset, remote));
            }
        }
        for (name, sha256) in signed {
            let here = publication.targets.iter().find(|asset| asset.name == name);
            if here.is_none_or(|asset| asset.sha256 != sha256) {
                return Err(self.unproved(format!("{name} is signed but not part of the release")));
            }
        }
        Ok(to_read)
    }

    async fn target(
        &self,
        asset: &Asset,
        remote: &RemoteAsset,
        progress: &mut dyn Progress,
    ) -> Result<(), RepositoryError> {
        let measured = download::measure(self.client, remote, |by| progress.advance(by)).await?;
        if measured == (asset.length, asset.sha256) {
            return Ok(());
        }
        let (length, sha256) = measured;
        let name = &asset.name;
        Err(self.unproved(format!("{name} came back with {length} B and SHA-256 {sha256}")))
    }

    async fn read(&self, name: &str, role: RoleName) -> Result<Vec<u8>, RepositoryError> {
        download::content(self.client, self.find(name)?, role.cap()).await
    }

    fn find(&self, name: &str) -> Result<&'a RemoteAsset, RepositoryError> {
        let mut complete = self.present.iter().filter(|asset| asset.is_complete());
        let found = complete.find(|asset| asset.name == name);
        found.ok_or_else(|| self.unproved(format!("{name} is not there")))
    }

    fn accepted<T>(&self, name: &str, outcome: Result<T, Error>) -> Result<(), RepositoryError> {
        outcome.map(|_| ()).map_err(|error| self.refused_by_agents(name, &error))
    }

    fn refused_by_agents(&self, name: &str, error: &Error) -> RepositoryError {
        self.unproved(format!("agents would refuse {name}: {error}"))
    }

    fn unproved(&self, what: String) -> RepositoryError {
        RepositoryError::NotVerified { repository: self.client.name(), what }
    }
}

/// `N.root.json` by N.
fn roots(metadata: &[Asset]) -> BTreeMap<u64, &Asset> {
    let numbered = |asset: &'_ Asset| asset.name.strip_suffix(".root.json")?.parse().ok();
    metadata.iter().filter_map(|asset| Some((numbered(asset)?, asset))).collect()
}

/// The signed targets of this release, by the asset name under which agents ask for them.
fn signed_names(publication: &Publication, trusted: &TrustedRepository) -> BTreeMap<String, Sha256> {
    let directory = format!("v{}/", publication.version);
    let targets = trusted.targets().map(|targets| &targets.targets);
    let own = targets.into_iter().flatten().filter(|(path, _)| path.as_str().starts_with(&directory));
    own.map(|(path, target)| (asset_name(path, &target.sha256), target.sha256)).collect()
}

fn asset_name(path: &TargetPath, sha256: &Sha256) -> String {
    let hashed = path.hashed(sha256);
    hashed.rsplit('/').next().unwrap_or_default().to_owned()
}
