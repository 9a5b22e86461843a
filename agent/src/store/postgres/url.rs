//! The URL of a PostgreSQL database, in libpq's form or SQLAlchemy's, made into what libpq's programs are given.
//!
//! Only names and values: nothing is connected to. The rules are those of PostgreSQL's manual, chapter "Connection Strings", and of
//! SQLAlchemy's `make_url`; what only other drivers know is left out.

mod conninfo;

use percent_encoding::percent_decode_str;

/// Why a text is not the URL of a PostgreSQL database. The text itself holds a password and is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It has no scheme.
    #[error("it is not a URL: it must begin with postgresql://")]
    NotAUrl,
    /// It is another kind of database.
    #[error("its scheme is {0}, not postgresql")]
    Scheme(String),
    /// It names no database.
    #[error("it names no database")]
    NoDatabase,
    /// A part is not UTF-8 once it is decoded, or holds a NUL.
    #[error("its {0} is not text once it is percent-decoded")]
    NotText(&'static str),
    /// There are two ways to read it.
    #[error(
        "user or password hold a character that must be percent-encoded (@ as %40, / as %2F, : as %3A, ? as %3F, # as %23)"
    )]
    Ambiguous,
    /// A host that libpq would take for several.
    #[error("its host {0:?} has a comma: that would be several hosts")]
    Host(String),
    /// A port that is none.
    #[error("{0:?} is not a port")]
    Port(String),
    /// A value of `ssl` that has no counterpart.
    #[error("ssl={0} has no counterpart in libpq: use sslmode")]
    Ssl(String),
    /// A secret that libpq's programs only take where everybody can read it.
    #[error("it sets {0}, which could only be passed on where every user of the machine can read it")]
    Secret(String),
}

/// What a URL says. Everything is decoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Role; `None`: libpq's default, the name of the operating system's user.
    pub(crate) user: Option<String>,
    /// Password.
    pub(crate) password: Option<String>,
    /// Hosts with their ports, in the order in which they are tried; a host that begins with `/` is a socket's directory.
    pub(crate) hosts: Vec<Host>,
    /// The database.
    pub(crate) database: String,
    /// libpq's own parameters, such as `sslmode`.
    pub(crate) parameters: Vec<(String, String)>,
}

/// A server's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    /// Name, address or directory; empty: libpq's default, the socket.
    pub(crate) name: String,
    /// Port; `None`: libpq's default.
    pub(crate) port: Option<u16>,
}

/// libpq's connection parameters besides those that have a field of their own (manual, "Parameter Key Words").
const LIBPQ: [&str; 35] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "options",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
];

/// Parameters that libpq knows too, with a special part here.
const TARGET_SESSION: &str = "target_session_attrs";
const TCP_TIMEOUT: &str = "tcp_user_timeout";

impl std::str::FromStr for Target {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(UrlError::NotAUrl)?;
        let dialect = scheme.split('+').next().unwrap_or(scheme);
        if !["postgresql", "postgres"].contains(&dialect) {
            return Err(UrlError::Scheme(scheme.chars().take(40).collect()));
        }
        let (login, rest) = split_login(rest);
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = address.split_once('/').unwrap_or((address, ""));
        if [hosts, path].iter().any(|part| part.contains(['@', '#'])) || path.contains('/') {
            return Err(UrlError::Ambiguous);
        }
        let (user, password) = read_login(login)?;
        let mut target = Self {
            user,
            password,
            hosts: read_hosts(hosts)?,
            database: decode(path, "database")?,
            parameters: Vec::new(),
        };
        target.read_query(query)?;
        if target.database.is_empty() {
            return Err(UrlError::NoDatabase);
        }
        Ok(target)
    }
}

