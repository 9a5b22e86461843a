//! The daemon: recover, then wait for the schedule or for somebody who asks. It knows when, and who; what is done happens
//! in a worker process, so that the daemon stays small and a crash of the work is not a crash of the watch.
//!
//! One job at a time, on one thread. No state of its own: whatever it needs to know is in files.

mod api;
mod end;
mod job;
mod notify;
mod timing;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{Gid, Mode};
use tokio::net::UnixListener;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::clock::steady;
use crate::config;
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::program;
use crate::request::{Asked, Request};
use end::Signals;
use notify::Notifier;

/// Everything that the daemon's tasks share.
struct Daemon {
    layout: Layout,
    notifier: Notifier,
    /// Whether a job runs. Tasks share one thread, so a cell is enough.
    busy: Cell<bool>,
    /// Raised when a job ended in a way that may have left an update open.
    trouble: Notify,
    /// Raised after each job: a configuration may have come with it.
    ended: Notify,
}

/// How long to wait before looking after an update that a job may have left open, in seconds: soon, since its application may
/// be down; and ever longer, since what killed the worker may be a machine without memory.
const AFTER_TROUBLE: [u64; 4] = [1, 5, 15, 60];
/// No two checks by the schedule are closer than this, whatever the files say.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot listen, or another one does.
pub fn run(layout: &Layout) -> Result<Exit, Failure> {
    program::speak();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unexpected(&error))?;
    let daemon = Rc::new(Daemon {
        layout: layout.clone(),
        notifier: Notifier::default(),
        busy: Cell::new(false),
        trouble: Notify::new(),
        ended: Notify::new(),
    });
    LocalSet::new().block_on(&runtime, daemon.live())
}

impl Daemon {
    async fn live(self: Rc<Self>) -> Result<Exit, Failure> {
        let mut signals = Signals::listen()?;
        let listener = self.listen()?;
        tokio::select! {
            failure = Rc::clone(&self).serve(&listener) => return Err(failure),
            () = self.told_to_end(&mut signals) => {}
        }
        self.notifier.stopping();
        self.stop_listening();
        Ok(Exit::Ok)
    }

    /// Recovers, then waits for whoever asks. Comes to an end only when something is wrong.
    async fn serve(self: Rc<Self>, listener: &UnixListener) -> Failure {
        self.recover().await;
        self.notifier.ready();
        let mut watchdog = self.notifier.watchdog();
        let mut schedule = tokio::task::spawn_local(Rc::clone(&self).follow_schedule());
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => { tokio::task::spawn_local(Rc::clone(&self).answer(stream)); }
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}");
                        // Such as too many open files: it will not be better at once.
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                () = watchdog.tick() => self.notifier.alive(),
                // An agent without it would look alive and never check or recover again: systemd starts a new one.
                _ = &mut schedule => return Failure::new(Exit::Unexpected, "the schedule came to an end"),
            }
        }
    }

    /// Before anything else. A machine whose update is stuck still gets a daemon: it must be able to tell.
    async fn recover(&self) {
        self.notifier.status("recovering");
        let asked = Asked { by: "the start of the agent".to_owned(), request: Request::Recover };
        let job = self.job(&asked, None);
        tokio::pin!(job);
        let mut minute = tokio::time::interval(Duration::from_secs(60));
        let ended = loop {
            tokio::select! {
                ended = &mut job => break ended,
                // A restore can be silent for longer than systemd waits for a start.
                _ = minute.tick() => self.notifier.alive(),
            }
        };
        self.notifier.status(&ended.message);
    }

    async fn follow_schedule(self: Rc<Self>) {
        let mut at_least = Duration::ZERO;
        let mut trouble = 0;
        loop {
            self.watch_clock();
            let pause = timing::until_next(&self.layout);
            self.notifier.status(&pause.words);
            let request = tokio::select! {
                () = tokio::time::sleep(pause.duration.max(at_least)) => pause.check.then_some(Request::Poll),
                () = self.ended.notified() => None,
                () = self.trouble.notified() => {
                    // How things are now, not the step at which the worker ended.
                    self.notifier.status(&timing::until_next(&self.layout).words);
                    tokio::time::sleep(Duration::from_secs(AFTER_TROUBLE[trouble])).await;
                    Some(Request::Recover)
                }
            };
            if let Some(request) = request {
                let ended = self.job_when_free(&Asked { by: "the schedule".to_owned(), request }).await;
                let is_over = ended.exit != Exit::Unexpected;
                trouble = if is_over { 0 } else { (trouble + 1).min(AFTER_TROUBLE.len() - 1) };
                at_least = AT_LEAST;
            }
        }
    }

    /// What is removed by its age waits for a clock that has run steadily.
    fn watch_clock(&self) {
        let sight = steady::Sight::take(jiff::Timestamp::now());
        if let Err(error) = steady::watch(&self.layout.clock(), sight) {
            tracing::warn!("{}", crate::exit::chain(&error));
        }
    }

    fn listen(&self) -> Result<UnixListener, Failure> {
        let socket = self.layout.socket();
        let failure = |error: &dyn std::error::Error| {
            Failure::new(
                Exit::Unexpected,
                format!("cannot listen at {}: {}", socket.display(), crate::exit::chain(error)),
            )
        };
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return Err(Failure::new(Exit::Busy, format!("another surefoot listens at {}", socket.display())));
        }
        durable::make_dirs(&self.layout.run(), 0o755).map_err(|error| failure(&error))?;
        durable::remove_file(&socket).map_err(|error| failure(&error))?;
        let listener = UnixListener::bind(&socket).map_err(|error| failure(&error))?;
        rustix::fs::chmod(&socket, Mode::from_raw_mode(0o600)).map_err(|error| failure(&error))?;
        if let Some(group) = self.group() {
            // The owner stays; with the group it gets the way to the door, and what may be asked is asked at each request.
            rustix::fs::chown(&socket, None, Some(Gid::from_raw(group))).map_err(|error| failure(&error))?;
            rustix::fs::chmod(&socket, Mode::from_raw_mode(0o660)).map_err(|error| failure(&error))?;
        }
        Ok(listener)
    }

    /// The one group that configurations name. Files that cannot be read are told of elsewhere, and let nobody in.
    fn group(&self) -> Option<u32> {
        let all = config::load(&self.layout).ok()?;
        all.into_iter().find_map(|settings| settings.group).map(|group| group.gid)
    }

    fn stop_listening(&self) {
        if let Err(error) = durable::remove_file(&self.layout.socket()) {
            tracing::warn!("{}", crate::exit::chain(&error));
        }
    }
}

fn unexpected(error: &dyn std::error::Error) -> Failure {
    Failure::of(Exit::Unexpected, error)
}
