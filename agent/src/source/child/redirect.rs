//! Where a redirect may lead.
//!
//! A source on the internet must not make this machine ask services that only it can reach (metadata services of
//! clouds, the database next door). Judged by the addresses that are really connected to, so a public name with a
//! private address is no way around. Where a proxy resolves the names, only the redirect's own text can be judged.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::source::spec::is_loopback;

/// Most redirects that are followed for one request.
pub(super) const HOPS: usize = 10;

/// How close to this machine an address is, farthest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Zone {
    /// The internet.
    Public,
    /// The network of the house: RFC 1918, RFC 4193, RFC 6598.
    Private,
    /// The wire, where clouds keep their metadata services; also all that is not one machine's address.
    Link,
    /// This machine.
    Loopback,
}

impl Zone {
    /// The zone of an address, seen through the ways to write an IPv4 address as IPv6.
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, ..] = address.octets();
        let shared = a == 100 && b & 0xc0 == 64;
        let benchmark = a == 198 && b & 0xfe == 18;
        if address.is_loopback() || a == 0 {
            Self::Loopback
        } else if address.is_link_local() || address.is_multicast() || a >= 240 {
            Self::Link
        } else if address.is_private() || shared || benchmark {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
            return Self::of_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
        }
        if address.is_loopback() || address.is_unspecified() {
            Self::Loopback
        } else if address.is_unicast_link_local() || address.is_multicast() {
            Self::Link
        } else if address.is_unique_local() {
            Self::Private
        } else {
            Self::Public
        }
    }

    /// Whether a source in this zone may send us to an address in `target`: outwards, or within its own zone.
    fn reaches(self, target: Self) -> bool {
        target == Self::Public || target == self || (self == Self::Loopback && target == Self::Private)
    }
}

/// A redirect to an address that its source may not name.
#[derive(Debug)]
pub(super) struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the redirect leads to an address inside this network")
    }
}

impl Error for Forbidden {}

/// What the names of this process resolved to, and which name must not resolve inwards now. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Guard(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// Farthest and closest zone of each name that was connected to.
    names: HashMap<String, (Zone, Zone)>,
    /// The name a redirect leads to, and the zone of the source that said so.
    guarded: Option<(String, Zone)>,
}

impl Guard {
    /// Lets each name resolve to anything: the first request of a fetch goes where the administrator said.
    pub(super) fn open(&self) {
        self.seen().guarded = None;
    }

    /// The zone of a source that has answered.
    pub(super) fn zone_of(&self, url: &Url) -> Zone {
        match url.host() {
            Some(Host::Ipv4(address)) => Zone::of(address.into()),
            Some(Host::Ipv6(address)) => Zone::of(address.into()),
            Some(host @ Host::Domain(_)) if is_loopback(&host) => Zone::Loopback,
            Some(Host::Domain(name)) => self.seen().names.get(name).map_or(Zone::Public, |zones| zones.0),
            None => Zone::Public,
        }
    }

    /// Checks a redirect that `from` gave, `source` being the farthest zone on the way there, and has the resolver
    /// watch the target's name.
    ///
    /// Fails with a sentence where it must not be followed.
    pub(super) fn follow(&self, source: Zone, from: &Url, target: &Url) -> Result<(), String> {
        let refuse = |why: &str| Err(format!("it redirects to {target}, {why}"));
        let Some(host) = target.host() else {
            return refuse("which names no host");
        };
        if !target.username().is_empty() || target.password().is_some() {
            return Err("it redirects to an address with a user name or a password".to_owned());
        }
        match (from.scheme(), target.scheme()) {
            (_, "https") => {}
            ("http", "http") if is_loopback(&host) => {}
            (_, _) => return refuse("which is not encrypted"),
        }
        match self.admits(source, &host) {
            true => Ok(()),
            false => refuse("an address inside this network"),
        }
    }

