//! The engine's end of the pipe to the fetch process.
//!
//! Where the machine has a unit for it, there are two: what is elsewhere is read by the unit, which has the network; what is
//! on this machine, a directory or a health question on loopback, by a child, which has no network but loopback and sees
//! this machine's files as the engine does. Neither has privileges.
//!
//! Knows the protocol of `wire` and believes none of it: whatever the process on the other end does, it gives wrong
//! bytes at worst, no more of them than asked for, and an answer or an error in bounded time. A process that breaks
//! the protocol, or whose answer is not read to the end, is killed; the next request starts another.

pub(crate) mod pipe;
mod process;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use self::pipe::{Frames, Patience, PipeError};
use self::process::{Launch, Process};
use super::spec::is_loopback;
use super::wire::{ANSWER_LINE, Body, Failure, Get, Head, Location, Probe, Request, Tail, clean};
use super::{Sink, SourceError};

/// What the engine waits beyond the limits that the fetch process keeps by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Reads what is elsewhere, through a process without privileges.
///
/// Use it on the thread that made it: the kernel ends the process with that thread (`prctl(2)`,
/// `PR_SET_PDEATHSIG`), and a new one is started for the next request.
#[derive(Debug)]
pub struct Fetcher {
    child: Lane,
    /// For what is not on this machine; the child where there is none.
    unit: Option<Lane>,
}

/// One way to a fetch process, and the process where there is one.
#[derive(Debug)]
struct Lane {
    launch: Launch,
    process: Option<Process>,
}

/// A finished transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes given to the sink.
    pub length: u64,
    /// Length of the whole file, where the source told it.
    pub total: Option<u64>,
    /// The source's entity tag.
    pub etag: Option<String>,
    /// Whether the file is still what the request's entity tag stands for; then no bytes were given.
    pub unchanged: bool,
}

/// What a health URL said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body's beginning.
    pub body: Vec<u8>,
    /// Whether the body goes on after that.
    pub truncated: bool,
}

impl Fetcher {
    /// Starts `program internal fetch` as `user` (user and group id). The agent gives its own executable, and a user
    /// whenever it is root: the fetch process refuses to work as root. Of the environment it gets what names proxies
    /// and CA certificates.
    ///
    /// # Errors
    /// [`SourceError::Process`] where the program cannot be started.
    pub fn start(program: &Path, user: Option<(u32, u32)>) -> Result<Self, SourceError> {
        Self::start_in(program, user, process::inherited())
    }

    /// Like [`Fetcher::start`], with this environment and nothing else.
    ///
    /// # Errors
    /// [`SourceError::Process`] where the program cannot be started.
    pub fn start_in(
        program: &Path,
        user: Option<(u32, u32)>,
        environment: Vec<(OsString, OsString)>,
    ) -> Result<Self, SourceError> {
        let mut child = Lane::new(Launch::Child { program: program.to_owned(), user, environment });
        let location = || child.launch.target().display().to_string();
        let process = child.launch.start().map_err(|reason| SourceError::Process { location: location(), reason })?;
        child.process = Some(process);
        Ok(Self { child, unit: None })
    }

    /// Has what is elsewhere read by the unit that listens at `socket`, and what is on this machine by a child as
    /// [`Fetcher::start`] makes it. Nothing is started or reached before it is needed.
    #[must_use]
    pub fn through(socket: &Path, program: &Path, user: Option<(u32, u32)>) -> Self {
        let child = Launch::Child { program: program.to_owned(), user, environment: process::inherited() };
        let unit = Launch::Unit { socket: socket.to_owned() };
        Self { child: Lane::new(child), unit: Some(Lane::new(unit)) }
    }

    /// Gives the bytes that `request` asks for to `sink`, in order. Not tried again here.
    ///
    /// # Errors
    /// Also after some bytes were given; these stay good.
    pub fn get(&mut self, request: &Get, sink: &mut Sink<'_>) -> Result<Fetched, SourceError> {
        let patience = Patience::new(
            request.timeouts.head().saturating_add(GRACE),
            request.timeouts.total().saturating_add(GRACE),
        );
        let location = request.location.to_string();
        let asked = Request::Get(request.clone());
        let (body, tail, length) = self.exchange(&location, &asked, patience, request.cap, sink)?;
        match tail {
            Tail::Complete => Ok(Fetched {
                length,
                total: body.total,
                etag: body.etag.as_deref().map(clean),
                unchanged: body.status == 304 && request.if_none_match.is_some(),
            }),
            Tail::Truncated => Err(SourceError::TooLarge { location, cap: request.cap }),
            Tail::Failed(failure) => Err(failure.at(&location)),
        }
    }

