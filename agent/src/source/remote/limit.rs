//! Until when a source is left alone, over restarts too: what it said is kept, and whoever asks earlier hears it from here.
//!
//! "Continuing to make requests while you are rate limited may result in the banning of your integration" (GitHub, "Rate limits
//! for the REST API").

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::private::Latest;
use crate::source::{Location, SourceError};

/// Where nobody said how long: GitHub's own advice, doubled each time.
const UNSAID: Duration = Duration::from_secs(60);
/// Nothing keeps a machine from asking for longer. GitHub's limits are of an hour; who says more is mistaken, or wants this
/// machine to hear of nothing.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// What is kept of a source between two cycles. Nothing of it is trusted: it saves questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// It is not asked before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// How often in a row it wanted to be left alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub refusals: u32,
    /// What its latest release had, where it is read through an API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Latest>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Whether a source may be asked.
#[derive(Debug, Default)]
pub(super) struct Limit {
    until: Option<Instant>,
    refusals: u32,
}

impl Limit {
    /// As it was kept. A time further away than anybody may ask for was written by another clock.
    pub(super) fn recalled(kept: &Kept, now: Timestamp) -> Self {
        let left = kept.not_before.map(|then| then.duration_since(now));
        let left = left.and_then(|left| Duration::try_from(left).ok()).filter(|left| *left <= LONGEST);
        Self { until: left.and_then(|left| Instant::now().checked_add(left)), refusals: kept.refusals }
    }

    /// As it is to be kept.
    pub(super) fn kept(&self, now: Timestamp) -> Kept {
        let left = self.left().and_then(|left| SignedDuration::try_from(left).ok());
        let not_before = left.and_then(|left| now.checked_add(left).ok());
        Kept { not_before, refusals: self.refusals, latest: None }
    }

    /// Refuses in the source's place, while it wants to be left alone.
    pub(super) fn allows(&self, location: &Location) -> Result<(), SourceError> {
        match self.left() {
            Some(left) => {
                Err(SourceError::RateLimited { location: location.to_string(), retry_after: Some(rounded_up(left)) })
            }
            None => Ok(()),
        }
    }

    /// Takes note of how it answered. A failure that is not the source's word says nothing.
    pub(super) fn heard(&mut self, error: Option<&SourceError>) {
        match error {
            None => *self = Self::default(),
            Some(SourceError::RateLimited { retry_after, .. }) => {
                self.refusals = self.refusals.saturating_add(1);
                self.until = Instant::now().checked_add(patience(*retry_after, self.refusals));
            }
            Some(_) => {}
        }
    }

    fn left(&self) -> Option<Duration> {
        self.until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

/// How long a source is left alone that said so for the `refusals`th time in a row.
fn patience(asked: Option<Duration>, refusals: u32) -> Duration {
    let own = UNSAID.saturating_mul(1 << refusals.saturating_sub(1).min(10));
    asked.unwrap_or(own).min(LONGEST)
}

fn rounded_up(left: Duration) -> Duration {
    Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(seconds: Option<u64>) -> SourceError {
        SourceError::RateLimited { location: "u".into(), retry_after: seconds.map(Duration::from_secs) }
    }

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn refuses(limit: &Limit) -> bool {
        limit.allows(&Location::Url("https://api.example/".to_owned())).is_err()
    }

    #[test]
    fn who_says_nothing_of_how_long_is_left_alone_ever_longer() {
        let pauses = [1, 2, 3, 40].map(|refusals| patience(None, refusals).as_secs());
        assert_eq!(pauses, [60, 120, 240, LONGEST.as_secs()]);
        assert_eq!(patience(Some(Duration::from_secs(7)), 9).as_secs(), 7);
        assert_eq!(patience(Some(Duration::MAX), 1), LONGEST);
    }

    #[test]
    fn a_limit_outlives_a_restart() {
        let mut limit = Limit::default();
        limit.heard(Some(&limited(Some(3000))));
        let kept: Kept = serde_json::from_slice(&serde_json::to_vec(&limit.kept(now())).unwrap()).unwrap();
        let later = now() + SignedDuration::from_mins(20);
        assert!(refuses(&Limit::recalled(&kept, later)));
        let error = Limit::recalled(&kept, later).allows(&Location::File("/u".into())).unwrap_err();
        assert!(matches!(error, SourceError::RateLimited { retry_after: Some(left), .. } if left.as_secs() <= 1800));
        assert!(!refuses(&Limit::recalled(&kept, now() + SignedDuration::from_mins(51))));
    }

    #[test]
    fn a_clock_that_was_wrong_keeps_no_source_silent_for_years() {
        let kept = Kept { not_before: Some("2032-01-01T00:00:00Z".parse().unwrap()), ..Kept::default() };
        assert!(!refuses(&Limit::recalled(&kept, now())));
    }

    #[test]
    fn an_answer_ends_it_and_a_broken_line_does_not() {
        let mut limit = Limit { until: None, refusals: 2 };
        limit.heard(Some(&SourceError::NotFound { location: "u".into() }));
        assert_eq!(limit.kept(now()).refusals, 2);
        limit.heard(None);
        assert_eq!(limit.kept(now()), Kept::default());
    }
}
