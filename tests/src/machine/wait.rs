//! Waiting for a condition instead of sleeping.

use std::time::{Duration, Instant};

/// Asks every 20 ms, or less often where asking is dear, whether `condition` holds. Panics with `what` when it still does not after `deadline`.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    assert!(holds_within(deadline, &mut condition), "waited {deadline:?} in vain until {what}");
}

/// Whether `condition` comes to hold before `deadline` is over.
pub(crate) fn holds_within(deadline: Duration, condition: &mut dyn FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        let asked = Instant::now();
        if condition() {
            return true;
        }
        let dear = asked.elapsed();
        if started.elapsed() > deadline {
            return false;
        }
        // What is waited for must not have to wait for the asking.
        std::thread::sleep(dear.clamp(Duration::from_millis(20), Duration::from_millis(250)));
    }
}
