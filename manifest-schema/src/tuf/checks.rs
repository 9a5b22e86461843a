//! The single checks of the client workflow, each a sentence of TUF 5.3 to 5.6.

use jiff::Timestamp as Time;

use super::error::Error;
use super::meta_file::MetaFile;
use super::role::{Role, RoleName};
use super::root::Root;
use super::snapshot::Snapshot;
use super::timestamp::Timestamp;
use super::trusted::Update;
use super::verified::Verified;
use crate::digest::Sha256;

/// It has the version it must have (TUF 5.3.5, 5.5.4, 5.6.4).
pub(super) fn is_version<R: Role>(offered: &R, expected: u64) -> Result<(), Error> {
    let found = offered.version();
    if found == expected {
        return Ok(());
    }
    Err(Error::Version { role: R::NAME, expected, found })
}

/// It has not expired: its expiry is later than the start of the cycle (TUF 5.3.10, 5.4.4, 5.5.6,
/// 5.6.5).
pub(super) fn is_fresh<R: Role>(offered: &R, now: Time) -> Result<(), Error> {
    let expired_at = offered.expires();
    if expired_at > now {
        return Ok(());
    }
    Err(Error::Expired { role: R::NAME, expired_at })
}

/// `now`, or the moment at which `timestamp` was signed where that is later: the machine's clock is wrong then. Only of the
/// timestamp that is to be trusted, so that a signer whose clock once ran ahead is forgiven with its next timestamp.
pub(super) fn not_before_signing(timestamp: &Timestamp, now: Time) -> Time {
    timestamp.signed_at.map_or(now, |signed_at| now.max(signed_at))
}

/// Its version does not go back.
pub(super) fn goes_on<R: Role>(trusted: &R, offered: &R) -> Result<(), Error> {
    not_below(R::NAME, trusted.version(), offered.version())
}

fn not_below(role: RoleName, trusted: u64, found: u64) -> Result<(), Error> {
    if found >= trusted {
        return Ok(());
    }
    Err(Error::Rollback { role, trusted, found })
}

/// It is the file that its parent signed (TUF 5.5.2, 5.6.2). Length first: it costs nothing.
pub(super) fn is_file(role: RoleName, bytes: &[u8], signed: MetaFile) -> Result<(), Error> {
    let found = bytes.len() as u64;
    if let Some(expected) = signed.length.filter(|expected| *expected != found) {
        return Err(Error::MetadataLength { role, expected, found });
    }
    let Some(expected) = signed.sha256.filter(|_| !signed.is_digest_of(bytes)) else { return Ok(()) };
    Err(Error::MetadataDigest { role, expected, found: Sha256::of(bytes) })
}

/// The one of two timestamps that is to be trusted. With equal versions it is the one that was
/// trusted already, and that is normal (TUF 5.4.3).
pub(super) fn newer_timestamp(
    trusted: Option<&Verified<Timestamp>>,
    offered: Verified<Timestamp>,
) -> Result<(Verified<Timestamp>, Update), Error> {
    let Some(trusted) = trusted else {
        return Ok((offered, Update::New));
    };
    goes_on(&**trusted, &*offered)?;
    if trusted.version == offered.version {
        return Ok((trusted.clone(), Update::Unchanged));
    }
    not_below(RoleName::Snapshot, trusted.snapshot.version, offered.snapshot.version)?;
    Ok((offered, Update::New))
}

/// Neither the snapshot nor anything it lists goes back or vanishes (TUF 5.5.5).
pub(super) fn snapshot_goes_on(trusted: &Snapshot, offered: &Snapshot) -> Result<(), Error> {
    goes_on(trusted, offered)?;
    let (before, after) = (&trusted.meta, &offered.meta);
    not_below(RoleName::Targets, before.targets.version, after.targets.version)?;
    for (file, listed) in &before.delegated {
        if after.delegated.get(file).is_none_or(|still| still.version < listed.version) {
            let (file, trusted) = (file.clone(), listed.version);
            return Err(Error::DelegatedRollback { file, trusted });
        }
    }
    Ok(())
}

/// Whether a timestamp or snapshot key lost its role. A key that is only added revokes nothing, and
/// what was trusted before stays the measure.
pub(super) fn revokes_freshness_keys(old: &Root, new: &Root) -> bool {
    [RoleName::Timestamp, RoleName::Snapshot]
        .into_iter()
        .any(|role| !old.role(role).key_ids.is_subset(&new.role(role).key_ids))
}
