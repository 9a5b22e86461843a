//! Others who work in a database while an update needs it still: who they are, in words, and what is done about them.
//!
//! Pure. Who is there is found out by each kind of database; what can be known of a client differs, and what is not known is left out.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::StoreError;

/// What is done about a client that will not let go, `[database]` in the instance's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stubborn {
    /// It is disconnected, where that is possible.
    #[default]
    Disconnect,
    /// The update is called off.
    CallOff,
}

/// What the configuration says about clients of the application's databases. It travels in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clients {
    /// What is done about one that will not let go.
    pub stubborn: Stubborn,
    /// Seconds that a client gets to end its work when the application has been stopped. They are downtime.
    pub wait_seconds: u64,
}

impl Default for Clients {
    fn default() -> Self {
        Self { stubborn: Stubborn::default(), wait_seconds: 10 }
    }
}

/// One that holds something in a database: a lock, or a transaction that has been open for seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Client {
    /// What it is.
    pub kind: ClientKind,
    /// Its role, or its user on this machine.
    pub who: String,
    /// What it calls itself.
    pub program: String,
    /// From where, such as `from 10.0.0.5`.
    pub address: Option<String>,
    /// Since when its transaction has been open, in UTC.
    pub since: Option<String>,
    /// What it holds, such as `AccessExclusive on public.people`.
    pub holds: Vec<String>,
}

/// What can be done about a client depends on what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// A session, which the server can end.
    Session,
    /// A prepared transaction: nobody is behind it, and only a person knows how it must end.
    Prepared,
    /// A process that has a file locked. It is not ours to end.
    Process,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, program, .. } = self;
        match self.kind {
            ClientKind::Session => write!(f, "{who} ({program})")?,
            ClientKind::Prepared => write!(f, "prepared transaction {program} of {who}")?,
            ClientKind::Process => write!(f, "{program} of user {who}")?,
        }
        if let Some(address) = &self.address {
            write!(f, " {address}")?;
        }
        if let Some(since) = &self.since {
            write!(f, ", since {since} UTC")?;
        }
        match self.holds.as_slice() {
            [] => Ok(()),
            holds => write!(f, ", holds {}", holds.join(", ")),
        }
    }
}

/// All of them in one sentence.
pub(super) fn list(clients: &[Client]) -> String {
    clients.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Clients {
    /// Before the downtime: whether an update may begin while these hold a database. Answers what is noteworthy.
    ///
    /// # Errors
    /// When it may not.
    pub fn allow(&self, database: &str, clients: &[Client]) -> Result<Option<String>, StoreError> {
        let for_ever: Vec<Client> =
            clients.iter().filter(|client| client.kind == ClientKind::Prepared).cloned().collect();
        if !for_ever.is_empty() {
            return Err(StoreError::InUse { database: database.to_owned(), sessions: list(&for_ever) });
        }
        if clients.is_empty() {
            return Ok(None);
        }
        match self.stubborn {
            Stubborn::CallOff => Err(called_off(database, clients)),
            Stubborn::Disconnect => Ok(Some(self.foretold(database, clients))),
        }
    }

    fn foretold(&self, database: &str, clients: &[Client]) -> String {
        let processes = clients.iter().any(|client| client.kind == ClientKind::Process);
        let then = if processes { "the update is called off then" } else { "it is disconnected then" };
        format!(
            "database {database} is held: {}. If that lasts for {} s after the stop, {then}",
            list(clients),
            self.wait_seconds
        )
    }
}

/// The update does not go on because of these.
pub(super) fn called_off(database: &str, clients: &[Client]) -> StoreError {
    StoreError::CalledOff { database: database.to_owned(), clients: list(clients) }
}

/// What becomes of others' sessions while a backup is made.
#[derive(Clone, Copy)]
pub enum Others<'a> {
    /// The application serves: nobody is disturbed.
    Stay,
    /// It has been stopped: the database is to be still.
    Leave(Farewell<'a>),
}

/// How others are sent away.
#[derive(Clone, Copy)]
pub struct Farewell<'a> {
    /// What is configured.
    pub clients: Clients,
    /// Is told whom is waited for, and who was disconnected.
    pub tell: &'a dyn Fn(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(kind: ClientKind) -> Client {
        Client {
            kind,
            who: "bob".to_owned(),
            program: "psql".to_owned(),
            address: Some("from 10.0.0.5".to_owned()),
            since: Some("06:12:00".to_owned()),
            holds: vec!["AccessExclusive on public.people".to_owned()],
        }
    }

    const CALL_OFF: Clients = Clients { stubborn: Stubborn::CallOff, wait_seconds: 10 };

    #[test]
    fn a_client_is_named_with_all_that_is_known_of_it() {
        let wanted = "bob (psql) from 10.0.0.5, since 06:12:00 UTC, holds AccessExclusive on public.people";
        assert_eq!(client(ClientKind::Session).to_string(), wanted);
        let little = Client { address: None, since: None, holds: vec![], ..client(ClientKind::Process) };
        assert_eq!(little.to_string(), "psql of user bob");
    }

    #[test]
    fn before_the_downtime_a_client_is_noted_or_the_update_is_called_off() {
        let session = [client(ClientKind::Session)];
        let noted = Clients::default().allow("kkt", &session).unwrap().unwrap();
        assert!(noted.starts_with("database kkt is held: bob (psql)") && noted.ends_with("it is disconnected then"));
        let error = CALL_OFF.allow("kkt", &session).unwrap_err();
        assert!(matches!(error, StoreError::CalledOff { .. }), "{error}");
        assert_eq!(CALL_OFF.allow("kkt", &[]).unwrap(), None);
    }

    #[test]
    fn a_prepared_transaction_is_a_person_s_whatever_is_configured() {
        for clients in [CALL_OFF, Clients::default()] {
            let error = clients.allow("kkt", &[client(ClientKind::Prepared)]).unwrap_err();
            assert!(error.to_string().contains("prepared transaction psql of bob"), "{error}");
        }
    }
}
