//! When the daemon ends. Told to stop, it waits until the application is not down because of an update that is under way:
//! an admin who stops the agent does not mean the application. Told to begin anew (SIGHUP, as the package does when it has
//! brought a new program), it ends when nothing is going on, and its service manager starts it again.
//!
//! Nothing is lost by an end at once: what a job had begun is finished or undone at the next start. That is how it is on a
//! machine that shuts down, and for whoever asks twice.

use std::time::Duration;

use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Daemon;
use crate::exit::Failure;
use crate::journal::{self, history};
use crate::layout::Layout;
use crate::update::resume;

/// The pause between two looks at what is going on.
const LOOK: Duration = Duration::from_millis(200);

/// The signals that a daemon listens to. Made before anything is begun: without it each of them would end the process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| super::unexpected(&error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::BeginAnew,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }
}

/// What a signal means.
#[derive(PartialEq, Eq)]
enum Told {
    Stop,
    BeginAnew,
}

impl Daemon {
    /// Returns when it is time to end.
    pub(super) async fn told_to_end(&self, signals: &mut Signals) {
        match signals.next().await {
            Told::BeginAnew if self.idle_before_stop(signals).await => {}
            Told::BeginAnew | Told::Stop => self.safe_to_stop(signals).await,
        }
    }

    /// Waits until nothing is going on; `false`: it was told to stop before.
    async fn idle_before_stop(&self, signals: &mut Signals) -> bool {
        if self.busy.get() {
            tracing::info!("the agent begins anew when what it is at is over");
        }
        tokio::select! {
            () = self.idle() => true,
            () = signals.stop() => false,
        }
    }

    async fn idle(&self) {
        while self.busy.get() {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn safe_to_stop(&self, signals: &mut Signals) {
        if !self.must_go_on().await {
            return self.say_what_is_open();
        }
        tracing::warn!(
            "told to stop while an update has the application down: it is finished or put back first; to stop at once: \
             systemctl kill --kill-whom=main surefoot"
        );
        loop {
            // systemd's patience with a stop is as long as the work gets on.
            self.notifier.alive();
            tokio::select! {
                () = signals.stop() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            if !self.must_go_on().await {
                break;
            }
        }
        self.say_what_is_open();
    }

    fn say_what_is_open(&self) {
        if self.busy.get() {
            tracing::warn!("stopped in the middle of a job: what it had begun is finished or undone at the next start");
        }
    }

    async fn must_go_on(&self) -> bool {
        self.busy.get() && is_an_application_down(&self.layout) && !is_machine_stopping().await
    }
}

/// Whether an update that is under way has an application down. A journal that cannot be read holds up nobody.
fn is_an_application_down(layout: &Layout) -> bool {
    let instances = layout.instances().unwrap_or_default();
    instances.iter().any(|here| {
        let journals = journal::read_all(&here.updates()).unwrap_or_default();
        history::open(&journals).is_some_and(resume::is_down)
    })
}

/// Whether the machine is shutting down: then systemd starts no service any more, and waiting would be in vain
/// (`is-system-running`, systemctl(1)).
async fn is_machine_stopping() -> bool {
    let asked = Command::new("systemctl").arg("is-system-running").kill_on_drop(true).output().await;
    asked.is_ok_and(|answer| answer.stdout.starts_with(b"stopping"))
}