/// Splits `user:password@rest` as SQLAlchemy does: a user has no `/`, `:` or `@`, and a password ends at the first `@`. A further
/// one before the next `/` can only be a password's that nobody encoded.
fn split_login(rest: &str) -> (Option<&str>, &str) {
    let Some(first) = rest.find('@') else { return (None, rest) };
    let user_ends = rest.find([':', '/', '@']).unwrap_or(first);
    if rest[user_ends..].starts_with('/') {
        return (None, rest);
    }
    let end_of_hosts = rest[first..].find(['/', '?']).map_or(rest.len(), |at| first + at);
    let at = rest[..end_of_hosts].rfind('@').unwrap_or(first);
    (Some(&rest[..at]), &rest[at + 1..])
}

fn read_login(login: Option<&str>) -> Result<(Option<String>, Option<String>), UrlError> {
    let Some(login) = login else { return Ok((None, None)) };
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(decode(password, "password")?)),
        None => (login, None),
    };
    let user = decode(user, "user")?;
    Ok((Some(user).filter(|user| !user.is_empty()), password.filter(|password| !password.is_empty())))
}

fn read_hosts(text: &str) -> Result<Vec<Host>, UrlError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(read_host).collect()
}

/// Reads `name`, `name:port`, `[v6]:port`, or a socket's directory.
fn read_host(text: &str) -> Result<Host, UrlError> {
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (name, port) = rest.split_once(']').ok_or(UrlError::Ambiguous)?;
        (name, port.strip_prefix(':'))
    } else if text.starts_with('/') {
        (text, None)
    } else {
        text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)))
    };
    let name = decode(name, "host")?;
    if name.contains(',') {
        return Err(UrlError::Host(name.chars().take(80).collect()));
    }
    Ok(Host { name, port: port.map_or(Ok(None), read_port)? })
}

fn read_port(text: &str) -> Result<Option<u16>, UrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Some(port)),
        Ok(_) | Err(_) => Err(UrlError::Port(text.chars().take(20).collect())),
    }
}

impl Target {
    fn read_query(&mut self, query: &str) -> Result<(), UrlError> {
        let mut hosts = Vec::new();
        let mut ports = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name, "parameter")?, decode(value, "parameter")?);
            match name.as_str() {
                "host" => hosts.extend(read_hosts(&value)?),
                "port" => ports.extend(value.split(',').map(read_port).collect::<Result<Vec<_>, _>>()?),
                "user" => self.user = Some(value),
                "password" => self.password = Some(value),
                "dbname" | "database" => self.database = value,
                "ssl" => self.set("sslmode", ssl_mode(&value)?),
                "sslpassword" | "oauth_client_secret" => return Err(UrlError::Secret(name)),
                known if LIBPQ.contains(&known) || [TARGET_SESSION, TCP_TIMEOUT].contains(&known) => {
                    self.set(known, &value);
                }
                // Pool sizes, statement caches, schemas: other drivers', and errors to libpq.
                _ => {}
            }
        }
        if !hosts.is_empty() {
            self.hosts = hosts;
        }
        self.spread(&ports);
        Ok(())
    }

    /// Gives the ports of a `port=` to the hosts: one for all, or one each.
    fn spread(&mut self, ports: &[Option<u16>]) {
        if ports.is_empty() {
            return;
        }
        if self.hosts.is_empty() {
            self.hosts.push(Host::default());
        }
        for (number, host) in self.hosts.iter_mut().enumerate() {
            host.port = if ports.len() == 1 { ports[0] } else { ports.get(number).copied().flatten() };
        }
    }

    /// The same without a name for its sessions: ours have their own.
    pub(crate) fn uncalled(mut self) -> Self {
        self.parameters.retain(|(name, _)| name != "application_name");
        self
    }

    fn set(&mut self, name: &str, value: &str) {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
    }
}

/// asyncpg's and pg8000's `ssl` in libpq's words.
fn ssl_mode(value: &str) -> Result<&str, UrlError> {
    match value {
        "true" | "True" | "1" | "on" => Ok("require"),
        "false" | "False" | "0" | "off" => Ok("disable"),
        "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full" => Ok(value),
        other => Err(UrlError::Ssl(other.chars().take(40).collect())),
    }
}

fn decode(text: &str, part: &'static str) -> Result<String, UrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| UrlError::NotText(part))?;
    if text.contains('\0') { Err(UrlError::NotText(part)) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests;
