//! What a row of samples means: a pure machine of three states. First the application has some time to become healthy;
//! then it must stay healthy, with a few failed samples in a row forgiven, for as long as the soak takes.
//!
//! Only time between two samples of this watch counts: a machine that was off was not healthy meanwhile. A service that dies
//! and is started again between two samples looks healthy in both, so the service manager's count of restarts is watched too.

use std::time::Duration;

use manifest_schema::profile::Health;

/// A watch over one start.
#[derive(Clone, Debug)]
pub struct Watch {
    start_within: Duration,
    soak: Duration,
    most_failures: u32,
    began: Option<Duration>,
    last_healthy: Option<Duration>,
    healthy: Duration,
    failures: u32,
    /// The restarts that were counted when it was healthy for the first time.
    restarts: Option<u32>,
}

/// What is known after a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not healthy yet, and still within its time.
    Starting,
    /// Healthy for the first time.
    FirstHealthy,
    /// Healthy for so long now.
    Soaking(Duration),
    /// It has stood the test.
    Passed,
    /// It has not.
    Failed(String),
}

impl Watch {
    /// A watch that counts `healthy` as already watched, from before a restart of the agent.
    pub fn new(health: &Health, healthy: Duration) -> Self {
        Self {
            start_within: Duration::from_secs(health.start_within_seconds),
            soak: Duration::from_secs(health.soak_seconds),
            most_failures: health.failures,
            began: None,
            last_healthy: None,
            healthy,
            failures: 0,
            restarts: None,
        }
    }

    /// Takes a sample at `at`, by a clock that never steps back; `problem` is what was wrong, and `restarts` how often services
    /// have been started again by their manager.
    pub fn take(&mut self, at: Duration, problem: Option<&str>, restarts: u32) -> Verdict {
        let began = *self.began.get_or_insert(at);
        if self.restarts.is_some_and(|before| restarts > before) {
            let seconds = self.healthy.as_secs();
            return Verdict::Failed(format!(
                "healthy for {seconds} s, then a service died and had to be started again"
            ));
        }
        match problem {
            None => self.take_good(at, restarts),
            Some(problem) => self.take_bad(at - began, problem),
        }
    }

    fn take_good(&mut self, at: Duration, restarts: u32) -> Verdict {
        self.failures = 0;
        if let Some(last) = self.last_healthy.replace(at) {
            self.healthy += at - last;
        }
        if self.soak.is_zero() || (self.restarts.is_some() && self.healthy >= self.soak) {
            return Verdict::Passed;
        }
        if self.restarts.replace(restarts).is_some() {
            return Verdict::Soaking(self.healthy);
        }
        Verdict::FirstHealthy
    }

    fn take_bad(&mut self, since_start: Duration, problem: &str) -> Verdict {
        self.last_healthy = None;
        if self.restarts.is_none() {
            if since_start < self.start_within {
                return Verdict::Starting;
            }
            let seconds = self.start_within.as_secs();
            return Verdict::Failed(format!("not healthy within {seconds} s: {problem}"));
        }
        self.failures += 1;
        if self.failures < self.most_failures {
            return Verdict::Soaking(self.healthy);
        }
        let seconds = self.healthy.as_secs();
        Verdict::Failed(format!("healthy for {seconds} s, then no more: {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter a second: `+` healthy, `-` not.
    fn verdicts(samples: &str, watched: u64) -> Vec<Verdict> {
        let health = Health { start_within_seconds: 3, soak_seconds: 4, failures: 2, ..Health::default() };
        let mut watch = Watch::new(&health, Duration::from_secs(watched));
        samples
            .chars()
            .enumerate()
            .map(|(second, letter)| {
                watch.take(Duration::from_secs(100 + second as u64), (letter == '-').then_some("ill"), 0)
            })
            .collect()
    }

    fn last(samples: &str, watched: u64) -> Verdict {
        verdicts(samples, watched).pop().unwrap()
    }

    #[test]
    fn it_passes_after_the_soak_and_not_before() {
        assert_eq!(verdicts("-+", 0), [Verdict::Starting, Verdict::FirstHealthy]);
        assert!(matches!(last("-++++", 0), Verdict::Soaking(_)));
        assert_eq!(last("-+++++", 0), Verdict::Passed);
    }

    #[test]
    fn one_failed_sample_is_forgiven_but_does_not_count() {
        assert_eq!(last("+-+", 0), Verdict::Soaking(Duration::ZERO));
        assert_eq!(last("+++-+++", 0), Verdict::Passed);
        assert!(matches!(last("+++-++", 0), Verdict::Soaking(_)));
    }

    #[test]
    fn it_fails_when_it_never_becomes_healthy_or_falls_ill() {
        assert!(matches!(last("----", 0), Verdict::Failed(reason) if reason.contains("within 3 s: ill")));
        assert!(matches!(last("++--", 0), Verdict::Failed(reason) if reason.contains("then no more: ill")));
    }

    #[test]
    fn without_a_soak_the_first_healthy_look_is_enough() {
        let health = Health { soak_seconds: 0, ..Health::default() };
        let mut watch = Watch::new(&health, Duration::ZERO);
        assert_eq!(watch.take(Duration::ZERO, Some("ill"), 0), Verdict::Starting);
        assert_eq!(watch.take(Duration::from_secs(1), None, 0), Verdict::Passed);
    }

    #[test]
    fn a_service_that_dies_during_the_soak_and_is_started_again_has_failed() {
        let mut watch = Watch::new(&Health { soak_seconds: 4, ..Health::default() }, Duration::ZERO);
        let mut take = |second, problem, restarts| watch.take(Duration::from_secs(second), problem, restarts);
        assert_eq!(take(0, Some("ill"), 0), Verdict::Starting);
        assert_eq!(take(1, None, 2), Verdict::FirstHealthy, "how it got up is its own affair");
        assert!(matches!(take(2, None, 2), Verdict::Soaking(_)));
        assert!(matches!(take(3, None, 3), Verdict::Failed(reason) if reason.contains("died")));
    }

    #[test]
    fn what_was_watched_before_a_restart_counts() {
        assert_eq!(last("++", 4), Verdict::Passed);
        assert_eq!(last("+", 4), Verdict::FirstHealthy, "it must be seen healthy after the restart too");
    }
}
