//! The next metadata of a repository, as far as it is signed.
//!
//! Targets come first, where they change; the snapshot vouches for the bytes of the signed targets, and the timestamp for those
//! of the signed snapshot. So each is built when the one before has all its signatures, by whoever is there then.

use std::collections::BTreeMap;

use manifest_schema::tuf::{
    self, Expiry, KeyId, MAX_VERSION, MetaFile, Partial, Role, RoleName, Root, Snapshot, TargetDescription, TargetPath,
    Targets, Timestamp,
};

use super::{Current, MetadataError, MetadataFile, ProposalError, Roots, Standing, days};
use crate::config;
use crate::sign::{Signers, keys_of};

/// What a proposal stands on.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The roots of this checkout.
    pub roots: &'a Roots,
    /// What is published; nothing before the first release.
    pub current: Option<&'a Current>,
    /// How long signed metadata is valid.
    pub expiry: config::Expiry,
    /// The one reading of the clock.
    pub now: jiff::Timestamp,
}

/// What is to be published next.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// New targets; where there are none, the published ones stay.
    pub targets: Option<Partial<Targets>>,
    /// Built when the targets are signed.
    pub snapshot: Option<Partial<Snapshot>>,
    /// Built when the snapshot is signed.
    pub timestamp: Option<Partial<Timestamp>>,
}

/// How far signing has come.
#[derive(Clone, Debug)]
pub enum Advance {
    /// All is signed: the whole metadata of the repository, in the order in which it must appear.
    Complete(Vec<MetadataFile>),
    /// Others must sign.
    Waiting(Waiting),
}

/// Whose signatures are lacking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {role} metadata has {have} of {threshold} signatures; these keys can give more: {}", short(open))]
pub struct Waiting {
    /// Whose metadata.
    pub role: RoleName,
    /// How many have signed.
    pub have: usize,
    /// How many must.
    pub threshold: u32,
    /// The keys that have not.
    pub open: Vec<KeyId>,
}

/// Key ids as people compare them.
fn short(ids: &[KeyId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("{id:.12}")).collect();
    ids.join(", ")
}

impl Ground<'_> {
    /// The version that the next metadata of `role` must have.
    ///
    /// # Errors
    /// When there is none above the published one.
    pub fn version(&self, role: RoleName) -> Result<u64, MetadataError> {
        let version = self.current.map_or(1, |current| current.next(role));
        if version < MAX_VERSION {
            return Ok(version);
        }
        Err(MetadataError::UsedUp { role, version: version - 1 })
    }

    /// The published targets, where nothing is to change about them.
    ///
    /// # Errors
    /// When there are none, or a key that was replaced has signed them.
    pub(super) fn targets_file(&self) -> Result<&MetadataFile, ProposalError> {
        let current = self.current.ok_or(ProposalError::Nothing)?;
        match current.standing {
            Standing::Sound | Standing::StaleFreshness => Ok(current.targets_file()),
            Standing::ReplacedTargets => Err(ProposalError::OldTargets),
        }
    }

    /// When metadata of `role` that is signed now expires.
    pub fn expires(&self, role: RoleName) -> jiff::Timestamp {
        days(self.now, self.expiry.of(role))
    }
}

impl Waiting {
    /// Who has still to sign by the word of `root`; nothing where enough have.
    pub fn of<R: Role>(root: &Root, partial: &Partial<R>) -> Option<Self> {
        let signers = partial.signers(root);
        let open = keys_of(root, R::NAME).into_iter().map(|(id, _)| id).filter(|id| !signers.contains(id));
        let (role, have, threshold) = (R::NAME, signers.len(), root.role(R::NAME).threshold);
        (!partial.is_signed(root)).then(|| Self { role, have, threshold, open: open.collect() })
    }
}

impl Proposal {
    /// Metadata that names exactly these targets.
    ///
    /// # Errors
    /// When there is no version left, or it cannot be written.
    pub fn of_targets(
        ground: &Ground<'_>,
        targets: BTreeMap<TargetPath, TargetDescription>,
    ) -> Result<Self, MetadataError> {
        let (version, expires) = (ground.version(RoleName::Targets)?, ground.expires(RoleName::Targets));
        let targets = partial(Targets { version, expires, targets })?;
        Ok(Self { targets: Some(targets), ..Self::default() })
    }

