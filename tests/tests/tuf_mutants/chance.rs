//! Numbers that look random and come again with their seed.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Chance(u64);

/// The seed from `SUREFOOT_SEED`, or a new one.
pub(crate) fn seed() -> u64 {
    let wanted = std::env::var("SUREFOOT_SEED").ok();
    let new = || u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap();
    wanted.map_or_else(new, |text| text.parse().expect("SUREFOOT_SEED is a number"))
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
