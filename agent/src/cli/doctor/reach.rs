//! Whether the agent's unit may reach a database on another machine: it reaches this one only, unless a drop-in says more
//! (systemd.resource-control(5), `IPAddressAllow=`). Whoever runs the doctor stands outside of the unit and sees nothing of that.

use std::net::{IpAddr, ToSocketAddrs};

use crate::cli::finding::Finding;

/// Where the admin says so.
const DROP_IN: &str = "/etc/systemd/system/surefoot.service.d/database.conf";

/// What is found of a database that may be on these hosts. `allowed` is the unit's `IPAddressAllow`, as systemd shows it; nothing
/// where systemd does not answer.
pub(super) fn look(what: &str, hosts: &[String], allowed: Option<&str>) -> Vec<Finding> {
    let Some(allowed) = allowed else { return Vec::new() };
    hosts.iter().map(|host| look_at(what, host, &addresses(host), allowed)).collect()
}

fn look_at(what: &str, host: &str, addresses: &[IpAddr], allowed: &str) -> Finding {
    if addresses.is_empty() {
        let says = format!("it is on {host}, which has no address here");
        return Finding::warning(what, says, format!("The agent needs IPAddressAllow= for it in {DROP_IN}"));
    }
    let closed: Vec<String> =
        addresses.iter().filter(|address| !is_allowed(**address, allowed)).map(ToString::to_string).collect();
    if closed.is_empty() {
        return Finding::good(what, format!("it is on {host}, which the agent may reach"));
    }
    let says = format!("it is on {host}, and the agent reaches this machine only");
    let advice = format!(
        "Write two lines into {DROP_IN}:\n[Service]\nIPAddressAllow={}\nand run systemctl daemon-reload and systemctl restart \
         surefoot",
        closed.join(" ")
    );
    Finding::missing(what, says, advice)
}

fn addresses(host: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> =
        (host, 0).to_socket_addrs().into_iter().flatten().map(|address| address.ip()).collect();
    found.sort();
    found.dedup();
    found
}

/// Whether one of the networks, `ADDRESS/BITS` with spaces between them, holds the address.
fn is_allowed(address: IpAddr, networks: &str) -> bool {
    networks.split_whitespace().any(|network| {
        let (base, bits) = network.split_once('/').unwrap_or((network, "128"));
        base.parse().is_ok_and(|base| holds(base, bits.parse().unwrap_or(128), address))
    })
}

fn holds(base: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            (u32::from(base) ^ u32::from(address)).checked_shr(32_u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            (u128::from(base) ^ u128::from(address)).checked_shr(128_u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_systemd_shows_them() {
        let allowed = "127.0.0.0/8 ::1/128 10.1.0.0/16 192.0.2.7/32 2001:db8::/32";
        for inside in ["127.0.0.1", "10.1.255.3", "192.0.2.7", "2001:db8::5", "::1"] {
            assert!(is_allowed(inside.parse().unwrap(), allowed), "{inside}");
        }
        for outside in ["10.2.0.1", "192.0.2.8", "2001:db9::", "::2"] {
            assert!(!is_allowed(outside.parse().unwrap(), allowed), "{outside}");
        }
        assert!(is_allowed("192.0.2.9".parse().unwrap(), "0.0.0.0/0") && is_allowed("::2".parse().unwrap(), "::/0"));
    }

    #[test]
    fn a_database_elsewhere_is_told_with_the_file_and_its_lines() {
        let screen = crate::cli::print::Screen::plain(80);
        let told = |allowed: &str| -> String {
            let found = look("database main", &["192.0.2.7".to_owned()], Some(allowed));
            found.iter().map(|finding| finding.render(&screen)).collect()
        };
        let text = told("127.0.0.0/8 ::1/128");
        for line in ["  [Service]", "  IPAddressAllow=192.0.2.7"] {
            assert!(text.lines().any(|found| found == line), "{line:?}: {text}");
        }
        assert!(text.contains(DROP_IN) && text.starts_with('✗'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(told("127.0.0.0/8 192.0.2.0/24").contains("which the agent may reach"));
        assert!(look("database main", &[], Some("")).is_empty());
    }
}
