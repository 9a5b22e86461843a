//! Time as an argument. A trait because a test cannot own the time.

pub mod steady;

use std::time::{Duration, Instant};

/// What the engine asks of time.
pub trait Clock {
    /// The time of day, for records and expiry.
    fn now(&self) -> jiff::Timestamp;

    /// Time that has passed since some fixed moment; it never steps back.
    fn elapsed(&self) -> Duration;

    /// Waits.
    fn pause(&self, duration: Duration);

    /// Which run of the machine it is: another one after each reboot.
    fn boot(&self) -> String;
}

/// The machine's own.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn boot(&self) -> String {
        steady::boot()
    }
}
