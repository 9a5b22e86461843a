//! What systemd is told (sd_notify(3)): ready, alive, and how things are in words. Elsewhere nobody listens, which is fine.

use std::cell::Cell;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// A worker that has said nothing for this long hangs: no step of an update is allowed to be silent longer than the longest
/// limit of a vendor's command.
const SILENCE: Duration = Duration::from_secs(13 * 60 * 60);
/// How long the start may take beyond the last sign of progress, while recovering.
const PATIENCE: Duration = Duration::from_secs(300);

/// The line to systemd.
pub(super) struct Notifier {
    progress: Cell<Instant>,
    working: Cell<bool>,
}

impl Default for Notifier {
    fn default() -> Self {
        Self { progress: Cell::new(Instant::now()), working: Cell::new(false) }
    }
}

impl Notifier {
    pub(super) fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    pub(super) fn status(&self, words: &str) {
        let line = words.lines().next().unwrap_or_default();
        tell(&[NotifyState::Status(line)]);
    }

    /// A job begins or ends.
    pub(super) fn working(&self, working: bool) {
        self.working.set(working);
        self.progress.set(Instant::now());
    }

    /// The job has come further.
    pub(super) fn progressed(&self) {
        self.progress.set(Instant::now());
        let patience = u32::try_from(PATIENCE.as_micros()).unwrap_or(u32::MAX);
        tell(&[NotifyState::ExtendTimeoutUsec(patience), NotifyState::Watchdog]);
    }

    /// Feeds the watchdog, and the patience of a start, unless a job runs and has been silent for too long.
    pub(super) fn alive(&self) {
        if !self.working.get() || self.progress.get().elapsed() < SILENCE {
            let patience = u32::try_from(PATIENCE.as_micros()).unwrap_or(u32::MAX);
            tell(&[NotifyState::ExtendTimeoutUsec(patience), NotifyState::Watchdog]);
        }
    }

    /// Ticks at half the interval that systemd wants, or never.
    pub(super) fn watchdog(&self) -> Watchdog {
        Watchdog(sd_notify::watchdog_enabled().map(|wanted| {
            let mut ticks = interval(wanted / 2);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        }))
    }
}

/// See [`Notifier::watchdog`].
pub(super) struct Watchdog(Option<Interval>);

impl Watchdog {
    pub(super) async fn tick(&mut self) {
        match &mut self.0 {
            Some(ticks) => {
                ticks.tick().await;
            }
            None => std::future::pending().await,
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("systemd cannot be told: {error}");
    }
}