    /// Asks the health URL `url`: at most `timeout` in all, at most `cap` bytes of the body. Any status is an answer.
    ///
    /// # Errors
    /// Where no answer came.
    pub fn probe(&mut self, url: &str, timeout: Duration, cap: u64) -> Result<Answer, SourceError> {
        let limit = timeout.saturating_add(GRACE);
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let asked = Request::Probe(Probe { url: url.to_owned(), timeout_ms, cap });
        let mut answer = Vec::new();
        let (body, tail, _) = self.exchange(url, &asked, Patience::new(limit, limit), cap, &mut |bytes| {
            answer.extend_from_slice(bytes);
            Ok(())
        })?;
        match tail {
            Tail::Complete => Ok(Answer { status: body.status, body: answer, truncated: false }),
            Tail::Truncated => Ok(Answer { status: body.status, body: answer, truncated: true }),
            Tail::Failed(failure) => Err(failure.at(url)),
        }
    }

    fn lane(&mut self, request: &Request) -> &mut Lane {
        match &mut self.unit {
            Some(unit) if !is_here(request) => unit,
            Some(_) | None => &mut self.child,
        }
    }

    /// One request and its answer. The process survives where the protocol was kept to the end.
    fn exchange(
        &mut self,
        location: &str,
        request: &Request,
        patience: Patience,
        cap: u64,
        sink: &mut Sink<'_>,
    ) -> Result<(Body, Tail, u64), SourceError> {
        let process = |reason| SourceError::Process { location: location.to_owned(), reason };
        let lane = self.lane(request);
        let mut running = match lane.process.take().and_then(Process::still_running) {
            Some(running) => running,
            None => lane.launch.start().map_err(process)?,
        };
        let outcome = running.ask(request).and_then(|()| receive(&mut running.answers, patience, cap, sink));
        let trouble = match outcome {
            Ok(received) => {
                lane.process = Some(running);
                return Ok(received);
            }
            Err(trouble) => trouble,
        };
        match trouble {
            Trouble::Failed(failure) => {
                lane.process = Some(running);
                Err(failure.at(location))
            }
            Trouble::Stopped(reason) => Err(SourceError::Stopped { location: location.to_owned(), reason }),
            Trouble::Pipe(error) => Err(process(running.end(&error))),
        }
    }
}

impl Lane {
    fn new(launch: Launch) -> Self {
        Self { launch, process: None }
    }
}

/// Whether a request needs no network but loopback. A source that is asked by URL has its bytes parsed in the better sandbox
/// wherever it is; so has a health question to a name, which may be of this machine or not.
fn is_here(request: &Request) -> bool {
    match request {
        Request::Get(get) => matches!(get.location, Location::File(_)),
        Request::Probe(probe) => {
            url::Url::parse(&probe.url).is_ok_and(|url| url.host().is_some_and(|host| is_loopback(&host)))
        }
    }
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The process said so.
    Failed(Failure),
    /// The receiver of the bytes said so.
    Stopped(String),
    /// The process itself is the trouble.
    Pipe(PipeError),
}

impl From<PipeError> for Trouble {
    fn from(error: PipeError) -> Self {
        Self::Pipe(error)
    }
}

pub(crate) fn receive(
    answers: &mut Frames,
    patience: Patience,
    cap: u64,
    sink: &mut Sink<'_>,
) -> Result<(Body, Tail, u64), Trouble> {
    let body = match answers.line(ANSWER_LINE, &patience)? {
        Head::Body(body) => body,
        Head::Failed(failure) => return Err(Trouble::Failed(failure)),
    };
    let mut given = 0;
    while let Some(chunk) = answers.chunk(&patience)? {
        given += chunk.len() as u64;
        if given > cap {
            return Err(PipeError::Nonsense("more bytes than were asked for").into());
        }
        sink(chunk).map_err(Trouble::Stopped)?;
    }
    let tail = answers.line(ANSWER_LINE, &patience)?;
    Ok((body, tail, given))
}

#[cfg(test)]
mod tests;
