//! What the stand-in remembers: repositories, their releases, and the assets of these.
//!
//! Follows GitHub's rules for releases ("REST API endpoints for releases" and "Immutable
//! releases" in its documentation). Knows nothing of HTTP, of permissions or of JSON;
//! a rule that is broken is a [`Refusal`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;

use super::refusal::Refusal;

/// All that one stand-in holds, by `owner/name`.
#[derive(Default)]
pub(crate) struct Memory {
    repositories: BTreeMap<String, Repository>,
    last_id: u64,
}

/// One repository, as far as releases go.
#[derive(Default)]
pub(crate) struct Repository {
    pub(crate) private: bool,
    pub(crate) immutable_releases: bool,
    /// Tags that the vendor has made and not pushed. All others are there.
    pub(crate) unpushed: BTreeSet<String>,
    /// Newest last. Several drafts may bear one tag; at most one published release does.
    pub(crate) releases: Vec<Release>,
    /// The release that `make_latest` chose, if any still stands.
    chosen_latest: Option<u64>,
}

/// A release as it is stored.
#[derive(Debug, Clone)]
pub struct Release {
    /// GitHub's number for it.
    pub id: u64,
    /// The tag's name; the tag itself exists only once the release is published.
    pub tag: String,
    /// Branch or commit that the tag is made from.
    pub target: String,
    /// The title.
    pub name: Option<String>,
    /// The notes, in Markdown.
    pub body: Option<String>,
    /// Not published: nobody without write permission sees it.
    pub draft: bool,
    /// Never 'latest'.
    pub prerelease: bool,
    /// Its assets and tag can no longer change.
    pub immutable: bool,
    /// The commit's date on GitHub; here the time of creation.
    pub created_at: Timestamp,
    /// When it stopped being a draft.
    pub published_at: Option<Timestamp>,
    /// In the order of their uploads.
    pub assets: Vec<Asset>,
}

/// A file attached to a release.
#[derive(Debug, Clone)]
pub struct Asset {
    /// GitHub's number for it.
    pub id: u64,
    /// The name after sanitising.
    pub name: String,
    /// What people are shown instead of the name.
    pub label: Option<String>,
    /// As sent with the upload.
    pub content_type: String,
    /// In bytes.
    pub size: u64,
    /// `sha256:…`, once uploaded.
    pub digest: Option<String>,
    /// Whether the upload came to its end.
    pub state: AssetState,
    /// How often it was asked for.
    pub downloads: u64,
    /// When the upload began.
    pub created_at: Timestamp,
    /// Where its bytes are.
    pub file: PathBuf,
}

/// How far an asset's upload came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetState {
    /// Begun; what an interrupted or failed upload leaves behind.
    Starter,
    /// Complete.
    Uploaded,
}

/// What a release is made from.
pub(crate) struct NewRelease {
    pub(crate) tag: String,
    pub(crate) target: Option<String>,
    pub(crate) change: Change,
}

/// What an edit changes; absent is unchanged.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) tag: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) draft: Option<bool>,
    pub(crate) prerelease: Option<bool>,
    pub(crate) make_latest: Option<String>,
}

impl Memory {
    pub(crate) fn add(&mut self, slug: &str) {
        self.repositories.entry(slug.to_owned()).or_default();
    }

    pub(crate) fn repository(&self, slug: &str) -> Result<&Repository, Refusal> {
        self.repositories.get(slug).ok_or(Refusal::NotFound)
    }

    pub(crate) fn repository_mut(&mut self, slug: &str) -> Result<&mut Repository, Refusal> {
        self.repositories.get_mut(slug).ok_or(Refusal::NotFound)
    }

    /// A number that no release and no asset has yet.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        100 + self.last_id
    }

    /// Counts a download and says where the bytes of asset `id` are.
    pub(crate) fn open_asset(&mut self, id: u64) -> Result<Asset, Refusal> {
        let assets = self.repositories.values_mut().flat_map(|repository| {
            let releases = repository.releases.iter_mut();
            releases.flat_map(|release| release.assets.iter_mut())
        });
        let asset = assets.into_iter().find(|asset| asset.id == id);
        let asset = asset.ok_or(Refusal::NotFound)?;
        asset.downloads += 1;
        Ok(asset.clone())
    }
}

impl Repository {
    pub(crate) fn create(&mut self, id: u64, new: NewRelease) -> Result<&Release, Refusal> {
        self.releases.push(Release {
            id,
            tag: new.tag,
            target: new.target.unwrap_or_else(|| "main".to_owned()),
            name: None,
            body: None,
            draft: true,
            prerelease: false,
            immutable: false,
            created_at: Timestamp::now(),
            published_at: None,
            assets: Vec::new(),
        });
        let change = Change { draft: Some(new.change.draft.unwrap_or(false)), ..new.change };
        if let Err(refusal) = self.edit(id, change).map(|_| ()) {
            self.releases.retain(|release| release.id != id);
            return Err(refusal);
        }
        self.release(id)
    }

