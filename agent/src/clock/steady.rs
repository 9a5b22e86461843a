//! Whether the clock can be believed. What goes by age is removed for good, and a clock that jumps ahead makes everything old:
//! so nothing goes before the agent itself has seen the clock run steadily for a day.
//!
//! The daemon looks at each of its wakings, at least once an hour. What it saw is a small file; one that is not there or cannot be
//! read means that nothing has been seen yet. It knows time, and not what is removed by it.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::durable;

/// How long the clock must have run steadily.
pub const ENOUGH: SignedDuration = SignedDuration::from_hours(24);
/// A step back, or a difference to the time since the boot, that is more than a correction.
const CORRECTION: SignedDuration = SignedDuration::from_hours(1);
/// A machine may be off or asleep this long. A longer gap looks like a jump ahead.
const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// One look at the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What the clock says.
    pub now: Timestamp,
    /// Which run of the machine it is; empty where that is hidden.
    pub boot: String,
    /// Seconds since that run began, asleep or not (`/proc/uptime`). Nobody can set this.
    pub up_seconds: i64,
}

impl Sight {
    /// The machine's clocks as they are.
    pub fn take(now: Timestamp) -> Self {
        let read = |path| std::fs::read_to_string(path).ok();
        let up = read("/proc/uptime").and_then(|text| text.split('.').next()?.parse().ok());
        Self { now, boot: up.map(|_| boot()).unwrap_or_default(), up_seconds: up.unwrap_or(0) }
    }
}

/// Which run of the machine it is: the kernel's (`/proc/sys/kernel/random/boot_id`), and when its first process began, since a
/// container that is booted again has the kernel of before. Empty where that is hidden.
pub(super) fn boot() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (kernel, first) = (read("/proc/sys/kernel/random/boot_id"), read("/proc/1/stat"));
    match (kernel.trim(), began(&first)) {
        ("", _) | (_, None) => String::new(),
        (kernel, Some(began)) => format!("{kernel} {began}"),
    }
}

/// When a process began, in ticks since the boot of the kernel (`/proc/PID/stat`, proc(5), field 22). Its name, the second
/// field, may hold spaces and brackets.
pub(crate) fn began(stat: &str) -> Option<&str> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)
}

/// What was seen of the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The first moment since which it has run steadily.
    pub since: Timestamp,
    /// The last moment at which it was looked at.
    pub last: Timestamp,
    boot: String,
    up_seconds: i64,
}

impl Seen {
    /// What is known after one more look: the same run of the clock, or the beginning of a new one.
    pub fn after(before: Option<&Self>, sight: Sight) -> Self {
        let goes_on = before.filter(|before| before.goes_on_to(&sight));
        Self {
            since: goes_on.map_or(sight.now, |before| before.since),
            last: sight.now,
            boot: sight.boot,
            up_seconds: sight.up_seconds,
        }
    }

    fn goes_on_to(&self, sight: &Sight) -> bool {
        let passed = sight.now.duration_since(self.last);
        if passed < -CORRECTION || passed > LONGEST_GAP {
            return false;
        }
        // Within one run of the machine it is known how much time has really passed.
        let really = SignedDuration::from_secs(sight.up_seconds.saturating_sub(self.up_seconds));
        // A damaged file can say anything: what is beyond all numbers is no correction either.
        let differs = passed.checked_sub(really).is_none_or(|by| by > CORRECTION || by < -CORRECTION);
        self.boot != sight.boot || self.boot.is_empty() || !differs
    }

    /// Whether things may be removed because of their age.
    pub fn is_enough(&self) -> bool {
        self.last.duration_since(self.since) >= ENOUGH
    }

    /// Why nothing is removed by its age now; `None` where it is.
    pub fn holds_back(&self) -> Option<String> {
        let since = self.since.strftime("%Y-%m-%d %H:%M UTC");
        (!self.is_enough()).then(|| {
            format!("the agent has seen the clock run steadily only since {since}, and waits until that is a day")
        })
    }
}

/// What is known now, this moment included. Writes nothing.
pub fn look(path: &Path, sight: Sight) -> Seen {
    let before = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Seen::after(before.as_ref(), sight)
}

/// Looks at the clock and writes down what is known.
///
/// # Errors
/// When it cannot be written; then the day begins anew at a later look, and nothing worse.
pub fn watch(path: &Path, sight: Sight) -> durable::Result<()> {
    let text = serde_json::to_vec(&look(path, sight)).expect("what was seen has only text keys");
    durable::write_atomic(path, &text, 0o644)
}

#[cfg(test)]
mod tests;
