//! A rollout: which share of the installations a release goes to, and from when on. The vendor signs shares and times; each
//! installation finds its own place among them (the agent's `decide::rollout`), so that nobody keeps a list of clients.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Most bytes of a salt, and most waves: more than anybody needs.
const LONGEST_SALT: usize = 64;
const MOST_WAVES: usize = 32;

/// A rollout: never without a wave; starts grow, and shares do not shrink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AnyRollout")]
pub struct Rollout {
    salt: String,
    waves: Vec<Wave>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    halted: bool,
}

/// From a moment on, a share of all installations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// When it begins.
    pub start: jiff::Timestamp,
    /// The share that has the release from then on, those of the waves before among them.
    pub percent: Percent,
}

#[derive(Deserialize)]
#[serde(expecting = "a rollout")]
struct AnyRollout {
    salt: String,
    waves: Vec<Wave>,
    #[serde(default)]
    halted: bool,
}

impl Rollout {
    /// A rollout in these waves. The salt gives each release an order of its own among the installations: with one for all
    /// releases the same few would always come first.
    ///
    /// # Errors
    /// When there is no wave or no salt, a wave does not start after the one before, or has a smaller share.
    pub fn new(salt: String, waves: Vec<Wave>) -> Result<Self, RolloutError> {
        if salt.is_empty() || salt.len() > LONGEST_SALT {
            return Err(RolloutError::Salt);
        }
        if waves.is_empty() || waves.len() > MOST_WAVES {
            return Err(RolloutError::Waves(waves.len()));
        }
        for pair in waves.windows(2) {
            let [before, after] = pair else { continue };
            if after.start <= before.start {
                return Err(RolloutError::Starts { before: before.start, after: after.start });
            }
            if after.percent < before.percent {
                return Err(RolloutError::Shrinks { before: before.percent, after: after.percent });
            }
        }
        Ok(Self { salt, waves, halted: false })
    }

    /// The same, halted: as it stands nobody more gets the release. Its waves are kept for when it is resumed.
    #[must_use]
    pub fn halt(self) -> Self {
        Self { halted: true, ..self }
    }

    /// The same, going on.
    #[must_use]
    pub fn resume(self) -> Self {
        Self { halted: false, ..self }
    }

    /// What an installation's place is made with.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The waves, in the order of their starts.
    #[must_use]
    pub fn waves(&self) -> &[Wave] {
        &self.waves
    }

    /// Whether the vendor has halted it.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        self.halted
    }
}

impl TryFrom<AnyRollout> for Rollout {
    type Error = RolloutError;

    fn try_from(AnyRollout { salt, waves, halted }: AnyRollout) -> Result<Self, RolloutError> {
        Self::new(salt, waves).map(|rollout| Self { halted, ..rollout })
    }
}

/// Why something is not a rollout.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// Without one, all releases would go to the same installations first.
    #[error("the salt of a rollout must have 1 to {LONGEST_SALT} bytes")]
    Salt,
    /// None, or too many.
    #[error("a rollout has {0} waves: 1 to {MOST_WAVES} are allowed")]
    Waves(usize),
    /// Not in the order of time.
    #[error("a wave of the rollout starts at {after}, not after the one before it, which starts at {before}")]
    Starts {
        /// When the one before starts.
        before: jiff::Timestamp,
        /// When this one starts.
        after: jiff::Timestamp,
    },
    /// A release cannot be taken out of an installation's hands by a wave.
    #[error("a wave of the rollout has {after}, less than the one before it, which has {before}")]
    Shrinks {
        /// The share of the one before.
        before: Percent,
        /// The share of this one.
        after: Percent,
    },
}

/// A share of all installations in whole per cent, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Percent(u8);

impl Percent {
    /// This many per cent.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number <= 100 { Some(Self(number as u8)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Whole)
    }
}

/// Reads whole numbers only: 1.5 is no share, and "NaN" is no number.
struct Whole;

impl de::Visitor<'_> for Whole {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("per cent as a whole number from 0 to 100")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Percent, E> {
        Percent::new(number).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Percent, E> {
        let wrong = || E::invalid_value(de::Unexpected::Signed(number), &self);
        u64::try_from(number).ok().and_then(Percent::new).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests;