    pub(crate) fn edit(&mut self, id: u64, change: Change) -> Result<&Release, Refusal> {
        let before = self.release(id)?.clone();
        let mut after = before.clone();
        after.tag = change.tag.unwrap_or(after.tag);
        after.name = change.name.or(after.name);
        after.body = change.body.or(after.body);
        after.draft = change.draft.unwrap_or(after.draft);
        after.prerelease = change.prerelease.unwrap_or(after.prerelease);
        self.refuse_edit(&before, &after)?;
        let publishing = before.draft && !after.draft;
        let latest = change.make_latest;
        if latest.as_deref() == Some("true") && after.prerelease {
            return Err(Refusal::invalid("Release", "make_latest"));
        }
        if publishing {
            after.published_at = Some(Timestamp::now());
            after.immutable = self.immutable_releases;
        }
        let default = if publishing { "true" } else { "false" };
        if latest.as_deref().unwrap_or(default) == "true" && !after.draft && !after.prerelease {
            self.chosen_latest = Some(id);
        }
        *self.release_mut(id)? = after;
        self.release(id)
    }

    fn refuse_edit(&self, before: &Release, after: &Release) -> Result<(), Refusal> {
        if before.immutable && (before.tag != after.tag || before.draft != after.draft) {
            return Err(Refusal::Immutable);
        }
        let taken = |other: &&Release| other.id != after.id && !other.draft && other.tag == after.tag;
        match self.releases.iter().find(taken) {
            Some(_) if !after.draft => Err(Refusal::taken("Release", "tag_name")),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn delete(&mut self, id: u64) -> Result<(), Refusal> {
        if self.release(id)?.immutable {
            return Err(Refusal::Immutable);
        }
        self.releases.retain(|release| release.id != id);
        Ok(())
    }

    pub(crate) fn release(&self, id: u64) -> Result<&Release, Refusal> {
        let mut releases = self.releases.iter();
        let found = releases.find(|release| release.id == id);
        found.ok_or(Refusal::NotFound)
    }

    fn release_mut(&mut self, id: u64) -> Result<&mut Release, Refusal> {
        let mut releases = self.releases.iter_mut();
        let found = releases.find(|release| release.id == id);
        found.ok_or(Refusal::NotFound)
    }

    /// The published release of a tag. A draft is never found by its tag.
    pub(crate) fn by_tag(&self, tag: &str) -> Result<&Release, Refusal> {
        let mut releases = self.releases.iter();
        let found = releases.find(|release| !release.draft && release.tag == tag);
        found.ok_or(Refusal::NotFound)
    }

    /// The one `make_latest` chose, else the youngest by creation, never a draft or pre-release.
    pub(crate) fn latest(&self) -> Result<&Release, Refusal> {
        let eligible = || {
            let releases = self.releases.iter();
            releases.filter(|release| !release.draft && !release.prerelease)
        };
        let chosen = eligible().find(|release| Some(release.id) == self.chosen_latest);
        chosen.or_else(|| eligible().max_by_key(|release| (release.created_at, release.id))).ok_or(Refusal::NotFound)
    }

    /// Reserves the asset's name, as GitHub does when an upload begins.
    pub(crate) fn begin_upload(&mut self, release: u64, asset: Asset) -> Result<(), Refusal> {
        let release = self.release_mut(release)?;
        if release.immutable {
            return Err(Refusal::Immutable);
        }
        if release.assets.iter().any(|other| other.name == asset.name) {
            return Err(Refusal::taken("ReleaseAsset", "name"));
        }
        release.assets.push(asset);
        Ok(())
    }

    pub(crate) fn asset_mut(&mut self, id: u64) -> Result<&mut Asset, Refusal> {
        let releases = self.releases.iter_mut();
        let mut assets = releases.flat_map(|release| release.assets.iter_mut());
        assets.find(|asset| asset.id == id).ok_or(Refusal::NotFound)
    }

    /// The release that asset `id` hangs on.
    pub(crate) fn release_of(&self, id: u64) -> Result<&Release, Refusal> {
        let mut releases = self.releases.iter();
        let found = releases.find(|release| release.assets.iter().any(|asset| asset.id == id));
        found.ok_or(Refusal::NotFound)
    }

    pub(crate) fn delete_asset(&mut self, id: u64) -> Result<(), Refusal> {
        let release = self.release_of(id)?.id;
        let release = self.release_mut(release)?;
        if release.immutable {
            return Err(Refusal::Immutable);
        }
        release.assets.retain(|asset| asset.id != id);
        Ok(())
    }
}
