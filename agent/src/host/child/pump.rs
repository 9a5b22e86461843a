//! Moves bytes between a child's pipes and this program until the child has ended, the limit is reached, or one side fails.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open};

use super::{ChildError, Ended, Group, Said};

/// How long the pipes of a child that has ended are still listened to. Its group is gone by then; only a process that left
/// the group could hold them open, and nobody waits for that one.
const AFTERWARDS: Duration = Duration::from_secs(2);

type Each<'a> = &'a mut dyn FnMut(&[u8]) -> std::io::Result<()>;

/// Why the pump stopped before the child had ended by itself.
pub(super) enum Stopped {
    Limit(Box<(Said, Said)>),
    Pipe(&'static str, std::io::Error),
}

impl Stopped {
    pub(super) fn into_error(self, program: PathBuf, limit: Duration) -> ChildError {
        match self {
            Self::Limit(said) => {
                let (out, err) = *said;
                let heard = format!("{}{}", out.text(), err.text()).into();
                ChildError::TimedOut { program, limit, last_words: err.last_words(), heard }
            }
            Self::Pipe(act, source) => ChildError::Pipe { act, program, source },
        }
    }
}

/// Runs the child to its end. Whatever the outcome, no process of its group is left.
pub(super) fn run<'a>(
    mut group: Group,
    reader: Option<&'a mut dyn Read>,
    each: Option<Each<'a>>,
    deadline: Instant,
) -> Result<Ended, Stopped> {
    let pidfd = pidfd_open(group.pid(), PidfdFlags::empty()).map_err(|error| Stopped::Pipe("watch", error.into()))?;
    let mut pump = Pump {
        stdin: group.child.stdin.take(),
        stdout: group.child.stdout.take(),
        stderr: group.child.stderr.take(),
        alive: Some(pidfd),
        feed: Feed { reader, waiting: Vec::new(), sent: 0 },
        each,
        out: Said::default(),
        err: Said::default(),
    };
    pump.unblock().map_err(|error| Stopped::Pipe("watch", error.into()))?;
    let mut limit = deadline;
    while pump.is_open() {
        let had_ended = pump.alive.is_none();
        if !pump.wait(limit)? {
            if had_ended {
                break;
            }
            return Err(Stopped::Limit(Box::new((pump.out, pump.err))));
        }
        if !had_ended && pump.alive.is_none() {
            group.end();
            limit = Instant::now() + AFTERWARDS;
        }
    }
    let status = group.end().ok_or_else(|| Stopped::Pipe("wait for", Errno::CHILD.into()))?;
    Ok(Ended { status, out: pump.out, err: pump.err })
}

struct Pump<'a> {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// The pidfd until the child has ended.
    alive: Option<OwnedFd>,
    feed: Feed<'a>,
    each: Option<Each<'a>>,
    out: Said,
    err: Said,
}

/// Which descriptors poll(2) found ready.
#[derive(Default)]
struct Ready {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    ended: bool,
}

impl Pump<'_> {
    fn is_open(&self) -> bool {
        self.alive.is_some() || self.stdout.is_some() || self.stderr.is_some()
    }

    fn unblock(&self) -> Result<(), Errno> {
        let ours = [
            self.stdin.as_ref().map(AsFd::as_fd),
            self.stdout.as_ref().map(AsFd::as_fd),
            self.stderr.as_ref().map(AsFd::as_fd),
        ];
        for fd in ours.into_iter().flatten() {
            fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?;
        }
        Ok(())
    }

    /// Waits until something can be moved and moves it; `false`: the limit came first.
    fn wait(&mut self, limit: Instant) -> Result<bool, Stopped> {
        let left = limit.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let ready = self.poll(left).map_err(|error| Stopped::Pipe("watch", error.into()))?;
        if ready.stdin {
            self.feed().map_err(|error| Stopped::Pipe("write to", error))?;
        }
        if ready.stdout {
            self.hear_out().map_err(|error| Stopped::Pipe("read from", error))?;
        }
        if ready.stderr {
            self.hear_err().map_err(|error| Stopped::Pipe("read from", error))?;
        }
        if ready.ended {
            self.alive = None;
            self.stdin = None;
        }
        Ok(true)
    }

    fn poll(&self, left: Duration) -> Result<Ready, Errno> {
        let watched: [(Option<BorrowedFd<'_>>, PollFlags); 4] = [
            (self.stdin.as_ref().map(AsFd::as_fd), PollFlags::OUT),
            (self.stdout.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (self.stderr.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (self.alive.as_ref().map(AsFd::as_fd), PollFlags::IN),
        ];
        let mut fds: Vec<PollFd<'_>> =
            watched.iter().filter_map(|(fd, flags)| Some(PollFd::from_borrowed_fd((*fd)?, *flags))).collect();
        let timeout =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let mut results = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut next = |fd: &Option<BorrowedFd<'_>>| fd.is_some() && results.next().unwrap_or(false);
        Ok(Ready {
            stdin: next(&watched[0].0),
            stdout: next(&watched[1].0),
            stderr: next(&watched[2].0),
            ended: next(&watched[3].0),
        })
    }

    fn feed(&mut self) -> std::io::Result<()> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        if !self.feed.send(stdin)? {
            self.stdin = None;
        }
        Ok(())
    }

    fn hear_out(&mut self) -> std::io::Result<()> {
        let Some(pipe) = &mut self.stdout else { return Ok(()) };
        let mut piece = [0; 64 * 1024];
        match read_some(pipe, &mut piece)? {
            Some(0) => self.stdout = None,
            Some(length) => match &mut self.each {
                Some(each) => each(&piece[..length])?,
                None => self.out.hear(&piece[..length]),
            },
            None => {}
        }
        Ok(())
    }

    fn hear_err(&mut self) -> std::io::Result<()> {
        let Some(pipe) = &mut self.stderr else { return Ok(()) };
        let mut piece = [0; 16 * 1024];
        match read_some(pipe, &mut piece)? {
            Some(0) => self.stderr = None,
            Some(length) => self.err.hear(&piece[..length]),
            None => {}
        }
        Ok(())
    }
}

/// Reads once; `None`: nothing there now.
fn read_some(pipe: &mut impl Read, piece: &mut [u8]) -> std::io::Result<Option<usize>> {
    match pipe.read(piece) {
        Ok(length) => Ok(Some(length)),
        Err(error) if would_wait(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn would_wait(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
}

/// What is still to be written to the child.
struct Feed<'a> {
    reader: Option<&'a mut dyn Read>,
    waiting: Vec<u8>,
    sent: usize,
}

impl Feed<'_> {
    /// Sends once; `false`: there is no more, or the child has stopped reading, which its exit status will explain.
    fn send(&mut self, stdin: &mut ChildStdin) -> std::io::Result<bool> {
        if self.sent == self.waiting.len() && !self.fill()? {
            return Ok(false);
        }
        match stdin.write(&self.waiting[self.sent..]) {
            Ok(length) => self.sent += length,
            Err(error) if would_wait(&error) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn fill(&mut self) -> std::io::Result<bool> {
        let Some(reader) = &mut self.reader else { return Ok(false) };
        self.waiting.resize(64 * 1024, 0);
        let length = loop {
            match reader.read(&mut self.waiting) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.waiting.truncate(length);
        self.sent = 0;
        Ok(length > 0)
    }
}
