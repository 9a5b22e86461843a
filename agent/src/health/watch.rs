//! What a row of samples means: a pure machine of three states. First the application has some time to become healthy;
//! then it must stay healthy for as long as the soak takes. A few failed samples in a row are forgiven, and a few such falls;
//! that a service is another process than it was is not.
//!
//! Only time between two samples of this watch counts, and of a long gap only as much as a look may take: a machine that was
//! off, asleep or stopped was not healthy meanwhile, nor was it ill.

use std::collections::BTreeMap;
use std::time::Duration;

use manifest_schema::path::Name;
use manifest_schema::profile::Health;

/// Which run of each service it is; a service of which nobody can tell is not among them.
pub type Lives = BTreeMap<Name, String>;

/// What a look may take beyond its pause and the checks' own limits.
const SLACK: Duration = Duration::from_secs(10);

/// What an earlier watch of the same release has seen, before a restart of the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// For how long it was healthy.
    pub healthy: Duration,
    /// How often it has fallen ill since it was healthy for the first time.
    pub falls: u32,
    /// Which runs were watched; nothing when the machine has been started anew since, and every service with it.
    pub lives: Option<Lives>,
}

/// A watch over one start.
#[derive(Clone, Debug)]
pub struct Watch {
    start_within: Duration,
    soak: Duration,
    most_failures: u32,
    longest_gap: Duration,
    last: Option<Duration>,
    waited: Duration,
    was_healthy: bool,
    is_healthy: bool,
    healthy: Duration,
    failures: u32,
    falls: u32,
    lives: Option<Lives>,
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
    /// A watch that goes on where another one ended.
    pub fn new(health: &Health, before: Before) -> Self {
        let checks = health.checks.iter().map(|check| check.timeout_seconds).fold(0, u64::saturating_add);
        Self {
            start_within: Duration::from_secs(health.start_within_seconds),
            soak: Duration::from_secs(health.soak_seconds),
            most_failures: health.failures,
            longest_gap: Duration::from_secs(health.interval_seconds.saturating_add(checks)).saturating_add(SLACK),
            last: None,
            waited: Duration::ZERO,
            was_healthy: false,
            is_healthy: false,
            healthy: before.healthy,
            failures: 0,
            falls: before.falls,
            lives: before.lives,
        }
    }

    /// Takes a sample at `at`, by a clock that never steps back; `problem` is what was wrong, and `lives` which runs of the
    /// services were seen running.
    pub fn take(&mut self, at: Duration, problem: Option<&str>, lives: &Lives) -> Verdict {
        let passed = self.last.replace(at).map_or(Duration::ZERO, |last| (at - last).min(self.longest_gap));
        self.waited += passed;
        if let Some(service) = self.lives.as_ref().and_then(|before| another_life(before, lives)) {
            let seconds = self.healthy.as_secs();
            return Verdict::Failed(format!(
                "healthy for {seconds} s, then service {service} ended and was started again by somebody"
            ));
        }
        match problem {
            None => self.take_good(passed, lives),
            Some(problem) => self.take_bad(problem),
        }
    }

    /// How often it has fallen ill.
    pub fn falls(&self) -> u32 {
        self.falls
    }

    /// Which runs of the services are watched.
    pub fn lives(&self) -> Option<&Lives> {
        self.lives.as_ref()
    }

    fn take_good(&mut self, passed: Duration, lives: &Lives) -> Verdict {
        self.failures = 0;
        // What was healthy at one end of the gap only was not healthy in it.
        if std::mem::replace(&mut self.is_healthy, true) {
            self.healthy += passed;
        }
        self.lives.get_or_insert_with(|| lives.clone());
        if self.soak.is_zero() || (self.was_healthy && self.healthy >= self.soak) {
            return Verdict::Passed;
        }
        if std::mem::replace(&mut self.was_healthy, true) {
            return Verdict::Soaking(self.healthy);
        }
        Verdict::FirstHealthy
    }

    fn take_bad(&mut self, problem: &str) -> Verdict {
        let falls = std::mem::replace(&mut self.is_healthy, false);
        if !self.was_healthy {
            if self.waited < self.start_within {
                return Verdict::Starting;
            }
            let seconds = self.start_within.as_secs();
            return Verdict::Failed(format!("not healthy within {seconds} s: {problem}"));
        }
        self.failures += 1;
        self.falls += u32::from(falls);
        let seconds = self.healthy.as_secs();
        if self.failures >= self.most_failures {
            return Verdict::Failed(format!("healthy for {seconds} s, then no more: {problem}"));
        }
        // As many falls as failures in a row: who forgives more of these forgives more of those.
        if self.falls > self.most_failures {
            let falls = self.falls;
            return Verdict::Failed(format!(
                "healthy for {seconds} s in all, and ill {falls} times in between: {problem}"
            ));
        }
        Verdict::Soaking(self.healthy)
    }
}

/// The first service that runs, and not as the run that it was.
fn another_life<'a>(before: &'a Lives, now: &Lives) -> Option<&'a Name> {
    before.iter().find(|(service, life)| now.get(*service).is_some_and(|now| now != *life)).map(|(service, _)| service)
}

#[cfg(test)]
mod tests;
