//! The local API: a Unix socket, one line of JSON in, lines of events out. Who asks is what the kernel says
//! (SO_PEERCRED, unix(7)): root, the user that the daemon itself runs as, or for one instance a member of the group that its
//! configuration names.

use std::rc::Rc;
use std::time::Duration;

use manifest_schema::path::Name;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, UCred};

use super::Daemon;
use super::job::{Ended, failed};
use crate::config;
use crate::event::Event;
use crate::exit::Exit;
use crate::host;
use crate::layout::Layout;
use crate::request::{Asked, Request};

/// Longest request, in bytes.
const LONGEST: u64 = 64 * 1024;
/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

impl Daemon {
    /// Answers one connection.
    pub(super) async fn answer(self: Rc<Self>, stream: UnixStream) {
        let peer = stream.peer_cred();
        let (read, mut write) = stream.into_split();
        let ended = match (peer, read_request(read).await) {
            (Err(error), _) => failed(Exit::Unexpected, format!("cannot see who asks: {error}")),
            (Ok(_), Err(refusal)) => refusal,
            (Ok(peer), Ok(request)) => match may_ask(&self.layout, peer, &request) {
                Ok(()) => {
                    let by = host::user_name(peer.uid());
                    self.job_soon(&Asked { by, request }, Some(&write)).await
                }
                Err(refusal) => failed(Exit::Usage, refusal.to_owned()),
            },
        };
        let line = serde_json::to_string(&Event::from(ended)).expect("an event has only text keys");
        // Whoever asked may have gone.
        let _ = write.write_all(format!("{line}\n").as_bytes()).await;
    }
}

/// Who is neither root nor the agent's own user is asked for the group at each request: whoever leaves it may ask no more.
fn may_ask(layout: &Layout, peer: UCred, request: &Request) -> Result<(), &'static str> {
    let own = nix::unistd::geteuid().as_raw();
    if peer.uid() == 0 || peer.uid() == own {
        return Ok(());
    }
    let stranger = "only root may ask the agent to change something";
    let instance = request.instance().map(Name::as_str);
    let group = config::select(layout, instance).ok().and_then(|settings| settings.group).ok_or(stranger)?;
    if !is_member(peer, group.gid) {
        return Err(stranger);
    }
    if is_for_members(request) { Ok(()) } else { Err("only root may ask for this, whatever the group") }
}

/// As the machine's list of groups has it, or by the group that the process itself has (newgrp(1)).
fn is_member(peer: UCred, gid: u32) -> bool {
    let groups = || {
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(peer.uid())).ok()??;
        let name = std::ffi::CString::new(user.name).ok()?;
        nix::unistd::getgrouplist(&name, user.gid).ok()
    };
    peer.gid() == gid || groups().is_some_and(|groups| groups.iter().any(|group| group.as_raw() == gid))
}

/// What concerns an instance as it is configured. What is managed at all is for root to say, and what concerns all instances.
fn is_for_members(request: &Request) -> bool {
    match request {
        Request::Check { .. }
        | Request::Update { .. }
        | Request::Approve { .. }
        | Request::Rollback { .. }
        | Request::Install { .. }
        | Request::Resume { .. }
        | Request::Abandon { .. }
        | Request::Show { .. } => true,
        Request::Recover | Request::Poll | Request::Adopt { .. } | Request::Release { .. } => false,
    }
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
