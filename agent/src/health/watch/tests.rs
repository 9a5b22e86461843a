//! Rows of samples and what they mean.

use super::*;

/// Three seconds to start, four to soak, the third failure in a row is one too many.
fn health() -> Health {
    Health { start_within_seconds: 3, soak_seconds: 4, failures: 3, ..Health::default() }
}

fn lives(web: &str) -> Lives {
    if web == "-" { Lives::new() } else { Lives::from([("web".parse().unwrap(), web.to_owned())]) }
}

/// One letter a second: `+` healthy, `-` not.
fn verdicts(samples: &str, before: Before) -> Vec<Verdict> {
    let mut watch = Watch::new(&health(), before);
    let take = |(second, letter): (u64, char)| {
        watch.take(Duration::from_secs(100 + second), (letter == '-').then_some("it is ill"), &lives("a"))
    };
    (0..).zip(samples.chars()).map(take).collect()
}

fn last(samples: &str) -> Verdict {
    verdicts(samples, Before::default()).pop().unwrap()
}

fn after(seconds: u64) -> Before {
    Before { healthy: Duration::from_secs(seconds), ..Before::default() }
}

#[test]
fn it_passes_after_the_soak_and_not_before() {
    assert_eq!(verdicts("-+", Before::default()), [Verdict::Starting, Verdict::FirstHealthy]);
    assert!(matches!(last("-++++"), Verdict::Soaking(_)));
    assert_eq!(last("-+++++"), Verdict::Passed);
}

#[test]
fn a_failed_sample_is_forgiven_but_does_not_count() {
    assert_eq!(last("+-+"), Verdict::Soaking(Duration::ZERO));
    assert_eq!(last("+++-+++"), Verdict::Passed);
    assert!(matches!(last("+++-++"), Verdict::Soaking(_)));
}

#[test]
fn it_fails_when_it_never_becomes_healthy_falls_ill_or_cannot_make_up_its_mind() {
    let cases = [
        ("----", "not healthy within 3 s: it is ill"),
        ("++---", "healthy for 1 s, then no more: it is ill"),
        ("+-+-+-+-", "healthy for 0 s in all, and ill 4 times in between: it is ill"),
        ("+--++--++-+-", "healthy for 2 s in all, and ill 4 times in between: it is ill"),
    ];
    for (samples, words) in cases {
        assert_eq!(last(samples), Verdict::Failed(words.to_owned()), "{samples}");
        let before = &samples[..samples.len() - 1];
        assert!(!matches!(last(before), Verdict::Failed(_)), "{samples}: it failed too early");
    }
    assert!(matches!(last("+-+-+-+"), Verdict::Soaking(_)), "as often as failures in a row are forgiven");
}

#[test]
fn falls_before_a_restart_of_the_agent_count() {
    let before = |falls| Before { falls, ..Before::default() };
    assert!(matches!(verdicts("+-", before(2)).pop(), Some(Verdict::Soaking(_))));
    assert!(matches!(verdicts("+-", before(3)).pop(), Some(Verdict::Failed(_))));
    // While it starts it has its time, and nothing is a fall.
    assert!(matches!(verdicts("--+", before(3)).pop(), Some(Verdict::FirstHealthy)));
}

#[test]
fn without_a_soak_the_first_healthy_look_is_enough() {
    let mut watch = Watch::new(&Health { soak_seconds: 0, ..health() }, Before::default());
    assert_eq!(watch.take(Duration::ZERO, Some("ill"), &lives("-")), Verdict::Starting);
    assert_eq!(watch.take(Duration::from_secs(1), None, &lives("a")), Verdict::Passed);
}

/// Which run is seen at each second, a healthy one where there is one; and how that ends.
#[test]
fn a_service_that_is_another_run_than_it_was_has_failed() {
    let same = |life| Before { lives: Some(lives(life)), ..Before::default() };
    let cases: [(&[&str], Before, bool); 9] = [
        (&["-", "a", "a", "a"], Before::default(), false),
        (&["a", "a", "b"], Before::default(), true),
        (&["a", "-", "a"], Before::default(), false),
        (&["a", "-", "b"], Before::default(), true),
        // What it was before it was healthy for the first time is its own affair.
        (&["-", "-", "b", "b"], Before::default(), false),
        // The agent was restarted: the run that it watched before counts.
        (&["a", "a"], same("a"), false),
        (&["b"], same("a"), true),
        (&["-", "b"], same("a"), true),
        // One of which nobody could tell is not held to it.
        (&["b", "b"], same("-"), false),
    ];
    for (runs, before, fails) in cases {
        let mut watch = Watch::new(&health(), before.clone());
        let take = |(second, run): (u64, &&str)| {
            watch.take(Duration::from_secs(second), (*run == "-").then_some("no process"), &lives(run))
        };
        let verdicts: Vec<Verdict> = (0..).zip(runs).map(take).collect();
        let failed = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Failed(_)));
        assert_eq!(failed, fails.then_some(runs.len() - 1), "{runs:?} after {before:?}: {verdicts:?}");
    }
}

#[test]
fn a_machine_that_was_stopped_was_neither_healthy_nor_ill_meanwhile() {
    let at = Duration::from_secs;
    let long = Health { soak_seconds: 60, ..health() };
    let mut watch = Watch::new(&long, Before::default());
    assert_eq!(watch.take(at(0), None, &lives("a")), Verdict::FirstHealthy);
    let Verdict::Soaking(healthy) = watch.take(at(3600), None, &lives("a")) else { panic!("an hour that nobody saw") };
    assert_eq!(healthy, at(1) + SLACK, "the pause and what a look may take");

    let mut watch = Watch::new(&Health { start_within_seconds: 60, ..health() }, Before::default());
    assert_eq!(watch.take(at(0), Some("ill"), &lives("-")), Verdict::Starting);
    assert_eq!(watch.take(at(3600), Some("ill"), &lives("-")), Verdict::Starting, "it has had no time to start");
}

#[test]
fn what_was_watched_before_a_restart_counts() {
    assert_eq!(verdicts("++", after(4)).pop(), Some(Verdict::Passed));
    assert_eq!(
        verdicts("+", after(4)).pop(),
        Some(Verdict::FirstHealthy),
        "it must be seen healthy after the restart too"
    );
}
