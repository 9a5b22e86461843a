//! The local API: a Unix socket, one line of JSON in, lines of events out. Who asks is what the kernel says
//! (SO_PEERCRED, unix(7)); only root, or the user that the daemon itself runs as, may ask.

use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use super::Daemon;
use super::job::{Ended, failed};
use crate::event::Event;
use crate::exit::Exit;
use crate::host;
use crate::request::{Asked, Request};

/// Longest request, in bytes.
const LONGEST: u64 = 64 * 1024;
/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

impl Daemon {
    /// Answers one connection.
    pub(super) async fn answer(self: Rc<Self>, stream: UnixStream) {
        let by = asker(&stream);
        let (read, mut write) = stream.into_split();
        let ended = match (by, read_request(read).await) {
            (Err(refusal), _) | (_, Err(refusal)) => refusal,
            (Ok(by), Ok(request)) => self.job_soon(&Asked { by, request }, Some(&write)).await,
        };
        let line = serde_json::to_string(&Event::from(ended)).expect("an event has only text keys");
        // Whoever asked may have gone.
        let _ = write.write_all(format!("{line}\n").as_bytes()).await;
    }
}

fn asker(stream: &UnixStream) -> Result<String, Ended> {
    let peer = stream.peer_cred().map_err(|error| failed(Exit::Unexpected, format!("cannot see who asks: {error}")))?;
    let own = nix::unistd::geteuid().as_raw();
    if peer.uid() != 0 && peer.uid() != own {
        return Err(failed(Exit::Usage, "only root may ask the agent to change something".to_owned()));
    }
    Ok(host::user_name(peer.uid()))
}

async fn read_request(read: OwnedReadHalf) -> Result<Request, Ended> {
    let mut line = String::new();
    let mut limited = BufReader::new(read.take(LONGEST));
    let wrong = |reason: String| failed(Exit::Usage, format!("the request cannot be read: {reason}"));
    match tokio::time::timeout(PATIENCE, limited.read_line(&mut line)).await {
        Err(_) => Err(wrong("it did not come in time".to_owned())),
        Ok(Err(error)) => Err(wrong(error.to_string())),
        Ok(Ok(_)) if !line.ends_with('\n') => Err(wrong("it has no end".to_owned())),
        Ok(Ok(_)) => serde_json::from_str(&line).map_err(|error| wrong(error.to_string())),
    }
}
