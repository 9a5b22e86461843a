//! The fetch process: requests in on standard input, bytes out on standard output, no disk of its own.
//!
//! The only place of the agent with HTTP and TLS in it. Runs as the user `surefoot` and gives up at the start what it
//! can. Refuses to know what is fetched and why. It stays for many requests, so that connections are used again, and
//! ends when its standard input does.

mod client;
mod confine;
mod file;
mod http;
mod list;
mod output;
mod probe;
mod redirect;
pub(crate) mod verdict;

use std::io::{self, BufRead, BufReader, Read, Write};

use tokio::runtime::{Builder, Runtime};

use super::wire::{Api, Failure, Get, Location, REQUEST_LINE, Request, Wants};
use client::Clients;
use output::Output;

/// Answers requests until `stdin` ends: the body of the hidden verb `internal fetch`.
///
/// # Errors
/// When the engine is gone or speaks nonsense; there is nobody left to tell, so the process just ends.
pub fn serve(stdin: impl Read, stdout: impl Write) -> io::Result<()> {
    let confined = confine::confine();
    let mut requests = BufReader::with_capacity(REQUEST_LINE, stdin);
    let mut worker = Worker::new(Output::new(stdout))?;
    while let Some(request) = next_request(&mut requests)? {
        match &confined {
            Ok(()) => worker.answer(&request)?,
            Err(reason) => worker.output.failed(Failure::Local { reason: reason.clone() })?,
        }
    }
    // A resolver may still be waiting for a dead name server; nobody waits for it.
    worker.runtime.shutdown_background();
    Ok(())
}

struct Worker<W> {
    runtime: Runtime,
    clients: Clients,
    output: Output<W>,
}

impl<W: Write> Worker<W> {
    fn new(output: Output<W>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Self { runtime, clients: Clients::default(), output })
    }

    fn answer(&mut self, request: &Request) -> io::Result<()> {
        let Self { runtime, clients, output } = self;
        match request {
            Request::Get(get) => match &get.location {
                Location::File(path) => file::answer(path, get, output),
                Location::Url(url) => runtime.block_on(answer_http(clients, url, get, output)),
            },
            Request::Probe(probe) => runtime.block_on(probe::answer(clients, probe, output)),
        }
    }
}

async fn answer_http<W: Write>(clients: &mut Clients, url: &str, get: &Get, output: &mut Output<W>) -> io::Result<()> {
    match http::open(clients, url, get).await {
        Ok(opened) => match &get.api {
            Some(Api { wants: Wants::Listing, .. }) => list::answer(opened, get, output).await,
            Some(Api { wants: Wants::Bytes, .. }) | None => http::pour(opened, get, output).await,
        },
        Err(failure) => output.failed(failure),
    }
}

pub(crate) fn next_request(from: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = Vec::new();
    from.take(REQUEST_LINE as u64).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\n") {
        Some(line) => Ok(Some(serde_json::from_slice(line)?)),
        None if line.is_empty() => Ok(None),
        None => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_request_is_an_error_and_no_request_is_the_end() {
        assert!(next_request(&mut &b"{\"probe\""[..]).is_err());
        assert!(next_request(&mut &b"nonsense\n"[..]).is_err());
        assert!(matches!(next_request(&mut &b""[..]), Ok(None)));
    }

    #[test]
    fn a_request_longer_than_a_page_is_refused() {
        let line = format!("{}\n", " ".repeat(REQUEST_LINE));
        assert!(next_request(&mut line.as_bytes()).is_err());
    }
}
