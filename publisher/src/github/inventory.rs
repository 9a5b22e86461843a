//! What is still to be done to a draft, from what it has. Pure: decides, touches nothing.

use std::collections::BTreeSet;

use super::shape::RemoteAsset;
use crate::publication::{Asset, Publication};

/// The differences between a draft and a publication.
#[derive(Debug, Default)]
pub(super) struct Inventory<'a> {
    /// To be removed first: leftovers of failed uploads, and metadata that an earlier, interrupted run signed.
    pub(super) remove: Vec<RemoteAsset>,
    /// To be uploaded, in this order.
    pub(super) upload: Vec<&'a Asset>,
    /// Targets that are there with other content. Nothing may be done then: these are two different releases.
    pub(super) conflicts: Vec<String>,
}

impl<'a> Inventory<'a> {
    /// Of a draft that nobody has seen yet: its metadata may be replaced, its targets may not. Assets that the
    /// publication does not know, a person's photograph for instance, stay.
    pub(super) fn of_draft(publication: &'a Publication, present: &[RemoteAsset]) -> Self {
        let mut inventory = Self::default();
        for asset in &publication.targets {
            inventory.take(asset, present, false);
        }
        inventory.take_metadata(&publication.metadata, present);
        let wanted: BTreeSet<&str> = publication.metadata.iter().map(|asset| asset.name.as_str()).collect();
        let stale = present.iter().filter(|asset| is_replaceable(&asset.name));
        let stale = stale.filter(|asset| !wanted.contains(asset.name.as_str()));
        inventory.remove.extend(stale.cloned());
        inventory
    }

    /// Of a published release that shall carry other metadata. The old versions stay for readers who
    /// have begun with them.
    pub(super) fn of_metadata(metadata: &'a [Asset], present: &[RemoteAsset]) -> Self {
        let mut inventory = Self::default();
        inventory.take_metadata(metadata, present);
        inventory
    }

    fn take_metadata(&mut self, metadata: &'a [Asset], present: &[RemoteAsset]) {
        for asset in metadata {
            self.take(asset, present, true);
        }
    }

    fn take(&mut self, asset: &'a Asset, present: &[RemoteAsset], replaceable: bool) {
        match present.iter().find(|remote| remote.name == asset.name) {
            Some(remote) if remote.is(asset) => {}
            Some(remote) if replaceable || !remote.is_complete() => {
                self.remove.push(remote.clone());
                self.upload.push(asset);
            }
            Some(remote) => self.conflicts.push(remote.name.clone()),
            None => self.upload.push(asset),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.remove.is_empty() && self.upload.is_empty() && self.conflicts.is_empty()
    }

    /// The bytes that are still to be sent.
    pub(super) fn bytes(&self) -> u64 {
        self.upload.iter().map(|asset| asset.length).sum()
    }
}

/// Metadata that is signed anew for every release. Roots are not: they are a chain, and each stays.
fn is_replaceable(name: &str) -> bool {
    let versioned = |suffix: &str| {
        let version = name.strip_suffix(suffix);
        version.is_some_and(|version| !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()))
    };
    versioned(".snapshot.json") || versioned(".targets.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use manifest_schema::digest::Sha256;

    fn asset(name: &str) -> Asset {
        Asset { name: name.to_owned(), file: name.into(), length: 5, sha256: Sha256::of(b"hello") }
    }

    fn remote(name: &str, state: &str, content: &[u8]) -> RemoteAsset {
        RemoteAsset {
            id: 1,
            name: name.to_owned(),
            state: state.to_owned(),
            size: content.len() as u64,
            digest: Some(format!("sha256:{}", Sha256::of(content))),
        }
    }

    fn publication() -> Publication {
        Publication {
            version: "1.0.0".parse().unwrap(),
            notes: String::new(),
            targets: vec![asset("app.tar.gz")],
            metadata: vec![asset("1.root.json"), asset("2.targets.json"), asset("timestamp.json")],
        }
    }

    fn names(assets: &[RemoteAsset]) -> Vec<&str> {
        assets.iter().map(|asset| asset.name.as_str()).collect()
    }

    #[test]
    fn an_empty_draft_gets_everything_and_the_timestamp_last() {
        let publication = publication();
        let inventory = Inventory::of_draft(&publication, &[]);
        let order: Vec<&str> = inventory.upload.iter().map(|asset| asset.name.as_str()).collect();
        assert_eq!(order, ["app.tar.gz", "1.root.json", "2.targets.json", "timestamp.json"]);
    }

    #[test]
    fn a_leftover_of_a_failed_upload_is_replaced_and_what_is_complete_is_kept() {
        let publication = publication();
        let present = [remote("app.tar.gz", "uploaded", b"hello"), remote("1.root.json", "starter", b"")];
        let inventory = Inventory::of_draft(&publication, &present);
        assert_eq!(names(&inventory.remove), ["1.root.json"]);
        assert_eq!(inventory.upload.len(), 3);
        assert!(inventory.conflicts.is_empty());
    }

    #[test]
    fn another_target_under_the_same_name_is_a_conflict() {
        let publication = publication();
        let present = [remote("app.tar.gz", "uploaded", b"other")];
        let inventory = Inventory::of_draft(&publication, &present);
        assert_eq!(inventory.conflicts, ["app.tar.gz"]);
        assert!(inventory.remove.is_empty());
    }

    #[test]
    fn metadata_of_an_interrupted_run_is_replaced_and_a_persons_file_stays() {
        let publication = publication();
        let present = [
            remote("timestamp.json", "uploaded", b"older"),
            remote("1.targets.json", "uploaded", b"older"),
            remote("photograph.jpg", "uploaded", b"cheese"),
        ];
        let inventory = Inventory::of_draft(&publication, &present);
        assert_eq!(names(&inventory.remove), ["timestamp.json", "1.targets.json"]);
    }
}
