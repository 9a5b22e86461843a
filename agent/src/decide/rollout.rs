//! This installation's place in a rollout, and whether a release has come to it yet. Pure.
//!
//! The place is the first 64 bits of SHA-256(salt, a zero byte, installation id), big-endian, modulo 10 000: a hundredth of a
//! per cent each. It stays the same while a rollout goes on, so who has a release keeps it, and with another salt it is
//! another, so that no installation is always among the first. The agents of one wave do not come at one instant: each looks
//! at its own time.
//!
//! A rollout holds for a critical release, and for the goal of a recall, as for any other: the vendor has set both, and must be
//! able to stop the one by the other. A person who names the release overrules it.

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{ReleaseCustom, Rollout, Wave};

use super::{Facts, Wish, utc};

/// Places there are.
const PLACES: u64 = 10_000;
/// Places of one per cent.
const A_PERCENT: u64 = PLACES / 100;

/// Why a release does not go in although nothing speaks against it: it has not come to this installation yet.
pub(super) fn holds(facts: &Facts<'_>, custom: &ReleaseCustom) -> Option<String> {
    match facts.wish {
        Wish::Named { .. } => None,
        Wish::Newest { .. } => {
            waits(facts, custom).map(|reason| format!("{reason}; name it to install it all the same"))
        }
        Wish::Poll => waits(facts, custom),
    }
}

/// What a person has overruled by naming the release.
pub(super) fn overruled(facts: &Facts<'_>, custom: &ReleaseCustom) -> Option<String> {
    let reason = matches!(facts.wish, Wish::Named { .. }).then(|| waits(facts, custom)).flatten()?;
    Some(format!("{reason}; it was named, so that does not count"))
}

fn waits(facts: &Facts<'_>, custom: &ReleaseCustom) -> Option<String> {
    let rollout = custom.rollout.as_ref()?;
    if rollout.is_halted() {
        return Some("is halted by the vendor: nobody more gets it for now".to_owned());
    }
    match wave(rollout, place(rollout.salt(), facts.installation)) {
        Some(wave) if wave.start <= facts.now => None,
        Some(wave) => Some(format!(
            "is not released to this installation yet: it comes with the wave at {} for {}",
            utc(wave.start),
            wave.percent
        )),
        None => Some(format!(
            "is not released to this installation: so far its waves end at {}",
            rollout.waves().last()?.percent
        )),
    }
}

/// The wave that brings the release to this place.
fn wave(rollout: &Rollout, place: u64) -> Option<&Wave> {
    rollout.waves().iter().find(|wave| place < u64::from(wave.percent.number()) * A_PERCENT)
}

/// Where an installation stands, from 0 to 9999.
fn place(salt: &str, installation: &str) -> u64 {
    let hash = Sha256::of(&[salt.as_bytes(), &[0], installation.as_bytes()].concat());
    let (first, _) = hash.as_bytes().split_first_chunk::<8>().expect("a SHA-256 has 32 bytes");
    u64::from_be_bytes(*first) % PLACES
}

#[cfg(test)]
mod tests;
