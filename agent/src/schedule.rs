//! When to look for releases: pure arithmetic on a given time.
//!
//! Cron is croner's, which does what crontab(5) does across changes of daylight saving. A fleet that looks at the same
//! minute is a crowd at the vendor's door, so each machine adds its own constant share of the interval.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A last check that is further in the future was made by a clock that has been set back since.
const CORRECTION: SignedDuration = SignedDuration::from_hours(1);
/// The longest that a check is put off beyond its time.
const MOST_JITTER: SignedDuration = SignedDuration::from_mins(10);

/// When to look.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// `@every 1h`: this long after the last time.
    Every(SignedDuration),
    /// Cron's fields in a time zone.
    Cron(Box<Cron>, TimeZone),
}

/// Reads `@every SPAN`, or cron with five fields (crontab) or six (seconds first).
///
/// # Errors
/// As a sentence.
pub fn parse(text: &str, timezone: Option<&str>) -> Result<Schedule, String> {
    let zone = match timezone {
        Some(name) => TimeZone::get(name).map_err(|error| format!("time zone {name:?}: {error}"))?,
        None => TimeZone::system(),
    };
    if let Some(span) = text.strip_prefix("@every ") {
        let span: SignedDuration = span.trim().parse().map_err(|error| format!("{text:?}: {error}"))?;
        return if span >= SignedDuration::from_secs(60) {
            Ok(Schedule::Every(span))
        } else {
            Err(format!("{text:?}: less than a minute is a burden on the source"))
        };
    }
    // The parser takes the place for nothing at all, and then looks for a time that is never, for ever.
    if text.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
        return Err(format!("{text:?}: a list has an empty place"));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    let cron = parser.parse(text).map_err(|error| format!("{text:?}: {error}"))?;
    Ok(Schedule::Cron(Box::new(cron), zone))
}

impl Schedule {
    /// When a check is due whose last one was at `last`, never before `now`. Where there was none, or one that the clock has not
    /// come to yet, it is due now: an instance that waits for a year that a wrong clock has seen would never be updated.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn due(&self, last: Option<Timestamp>, now: Timestamp, share: f64) -> Result<Timestamp, String> {
        match last.filter(|last| *last <= now + CORRECTION) {
            Some(last) => Ok(self.next(last.min(now), share)?.max(now)),
            None => self.next(now, share).map(|_| now),
        }
    }

    /// The next time after `now`. `share` (0 to 1) is this machine's constant place in the jitter.
    ///
    /// # Errors
    /// When there is none, such as for 31 February.
    pub fn next(&self, now: Timestamp, share: f64) -> Result<Timestamp, String> {
        let (next, interval) = match self {
            Self::Every(span) => (later(now, *span)?, *span),
            Self::Cron(cron, zone) => {
                let next = next_of(cron, now, zone)?;
                let after = next_of(cron, next, zone);
                (next, after.map_or(SignedDuration::from_hours(24), |after| after.duration_since(next)))
            }
        };
        let most = MOST_JITTER.min(interval / 10);
        later(next, SignedDuration::from_secs_f64(most.as_secs_f64() * share.clamp(0.0, 1.0)))
    }
}

fn later(time: Timestamp, span: SignedDuration) -> Result<Timestamp, String> {
    time.checked_add(span).map_err(|_| "the schedule never comes: its next time is beyond the last year".to_owned())
}

fn next_of(cron: &Cron, after: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    cron.find_next_occurrence(&after.to_zoned(zone.clone()), false)
        .map(|next| next.timestamp())
        .map_err(|error| format!("the schedule never comes: {error}"))
}

/// This machine's constant place between 0 and 1, from its machine-id(5) and the instance.
pub fn share(machine_id: &str, instance: &str) -> f64 {
    let hash = manifest_schema::digest::Sha256::of(format!("{machine_id}/{instance}").as_bytes());
    let digits = u32::from_str_radix(&hash.to_string()[..8], 16).expect("a hash is written in hex");
    f64::from(digits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, zone: &str, now: &str) -> String {
        let schedule = parse(schedule, Some(zone)).unwrap();
        schedule.next(now.parse().unwrap(), 0.0).unwrap().to_string()
    }

    #[test]
    fn cron_is_read_as_crontab_and_as_watchtower_write_it() {
        for text in ["0 3 * * *", "0 0 3 * * *", "@daily"] {
            assert!(parse(text, None).is_ok(), "{text}");
        }
        assert_eq!(next("0 3 * * *", "UTC", "2027-01-06T00:00:00Z"), "2027-01-06T03:00:00Z");
        assert_eq!(next("0 0 3 * * *", "UTC", "2027-01-06T04:00:00Z"), "2027-01-07T03:00:00Z");
    }

    #[test]
    fn a_time_that_daylight_saving_skips_comes_at_its_end() {
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z"), "2027-03-28T01:00:00Z");
    }

    #[test]
    fn what_never_comes_or_comes_too_often_is_refused() {
        for text in ["60 3 * * *", "@every 5s", "@every soon", "whenever"] {
            assert!(parse(text, Some("UTC")).is_err(), "{text}");
        }
        let never = parse("0 3 31 2 *", Some("UTC")).unwrap();
        assert!(never.next("2027-01-06T00:00:00Z".parse().unwrap(), 0.0).is_err());
        assert!(parse("@daily", Some("Europe/Atlantis")).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_a_check_waiting() {
        let now: Timestamp = "2027-01-06T12:00:00Z".parse().unwrap();
        let at = |hours: i64| now + SignedDuration::from_hours(hours);
        let cases: &[(&str, Option<i64>, i64)] = &[
            ("there was none", None, 0),
            ("a while ago", Some(-3), 21),
            ("long ago", Some(-24 * 900), 0),
            ("the clock was corrected a little", Some(1), 24),
            ("the clock was two years ahead", Some(24 * 730), 0),
        ];
        let daily = parse("@every 24h", None).unwrap();
        for (what, last, wanted) in cases {
            assert_eq!(daily.due(last.map(at), now, 0.0).unwrap(), at(*wanted), "{what}");
        }
        let never = parse("0 3 31 2 *", Some("UTC")).unwrap();
        assert!(never.due(None, now, 0.0).is_err(), "what never comes is never due");
    }

    #[test]
    fn machines_spread_over_a_tenth_of_the_interval() {
        let schedule = parse("@every 1h", None).unwrap();
        let now: Timestamp = "2027-01-06T00:00:00Z".parse().unwrap();
        let shares: Vec<f64> = (0..100).map(|n| share(&format!("machine-{n}"), "kkt")).collect();
        let latest = shares.iter().map(|share| schedule.next(now, *share).unwrap()).max().unwrap();
        let earliest = shares.iter().map(|share| schedule.next(now, *share).unwrap()).min().unwrap();
        assert!(earliest >= now + SignedDuration::from_hours(1));
        assert!(latest <= now + SignedDuration::from_mins(66));
        assert!(latest.duration_since(earliest) > SignedDuration::from_mins(5), "spread out");
    }
}
