//! The seed that chooses which pairs of blows are lived through. It rotates with the day, so that all of them are in time, and
//! it is always told, so that any day can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

/// The share's name for the tests.
const VARIABLE: &str = "SUREFOOT_FAULTS_SEED";

/// As the environment has it, else the number of days since 1970.
pub fn chosen() -> u64 {
    let today = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or_else(today)
}

/// What to tell of it.
pub fn words(seed: u64) -> String {
    format!("second blows: share 1/61, seed {seed}: repeat with cargo xtask faults --seed {seed}")
}

/// Chooses it for all tests that are started from here on, and answers what to tell of it.
pub fn for_tests(command: &mut std::process::Command) -> String {
    let seed = chosen();
    command.env(VARIABLE, seed.to_string());
    words(seed)
}
