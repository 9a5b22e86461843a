//! The one form of a date in metadata: `YYYY-MM-DDTHH:MM:SSZ` (TUF 4.3).

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de};

pub(super) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&spell(*time))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| de::Error::custom(format_args!("{text:?} is not a date like 2026-01-31T23:59:59Z")))
}

/// The same where it may be missing.
pub(super) mod optional {
    use jiff::Timestamp;
    use serde::{Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

/// jiff reads many forms of a moment; only the one that is written back the same is ours. This
/// also catches what jiff bends, such as a leap second.
fn read(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    (text.len() == "2026-01-31T23:59:59Z".len() && spell(time) == text).then_some(time)
}

fn spell(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_and_written_in_one_form() {
        for text in ["2026-01-31T23:59:59Z", "2028-02-29T00:00:00Z", "0001-01-01T00:00:00Z"] {
            assert_eq!(read(text).map(spell).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_forms_of_a_date_are_refused() {
        for text in [
            "",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T23:59:60Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T23:59:59+00:00",
            "2026-01-31T23:59:59+02:00",
            "2026-01-31T23:59:59z",
            "2026-01-31t23:59:59Z",
            "2026-01-31 23:59:59Z",
            "2026-01-31T23:59:59.5Z",
            "2026-01-31T23:59:59.000Z",
            "2026-01-31T23:59Z",
            "20260131T235959Z",
            " 2026-01-31T23:59:59Z",
            "2026-01-31",
            "-000001-01-01T00:00:00Z",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