    fn admits(&self, origin: Zone, host: &Host<&str>) -> bool {
        match host {
            Host::Ipv4(address) => origin.reaches(Zone::of((*address).into())),
            Host::Ipv6(address) => origin.reaches(Zone::of((*address).into())),
            Host::Domain(_) if is_loopback(host) => origin.reaches(Zone::Loopback),
            Host::Domain(name) => {
                let mut seen = self.seen();
                seen.guarded = Some(((*name).to_owned(), origin));
                // A connection from an earlier request may be used again, and then nothing is resolved.
                seen.names.get(*name).is_none_or(|zones| origin.reaches(zones.1))
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sift(&self, name: &str, mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Forbidden> {
        let mut seen = self.seen();
        if let Some((_, origin)) = seen.guarded.as_ref().filter(|guarded| guarded.0 == name) {
            found.retain(|address| origin.reaches(Zone::of(address.ip())));
            if found.is_empty() {
                return Err(Forbidden);
            }
        }
        let zones = || found.iter().map(|address| Zone::of(address.ip()));
        if let (Some(farthest), Some(closest)) = (zones().min(), zones().max()) {
            seen.names.insert(name.to_owned(), (farthest, closest));
        }
        Ok(found)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept = guard.sift(name.as_str(), found.collect())?;
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(address: &str) -> Zone {
        Zone::of(address.parse().expect("an address"))
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn follow(guard: &Guard, origin: &Url, target: &Url) -> Result<(), String> {
        guard.follow(guard.zone_of(origin), origin, target)
    }

    fn resolved(name: &str, address: &str) -> (Guard, Result<Vec<SocketAddr>, Forbidden>) {
        let guard = Guard::default();
        let address = SocketAddr::new(address.parse().expect("an address"), 0);
        let kept = guard.sift(name, vec![address]);
        (guard, kept)
    }

    #[test]
    fn addresses_have_their_zones_however_they_are_written() {
        for (address, expected) in [
            ("140.82.112.3", Zone::Public),
            ("2606:50c0::1", Zone::Public),
            ("10.1.2.3", Zone::Private),
            ("172.31.0.1", Zone::Private),
            ("192.168.1.1", Zone::Private),
            ("100.64.0.1", Zone::Private),
            ("198.19.0.1", Zone::Private),
            ("fd00::1", Zone::Private),
            ("169.254.169.254", Zone::Link),
            ("fe80::1", Zone::Link),
            ("255.255.255.255", Zone::Link),
            ("224.0.0.1", Zone::Link),
            ("127.0.0.1", Zone::Loopback),
            ("0.0.0.0", Zone::Loopback),
            ("::", Zone::Loopback),
            ("::1", Zone::Loopback),
            ("::ffff:127.0.0.1", Zone::Loopback),
            ("64:ff9b::a00:1", Zone::Private),
        ] {
            assert_eq!(zone(address), expected, "{address}");
        }
    }

    #[test]
    fn a_redirect_goes_outwards_or_stays_in_its_zone() {
        use Zone::{Link, Loopback, Private, Public};
        let allowed = |from: Zone| {
            [Public, Private, Link, Loopback].into_iter().filter(move |to| from.reaches(*to)).collect::<Vec<_>>()
        };
        assert_eq!(allowed(Public), [Public]);
        assert_eq!(allowed(Private), [Public, Private]);
        assert_eq!(allowed(Link), [Public, Link]);
        assert_eq!(allowed(Loopback), [Public, Private, Loopback]);
    }

    #[test]
    fn a_public_source_does_not_lead_inside_by_address_or_by_name() {
        let (guard, _) = resolved("releases.example", "140.82.112.3");
        let origin = url("https://releases.example/a");
        for target in [
            "https://127.0.0.1/a",
            "https://[::1]/a",
            "https://localhost/a",
            "https://a.localhost/a",
            "https://169.254.169.254/latest",
            "https://192.168.1.1/a",
            "https://0x7f000001/a",
            "http://cdn.example/a",
            "http://127.0.0.1/a",
            "https://user@cdn.example/a",
            "ftp://cdn.example/a",
        ] {
            assert!(follow(&guard, &origin, &url(target)).is_err(), "{target}");
        }
        assert_eq!(follow(&guard, &origin, &url("https://cdn.example/a?sig=1")), Ok(()));
    }

    #[test]
    fn a_public_name_with_a_private_address_is_found_out_when_it_resolves() {
        let (guard, _) = resolved("releases.example", "140.82.112.3");
        let (origin, target) = (url("https://releases.example/a"), url("https://rebind.example/a"));
        assert_eq!(follow(&guard, &origin, &target), Ok(()));
        let inside = SocketAddr::from(([10, 0, 0, 1], 0));
        let outside = SocketAddr::from(([140, 82, 112, 3], 0));
        assert!(guard.sift("rebind.example", vec![inside]).is_err());
        assert_eq!(guard.sift("rebind.example", vec![inside, outside]).ok(), Some(vec![outside]));
    }

    #[test]
    fn an_earlier_connection_inside_is_no_way_around() {
        let (guard, _) = resolved("ghe.corp.example", "10.0.0.5");
        assert!(follow(&guard, &url("https://releases.example/"), &url("https://ghe.corp.example/")).is_err());
    }

    #[test]
    fn a_server_of_the_house_may_redirect_within_the_house() {
        let (guard, _) = resolved("ghe.corp.example", "10.0.0.5");
        let origin = url("https://ghe.corp.example/");
        assert_eq!(follow(&guard, &origin, &url("https://10.0.0.6/a")), Ok(()));
        assert!(follow(&guard, &origin, &url("https://127.0.0.1/a")).is_err());
    }

    #[test]
    fn a_way_that_has_left_tls_or_the_house_does_not_come_back() {
        let guard = Guard::default();
        let (inside, outside) = (url("http://127.0.0.1/a"), url("https://cdn.example/a"));
        assert_eq!(guard.follow(Zone::Loopback, &inside, &outside), Ok(()));
        assert!(guard.follow(Zone::Loopback, &outside, &inside).is_err());
        assert!(guard.follow(Zone::Public, &outside, &url("https://127.0.0.1/a")).is_err());
    }
}
