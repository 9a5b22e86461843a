//! Numbers that look random and are the same for the same seed (SplitMix64).

/// A row of numbers.
pub(super) struct Random(u64);

impl Random {
    /// The row of run `number` of a campaign.
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut first = Self(seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03));
        first.next();
        first
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("it is below a usize")
    }

    /// One of these.
    pub(super) fn one_of<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_every_value_comes() {
        let row = |seed| {
            let mut random = Random::of(seed, 3);
            (0..200).map(|_| random.below(5)).collect::<Vec<_>>()
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
        assert!((0..5).all(|value| row(7).contains(&value)));
    }
}
