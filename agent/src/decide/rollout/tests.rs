use manifest_schema::manifest::Percent;
use proptest::prelude::*;

use super::*;

/// Waves of these per cents, an hour apart.
fn rollout(salt: &str, percents: &[u64]) -> Rollout {
    let wave = |(hour, percent): (usize, &u64)| Wave {
        start: after(i64::try_from(hour).unwrap()),
        percent: Percent::new(*percent).unwrap(),
    };
    Rollout::new(salt.to_owned(), percents.iter().enumerate().map(wave).collect()).unwrap()
}

fn after(hours: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(hours * 3600).unwrap()
}

fn has_come(rollout: &Rollout, installation: &str, now: jiff::Timestamp) -> bool {
    wave(rollout, place(rollout.salt(), installation)).is_some_and(|wave| wave.start <= now)
}

/// How many of 10 000 installations have it.
fn share(rollout: &Rollout, hour: i64) -> usize {
    (0..10_000).filter(|number| has_come(rollout, &format!("installation {number}"), after(hour))).count()
}

/// A fleet that was to be asked in shares and came all at once: the arithmetic is tried on a fleet.
#[test]
fn each_wave_brings_about_its_share_of_ten_thousand_installations() {
    for salt in ["kkt-v1.1.0", "kkt-v1.1.1", "x"] {
        let rollout = rollout(salt, &[1, 10, 50, 99]);
        for (hour, expected) in [(-1, 0), (0, 100), (1, 1000), (2, 5000), (3, 9900)] {
            let found = share(&rollout, hour);
            // Five standard deviations of a fair draw.
            let spread = 5.0 * (expected as f64 * (1.0 - expected as f64 / 10_000.0)).sqrt();
            assert!(found.abs_diff(expected) as f64 <= spread, "{salt}, hour {hour}: {found}, not about {expected}");
        }
    }
}

#[test]
fn nobody_is_within_0_and_everybody_within_100() {
    assert_eq!(share(&rollout("s", &[0]), 0), 0);
    assert_eq!(share(&rollout("s", &[100]), 0), 10_000);
}

/// Two releases do not try the same few first: of the tenth that one has, the other has about a tenth.
#[test]
fn another_salt_is_another_order() {
    let (one, other) = (rollout("kkt-v1.1.0", &[10]), rollout("kkt-v1.1.1", &[10]));
    let both = (0..10_000).map(|number| format!("installation {number}"));
    let both = both.filter(|id| has_come(&one, id, after(0)) && has_come(&other, id, after(0))).count();
    assert!((50..150).contains(&both), "{both}");
}

#[test]
fn the_place_is_what_the_documents_say() {
    // printf 'kkt-v1.1.0\0one' | sha256sum: the first 16 digits as a number, modulo 10000.
    assert_eq!(place("kkt-v1.1.0", "one"), 4824);
}

proptest! {
    #[test]
    fn who_has_it_keeps_it_as_time_goes_on_and_shares_grow(
        salt in "[a-z0-9.-]{1,20}",
        installation in "[0-9a-f-]{36}",
        mut percents in proptest::collection::vec(0_u64..=100, 1..6),
        more in 0_u64..=100,
        hour in -1_i64..6,
        later in 0_i64..6,
    ) {
        percents.sort_unstable();
        let before = rollout(&salt, &percents);
        let grown: Vec<u64> = percents.iter().map(|percent| (percent + more).min(100)).collect();
        if has_come(&before, &installation, after(hour)) {
            prop_assert!(has_come(&before, &installation, after(hour + later)));
            prop_assert!(has_come(&rollout(&salt, &grown), &installation, after(hour)));
        }
    }
}
