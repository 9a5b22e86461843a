//! One job: a worker process, its events to whoever watches, and its end.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::process::{Child, Command};

use super::Daemon;
use crate::event::Event;
use crate::exit::Exit;
use crate::program;
use crate::request::{Asked, Request};

/// How long a person's request waits for a running job.
const SOON: Duration = Duration::from_secs(3);

/// How a job ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) answer: Option<serde_json::Value>,
}

impl From<Ended> for Event {
    fn from(ended: Ended) -> Self {
        Self::Ended { exit: ended.exit, message: ended.message, answer: ended.answer }
    }
}

impl Daemon {
    /// Waits for a running job to end, then runs this one.
    pub(super) async fn job_when_free(&self, asked: &Asked) -> Ended {
        while self.busy.get() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.job(asked, None).await
    }

    /// Waits a little for a running job, such as a short check by the schedule, then runs this one or says that another runs.
    pub(super) async fn job_soon(&self, asked: &Asked, watcher: Option<&OwnedWriteHalf>) -> Ended {
        let deadline = tokio::time::Instant::now() + SOON;
        while self.busy.get() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.job(asked, watcher).await
    }

    /// Runs a job, or says that another one runs.
    pub(super) async fn job(&self, asked: &Asked, watcher: Option<&OwnedWriteHalf>) -> Ended {
        if self.busy.replace(true) {
            return failed(Exit::Busy, "another update or check is running; 'surefoot status' shows it".to_owned());
        }
        self.notifier.working(true);
        let ended = self.run_worker(asked, watcher).await;
        self.notifier.working(false);
        self.busy.set(false);
        self.log(asked, &ended);
        // Busy: a worker of before still has the lock. Nobody else would look after what it leaves.
        if matches!(ended.exit, Exit::Unexpected | Exit::Busy) {
            self.trouble.notify_one();
        }
        self.ended.notify_one();
        ended
    }

    async fn run_worker(&self, asked: &Asked, watcher: Option<&OwnedWriteHalf>) -> Ended {
        match self.try_worker(asked, watcher).await {
            Ok(Some(ended)) => ended,
            // It was killed or crashed: whatever it had begun is put right before anything else happens.
            Ok(None) if asked.request != Request::Recover => {
                let recover = Asked { by: "the agent".to_owned(), request: Request::Recover };
                let outcome = Box::pin(self.run_worker(&recover, None)).await;
                let message = format!("the worker ended in the middle; then: {}", outcome.message);
                failed(Exit::Unexpected, message)
            }
            Ok(None) => failed(Exit::Unexpected, "the worker ended in the middle of recovering".to_owned()),
            Err(error) => failed(Exit::Unexpected, format!("cannot run the worker: {error}")),
        }
    }

    async fn try_worker(&self, asked: &Asked, watcher: Option<&OwnedWriteHalf>) -> std::io::Result<Option<Ended>> {
        let mut child = self.spawn()?;
        let mut line = serde_json::to_string(asked).expect("a request has only text keys");
        line.push('\n');
        let mut stdin = child.stdin.take().expect("it was piped");
        stdin.write_all(line.as_bytes()).await?;
        drop(stdin);
        let ended = self.follow(&mut child, watcher).await?;
        child.wait().await?;
        Ok(ended)
    }

    fn spawn(&self) -> std::io::Result<Child> {
        Command::new(program::own())
            .arg("--root")
            .arg(self.layout.root())
            .args(["internal", "worker"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    /// Passes events on. A watcher who goes away is not missed.
    async fn follow(&self, child: &mut Child, mut watcher: Option<&OwnedWriteHalf>) -> std::io::Result<Option<Ended>> {
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let mut last = None;
        while let Some(line) = lines.next_line().await? {
            self.notifier.progressed();
            let Ok(event) = serde_json::from_str::<Event>(&line) else { continue };
            if let Event::Ended { exit, message, answer } = event {
                last = Some(Ended { exit, message, answer });
                continue;
            }
            self.tell(&event);
            watcher = watcher.filter(|stream| pass_on(stream, &line));
        }
        Ok(last)
    }

    /// One line a step, there and back, in the journal of the machine, and the present one in `systemctl status`.
    fn tell(&self, event: &Event) {
        match event {
            Event::Step { words, number, of, .. } => {
                tracing::info!("[{number}/{of}] {words}");
                self.notifier.status(&format!("[{number}/{of}] {words}"));
            }
            Event::Note { text } => {
                tracing::info!("{text}");
                self.notifier.status(text);
            }
            Event::Progress { .. } | Event::Ended { .. } => {}
        }
    }

    fn log(&self, asked: &Asked, ended: &Ended) {
        if ended.exit != Exit::Ok {
            tracing::error!("{} (asked by {})", ended.message, asked.by);
        } else if !ended.message.is_empty() {
            tracing::info!("{}", ended.message);
        }
    }
}

/// Whether the watcher is still there. One who does not read, as on a terminal that was stopped, misses what is told
/// meanwhile: neither the daemon nor, behind a full pipe, the worker waits for it with the application down.
fn pass_on(stream: &OwnedWriteHalf, line: &str) -> bool {
    match stream.try_write(format!("{line}\n").as_bytes()) {
        Ok(written) => written == line.len() + 1,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

pub(super) fn failed(exit: Exit, message: String) -> Ended {
    Ended { exit, message, answer: None }
}