    /// Signs with whoever is here, builds what follows, and so on.
    ///
    /// # Errors
    /// When a key cannot be used, or a client would refuse what comes out.
    pub fn advance(&mut self, ground: &Ground<'_>, signers: &mut Signers) -> Result<Advance, MetadataError> {
        let roots = [ground.roots.newest()];
        let targets = match &mut self.targets {
            None => ground.targets_file()?.clone(),
            Some(targets) => {
                signers.sign(&roots, targets)?;
                match finished(ground, targets) {
                    Ok(file) => file,
                    Err(waiting) => return Ok(Advance::Waiting(waiting)),
                }
            }
        };
        let mut snapshot = match self.snapshot.take() {
            Some(snapshot) => snapshot,
            None => partial(self.next_snapshot(ground, &targets)?)?,
        };
        signers.sign(&roots, &mut snapshot)?;
        let snapshot = match finished(ground, self.snapshot.insert(snapshot)) {
            Ok(file) => file,
            Err(waiting) => return Ok(Advance::Waiting(waiting)),
        };
        let mut timestamp = match self.timestamp.take() {
            Some(timestamp) => timestamp,
            None => partial(self.next_timestamp(ground, &snapshot)?)?,
        };
        signers.sign(&roots, &mut timestamp)?;
        match finished(ground, self.timestamp.insert(timestamp)) {
            Ok(timestamp) => complete(ground, [timestamp, snapshot, targets]),
            Err(waiting) => Ok(Advance::Waiting(waiting)),
        }
    }

    /// The version of the targets, new or published.
    fn targets_version(&self, ground: &Ground<'_>) -> u64 {
        let published = || ground.current.map_or(0, |current| current.of(RoleName::Targets).0);
        self.targets.as_ref().map_or_else(published, |targets| targets.metadata().version)
    }

    /// The snapshot that follows signed targets.
    pub(super) fn next_snapshot(&self, ground: &Ground<'_>, targets: &MetadataFile) -> Result<Snapshot, MetadataError> {
        let meta = MetaFile::of(self.targets_version(ground), &targets.bytes);
        Ok(Snapshot::new(ground.version(RoleName::Snapshot)?, ground.expires(RoleName::Snapshot), meta))
    }

    /// The timestamp that follows a signed snapshot.
    pub(super) fn next_timestamp(
        &self,
        ground: &Ground<'_>,
        snapshot: &MetadataFile,
    ) -> Result<Timestamp, MetadataError> {
        let version = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.metadata().version);
        let snapshot = MetaFile::of(version, &snapshot.bytes);
        let expires = ground.expires(RoleName::Timestamp);
        let signed_at = Some(days(ground.now, 0));
        Ok(Timestamp { version: ground.version(RoleName::Timestamp)?, expires, signed_at, snapshot })
    }
}

fn partial<R: Role>(role: R) -> Result<Partial<R>, MetadataError> {
    Partial::new(role).map_err(|error| MetadataError::Sign(Box::new(error)))
}

/// The file, where enough have signed.
pub(super) fn finished<R: Role>(ground: &Ground<'_>, partial: &Partial<R>) -> Result<MetadataFile, Waiting> {
    match Waiting::of(ground.roots.newest(), partial) {
        Some(waiting) => Err(waiting),
        None => Ok(MetadataFile { name: R::NAME.file_name(partial.metadata().version()), bytes: partial.file() }),
    }
}

/// All of it, once a client that knows what is published has taken it.
fn complete(ground: &Ground<'_>, [timestamp, snapshot, targets]: [MetadataFile; 3]) -> Result<Advance, MetadataError> {
    let mut client = ground.current.map_or_else(|| ground.roots.trusted.clone(), |current| current.client.clone());
    let expiry = Expiry::Enforce(ground.now);
    let mut accept = || -> Result<(), tuf::Error> {
        let _ = client.update_timestamp(&timestamp.bytes, expiry)?;
        client.update_snapshot(&snapshot.bytes, expiry)?;
        client.update_targets(&targets.bytes, expiry)
    };
    accept().map_err(|error| MetadataError::Refused(Box::new(error)))?;
    let files = ground.roots.files.iter().cloned().chain([targets, snapshot, timestamp]);
    Ok(Advance::Complete(files.collect()))
}
