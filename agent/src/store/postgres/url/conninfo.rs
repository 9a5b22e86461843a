//! What a URL says, told to libpq and to people.

use super::{Host, Target};

/// PostgreSQL's own port.
const DEFAULT_PORT: u16 = 5432;

impl Target {
    /// The connection string for libpq's programs, without the password: it becomes an argument, which everybody can read.
    pub(crate) fn conninfo(&self, database: &str) -> String {
        let mut pairs = vec![("dbname", database.to_owned())];
        if !self.hosts.is_empty() {
            pairs.push(("host", self.joined(|host| host.name.clone())));
        }
        if self.hosts.iter().any(|host| host.port.is_some()) {
            pairs.push(("port", self.joined(|host| host.port.map_or(String::new(), |port| port.to_string()))));
        }
        pairs.extend(self.user.iter().map(|user| ("user", user.clone())));
        pairs.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}='{}'", quoted(value))).collect();
        pairs.join(" ")
    }

    fn joined(&self, part: impl Fn(&Host) -> String) -> String {
        self.hosts.iter().map(part).collect::<Vec<_>>().join(",")
    }

    /// Where it is, for people.
    pub(crate) fn server(&self) -> String {
        if self.hosts.is_empty() {
            return "the local socket".to_owned();
        }
        self.hosts.iter().map(Host::shown).collect::<Vec<_>>().join(" or ")
    }

    /// The port of a server that runs on this machine; `None`: it runs elsewhere, or nobody can tell.
    pub(crate) fn local_port(&self) -> Option<u16> {
        match self.hosts.as_slice() {
            [] => Some(DEFAULT_PORT),
            [host] if host.is_local() => Some(host.port.unwrap_or(DEFAULT_PORT)),
            [_] | [_, _, ..] => None,
        }
    }
}

impl Target {
    /// Where else than on this machine the server may be: names and addresses, as they are connected to.
    pub(crate) fn elsewhere(&self) -> Vec<String> {
        let addresses =
            self.parameters.iter().filter(|(name, _)| name == "hostaddr").flat_map(|(_, text)| text.split(','));
        let addresses: Vec<Host> = addresses.map(|name| Host { name: name.to_owned(), port: None }).collect();
        // libpq connects to the addresses where there are any, and does not look the names up.
        let hosts = if addresses.is_empty() { &self.hosts } else { &addresses };
        hosts.iter().filter(|host| !host.is_local()).map(|host| host.name.clone()).collect()
    }
}

impl Host {
    fn is_local(&self) -> bool {
        let is_loopback = |name: &str| name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.name.is_empty() || self.name.starts_with('/') || self.name == "localhost" || is_loopback(&self.name)
    }

    fn shown(&self) -> String {
        let name = if self.name.is_empty() { "the local socket" } else { &self.name };
        match self.port {
            Some(port) if name.contains(':') => format!("[{name}]:{port}"),
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        }
    }
}

impl std::fmt::Debug for Target {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.conninfo(&self.database))
    }
}
