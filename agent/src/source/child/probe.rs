//! Asks a health URL of the application.
//!
//! Any status is an answer, a redirect too. Reads the beginning of the body and leaves the rest.

use std::io::{self, Write};
use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::client::{Clients, Kind, unreachable};
use super::output::Output;
use crate::source::wire::{Body, Failure, Probe, Tail};

/// Answers `probe`.
pub(super) async fn answer<W: Write>(clients: &mut Clients, probe: &Probe, output: &mut Output<W>) -> io::Result<()> {
    let patience = Duration::from_millis(probe.timeout_ms);
    let deadline = Instant::now() + patience;
    let Ok(asked) = timeout_at(deadline, ask(clients, probe, patience)).await else {
        return output.failed(late(patience));
    };
    let (status, body, tail) = match asked {
        Ok(mut response) => match timeout_at(deadline, read(&mut response, probe.cap)).await {
            Ok((body, tail)) => (response.status().as_u16(), body, tail),
            Err(_) => return output.failed(late(patience)),
        },
        Err(failure) => return output.failed(failure),
    };
    output.head(Body { status, ..Body::default() })?;
    output.bytes(&body)?;
    output.tail(&tail)
}

async fn ask(clients: &mut Clients, probe: &Probe, patience: Duration) -> Result<Response, Failure> {
    let url = Url::parse(&probe.url).map_err(|error| Failure::Unsafe { reason: error.to_string() })?;
    clients.guard.open();
    let client = clients.pick(Kind::to_probe(&url), patience)?;
    client.get(url).send().await.map_err(|error| unreachable(&error))
}

/// The body's first `cap` bytes. Kept here until they are complete, because what a deadline cuts off is no answer.
async fn read(response: &mut Response, cap: u64) -> (Vec<u8>, Tail) {
    let mut body = Vec::new();
    let cap = usize::try_from(cap).unwrap_or(usize::MAX);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if chunk.len() > cap - body.len() => {
                body.extend_from_slice(&chunk[..cap - body.len()]);
                return (body, Tail::Truncated);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return (body, Tail::Complete),
            Err(error) => return (body, Tail::Failed(unreachable(&error))),
        }
    }
}

fn late(patience: Duration) -> Failure {
    Failure::Unreachable { reason: format!("no answer within {} s", patience.as_secs_f32()) }
}
