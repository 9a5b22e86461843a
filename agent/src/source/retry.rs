//! How often, and after which pauses, a failed fetch is tried again.
//!
//! Pure: chance and the count of tries are arguments.

use std::time::Duration;

use super::SourceError;

/// Attempts in a row without progress before the caller hears of the failure.
pub const TRIES: u32 = 4;
/// An attempt that brought this many bytes is not counted: on a line that breaks every few minutes a large artifact
/// still arrives, and a server that gives one byte per connection still ends.
pub const PROGRESS: u64 = 1024 * 1024;
/// Longest pause that is waited out in place. A source that asks for more is left for the schedule.
pub const LONGEST: Duration = Duration::from_secs(30);

/// Pause before the attempt after `failed` failures in a row, or nothing where it should not be made.
///
/// `chance` is uniform in 0..=u32::MAX and spreads the pause over half to all of 1 s, 2 s, 4 s…, so that clients
/// that failed together do not come back together.
pub fn pause(failed: u32, error: &SourceError, chance: u32) -> Option<Duration> {
    if failed >= TRIES || !error.is_transient() {
        return None;
    }
    let own = backoff(failed, chance);
    let asked = match error {
        SourceError::RateLimited { retry_after: Some(asked), .. } => own.max(*asked),
        // Nobody said how long: a minute is GitHub's own advice, and that is for the schedule, not for here.
        SourceError::RateLimited { retry_after: None, .. } => return None,
        SourceError::Unreachable { .. }
        | SourceError::NotFound { .. }
        | SourceError::Refused { .. }
        | SourceError::Denied { .. }
        | SourceError::TooLarge { .. }
        | SourceError::Broken { .. }
        | SourceError::Unsafe { .. }
        | SourceError::Unusable { .. }
        | SourceError::Local { .. }
        | SourceError::Process { .. }
        | SourceError::Stopped { .. } => own,
    };
    (asked <= LONGEST).then_some(asked)
}

fn backoff(failed: u32, chance: u32) -> Duration {
    let whole_ms = 1000_u64 << failed.saturating_sub(1).min(5);
    let half = whole_ms / 2;
    Duration::from_millis(half + half * u64::from(chance) / u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> SourceError {
        SourceError::Broken { location: "u".into(), reason: "reset".into() }
    }

    fn limited(seconds: Option<u64>) -> SourceError {
        SourceError::RateLimited { location: "u".into(), retry_after: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn pauses_double_and_are_spread_over_their_upper_half() {
        let pauses = |chance| (1..TRIES).map(|n| pause(n, &broken(), chance)).collect::<Vec<_>>();
        assert_eq!(pauses(u32::MAX), [1000, 2000, 4000].map(|ms| Some(Duration::from_millis(ms))));
        assert_eq!(pauses(0), [500, 1000, 2000].map(|ms| Some(Duration::from_millis(ms))));
    }

    #[test]
    fn it_gives_up_after_the_last_try_and_at_once_where_time_does_not_help() {
        assert_eq!(pause(TRIES, &broken(), 0), None);
        assert_eq!(pause(1, &SourceError::NotFound { location: "u".into() }, 0), None);
    }

    #[test]
    fn a_source_that_says_how_long_is_obeyed_or_left_alone() {
        assert_eq!(pause(1, &limited(Some(7)), 0), Some(Duration::from_secs(7)));
        assert_eq!(pause(1, &limited(Some(3600)), 0), None);
        assert_eq!(pause(1, &limited(None), 0), None);
    }
}
