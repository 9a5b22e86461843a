//! Which pairs of blows are lived through: all of them, or a share that rotates from day to day.

use std::time::{SystemTime, UNIX_EPOCH};

/// Of so many pairs one is lived through by default. A prime, so that the chosen ones wander through all points of both runs.
const STRIDE: u64 = 61;

/// A share of a row of cases: those whose number leaves this rest.
#[derive(Clone, Copy, Debug)]
pub(in crate::update::tests) struct Share {
    stride: u64,
    seed: u64,
}

impl Share {
    /// As the environment has it: `SUREFOOT_FAULTS_ALL`, or `SUREFOOT_FAULTS_SEED`, or the day.
    pub(in crate::update::tests) fn chosen() -> Self {
        let stride = if std::env::var_os("SUREFOOT_FAULTS_ALL").is_some() { 1 } else { STRIDE };
        let seed = std::env::var("SUREFOOT_FAULTS_SEED")
            .map_or_else(|_| today(), |text| text.parse().expect("SUREFOOT_FAULTS_SEED is a number"));
        Self { stride, seed }
    }

    /// The same seed, with another part of the whole.
    pub(in crate::update::tests) fn one_in(self, stride: u64) -> Self {
        Self { stride: stride.min(self.stride), ..self }
    }

    /// Whether case `number` is one of it.
    pub(in crate::update::tests) fn takes(self, number: usize) -> bool {
        number as u64 % self.stride == self.seed % self.stride
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stride, seed } = self;
        write!(f, "share 1/{stride}, seed {seed}: repeat with cargo xtask faults --seed {seed}")
    }
}

/// Days since 1970.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs() / 86_400
}

#[test]
fn every_case_is_in_the_share_of_one_seed() {
    for number in 0..1000 {
        let seeds = (0..STRIDE).filter(|seed| Share { stride: STRIDE, seed: *seed }.takes(number));
        assert_eq!(seeds.count(), 1, "{number}");
        assert!(Share { stride: 1, seed: 17 }.takes(number));
    }
}
