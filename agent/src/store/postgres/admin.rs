//! The right to make and rename databases: the administrator's over the server's socket, else the application's own.
//!
//! Where the server runs on this machine and the agent is root, it becomes the user `postgres` and logs in as that, by peer
//! authentication. Two checks keep it from talking to somebody else's socket: libpq's `requirepeer`, and that the server behind
//! the socket is the very one that the application's URL leads to.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::{Administration, StoreError, User};
use super::session::Session;
use super::url::{Host, Target};

/// The operating system's user and the role that PostgreSQL's packages set up.
const POSTGRES: &str = "postgres";

/// What tells one running server from every other.
#[derive(Debug, Deserialize)]
struct Identity {
    system: String,
    started: String,
    /// Whether the role that asks rules it.
    superuser: bool,
}

impl Identity {
    fn is_same(&self, other: &Self) -> bool {
        (&self.system, &self.started) == (&other.system, &other.started)
    }
}

/// The administrator's session for the server that `application` talks to, if there is one.
pub(super) fn session(application: &Session, administration: Administration) -> Result<Option<Session>, StoreError> {
    let (Administration::Peer, Some(port)) = (administration, application.target.local_port()) else {
        return Ok(None);
    };
    let users = administrators();
    if users.is_empty() {
        return Ok(None);
    }
    // Asked before its sockets are looked for: a server that answers has them.
    let wanted = match identity(application, &application.target.database) {
        // Some hosts' servers, reached through a tunnel, do not say who they are.
        Err(error @ StoreError::Refused { .. }) if !error.is_passing() => return Ok(None),
        other => other?,
    };
    let is_it =
        |session: &Session| identity(session, POSTGRES).is_ok_and(|found| found.is_same(&wanted) && found.superuser);
    let found = candidates(application, port, &users).into_iter().find(is_it);
    // A server that is restarted while it is asked must not look like one that nobody may administer: what was made with that
    // right would be undone in another way, or not at all.
    if found.is_none() && !identity(application, &application.target.database)?.is_same(&wanted) {
        let server = application.target.server();
        return Err(StoreError::Unreachable { server, detail: "it was restarted in the middle".to_owned() });
    }
    Ok(found)
}

/// Every socket for this port that somebody listens on, as each user that we can be.
fn candidates(application: &Session, port: u16, users: &[(User, String)]) -> Vec<Session> {
    let sockets = sockets(port);
    let pairs = sockets.iter().flat_map(|socket| users.iter().map(move |user| (socket, user)));
    pairs.map(|(socket, (user, peer))| over_socket(application, socket, port, user, peer)).collect()
}

fn over_socket(application: &Session, socket: &Path, port: u16, user: &User, peer: &str) -> Session {
    let target = Target {
        user: Some(user.name.clone()),
        password: None,
        hosts: vec![Host { name: socket.to_string_lossy().into_owned(), port: Some(port) }],
        database: POSTGRES.to_owned(),
        parameters: vec![("requirepeer".to_owned(), peer.to_owned())],
    };
    Session { target, user: Some(user.clone()), called: application.called.clone() }
}

/// Whom the agent can be, and whose process the server must then be. As root: `postgres`. Otherwise only itself, where the
/// server is run by `postgres` or by the same user.
fn administrators() -> Vec<(User, String)> {
    let Ok(passwd) = std::fs::read_to_string("/etc/passwd") else { return Vec::new() };
    let me = rustix::process::geteuid();
    let is_meant = |user: &User| if me.is_root() { user.name == POSTGRES } else { user.uid == me.as_raw() };
    let Some(user) = passwd.lines().filter_map(read_user).find(is_meant) else { return Vec::new() };
    let mut peers = vec![POSTGRES.to_owned(), user.name.clone()];
    peers.dedup();
    peers.into_iter().map(|peer| (user.clone(), peer)).collect()
}

/// Reads a line of passwd(5).
fn read_user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _password, uid, gid, ..] = fields.as_slice() else { return None };
    Some(User { name: (*name).to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
}

/// The directories in which a server listens on a socket for this port (proc_net_unix: `/proc/net/unix` lists their paths).
fn sockets(port: u16) -> Vec<PathBuf> {
    let list = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let name = format!("/.s.PGSQL.{port}");
    let directory = |line: &str| {
        let path = &line[line.find('/')?..];
        Some(PathBuf::from(path.strip_suffix(name.as_str())?))
    };
    let mut found: Vec<PathBuf> = list.lines().filter_map(directory).collect();
    found.sort();
    found.dedup();
    found
}

fn identity(session: &Session, database: &str) -> Result<Identity, StoreError> {
    let sql = "SELECT json_build_object('system', (SELECT system_identifier::text FROM pg_control_system()),
        'started', extract(epoch FROM pg_postmaster_start_time())::text,
        'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user));";
    match session.ask(database, "ask which server this is", sql) {
        // Where the application's own database is missing, any other tells as well.
        Err(StoreError::UnknownDatabase { .. }) if database != POSTGRES => identity(session, POSTGRES),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_passwd_is_a_user() {
        let user = read_user("postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash").unwrap();
        assert_eq!(user, User { name: "postgres".to_owned(), uid: 101, gid: 104 });
        assert!(read_user("+::::::").is_none() && read_user("").is_none());
    }
}
