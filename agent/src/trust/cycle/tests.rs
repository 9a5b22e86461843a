//! Several sources in one cycle: each can add, none can take away.

use std::path::Path;

use jiff::Timestamp;
use manifest_schema::tuf::RoleName;

use super::Looked;
use crate::config::Settings;
use crate::source::{ReleaseSource, Sink, SourceError};
use crate::trust::{Lent, Trust, TrustError};
use crate::update::tests::repository::{Repository, Shelf, now};

/// A client, a vendor, and what a mirror has that was copied before the vendor's last publication.
struct World {
    dir: tempfile::TempDir,
    settings: Settings,
    vendor: Repository,
    old: Shelf,
}

/// Nobody answers.
struct Dead;

impl ReleaseSource for Dead {
    fn metadata(&mut self, name: &str, _: u64) -> Result<Option<Vec<u8>>, SourceError> {
        Err(SourceError::Unreachable { location: name.to_owned(), reason: "connection refused".to_owned() })
    }

    fn target(&mut self, path: &str, _: u64, _: u64, _: &mut Sink<'_>) -> Result<(), SourceError> {
        Err(SourceError::Unreachable { location: path.to_owned(), reason: "connection refused".to_owned() })
    }
}

impl World {
    /// The vendor's metadata has version 2, the mirror's 1.
    fn new() -> Self {
        let mut vendor = Repository::new();
        let old = vendor.shelf.clone();
        vendor.publish();
        let (dir, settings) = crate::trust::testing::client(&vendor.first_root);
        Self { dir, settings, vendor, old }
    }

    fn new_one(&self) -> Shelf {
        self.vendor.shelf.clone()
    }

    fn old_one(&self) -> Shelf {
        self.old.clone()
    }

    /// A cycle of an agent that has just started.
    fn cycle(&self, sources: &mut [Lent<'_>]) -> Looked {
        let mut trust = Trust::load(&self.settings, &self.dir.path().join("trust")).unwrap();
        trust.refresh_from(sources, now()).unwrap()
    }

    fn stored(&self, role: RoleName) -> Option<Vec<u8>> {
        let path = self.dir.path().join("trust").join(format!("{role}.json"));
        Path::exists(&path).then(|| std::fs::read(path).unwrap())
    }

    /// What is stored is all of the vendor's newest.
    fn is_current(&self) {
        let newest = |name: &str| self.vendor.shelf.metadata.get(name).cloned();
        assert_eq!(self.stored(RoleName::Timestamp), newest("timestamp.json"));
        assert_eq!(self.stored(RoleName::Snapshot), newest("2.snapshot.json"));
        assert_eq!(self.stored(RoleName::Targets), newest("2.targets.json"));
    }
}

/// In short: the version that each source gave, and whose counts.
fn short(looked: &Looked) -> (Vec<Option<u64>>, Option<usize>) {
    (looked.each.iter().map(|outcome| outcome.as_ref().ok().copied()).collect(), looked.used)
}

#[test]
fn the_newest_counts_in_whatever_order_they_are_asked() {
    let world = World::new();
    let looked = world.cycle(&mut [&mut world.old_one(), &mut world.new_one()]);
    assert_eq!(short(&looked), (vec![Some(1), Some(2)], Some(1)));
    world.is_current();

    let world = World::new();
    let looked = world.cycle(&mut [&mut world.new_one(), &mut world.old_one()]);
    assert_eq!(short(&looked), (vec![Some(2), None], Some(0)));
    world.is_current();
}

#[test]
fn a_source_that_has_the_same_is_asked_for_its_timestamp_and_not_used() {
    let world = World::new();
    let (mut first, mut second) = (world.new_one(), world.new_one());
    let looked = world.cycle(&mut [&mut first, &mut second]);
    assert_eq!(short(&looked), (vec![Some(2), Some(2)], Some(0)));
    let asked: Vec<&str> = second.asked.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(asked, ["2.root.json", "timestamp.json"]);
}

/// A way for a source to be no source.
type Wrong = fn(&mut Shelf);

#[test]
fn a_source_that_lies_holds_nobody_back_wherever_it_stands() {
    let cases: [(&str, Wrong); 7] = [
        ("an empty timestamp", |shelf| drop(shelf.metadata.insert("timestamp.json".into(), Vec::new()))),
        ("half a timestamp", |shelf| shelf.metadata.get_mut("timestamp.json").unwrap().truncate(100)),
        ("no timestamp", |shelf| drop(shelf.metadata.remove("timestamp.json"))),
        ("a timestamp without its snapshot", |shelf| drop(shelf.metadata.remove("2.snapshot.json"))),
        ("another snapshot", |shelf| shelf.metadata.get_mut("2.snapshot.json").unwrap()[9] ^= 1),
        ("a snapshot without its targets", |shelf| drop(shelf.metadata.remove("2.targets.json"))),
        ("a root that nobody signed", |shelf| drop(shelf.metadata.insert("2.root.json".into(), b"{}".to_vec()))),
    ];
    for (name, wrong) in cases {
        for liar_first in [true, false] {
            let world = World::new();
            let (mut liar, mut honest) = (world.new_one(), world.new_one());
            wrong(&mut liar);
            let looked = match liar_first {
                true => world.cycle(&mut [&mut liar, &mut honest]),
                // Honest, and behind: what is newer and cannot be had must not hide what can.
                false => world.cycle(&mut [&mut world.old_one(), &mut liar]),
            };
            let expected = if liar_first { (vec![None, Some(2)], Some(1)) } else { (vec![Some(1), None], Some(0)) };
            assert_eq!(short(&looked), expected, "{name}");
            // And nothing that was tried stands in the way of the next cycle.
            let looked = world.cycle(&mut [&mut honest]);
            assert_eq!(short(&looked), (vec![Some(2)], Some(0)), "{name}");
            world.is_current();
        }
    }
}

#[test]
fn a_dead_source_holds_nobody_back() {
    let world = World::new();
    let looked = world.cycle(&mut [&mut Dead, &mut world.new_one()]);
    assert_eq!(short(&looked), (vec![None, Some(2)], Some(1)));
    assert!(matches!(looked.each[0], Err(TrustError::Source(SourceError::Unreachable { .. }))));
    world.is_current();
}

#[test]
fn a_source_that_withholds_a_new_root_does_not_keep_its_old_keys_alive() {
    let mut world = World::new();
    let mut withholds = world.new_one();
    world.vendor.rotate(RoleName::Timestamp);
    let looked = world.cycle(&mut [&mut withholds, &mut world.new_one()]);
    assert_eq!(short(&looked), (vec![None, Some(3)], Some(1)));
    assert!(matches!(looked.each[0], Err(TrustError::Refused(_))), "{:?}", looked.each[0]);
}

#[test]
fn a_timestamp_is_kept_where_nobody_gives_what_it_names() {
    let world = World::new();
    let mut cut = world.new_one();
    cut.metadata.remove("2.snapshot.json");
    let looked = world.cycle(&mut [&mut Dead, &mut cut]);
    assert_eq!(short(&looked), (vec![None, None], None));
    assert_eq!(world.stored(RoleName::Timestamp), world.vendor.shelf.metadata.get("timestamp.json").cloned());
    assert_eq!(world.stored(RoleName::Snapshot), None);

    // The specification's rule: what was seen signed does not become unseen.
    let looked = world.cycle(&mut [&mut world.old_one()]);
    assert_eq!(short(&looked), (vec![None], None));
    let looked = world.cycle(&mut [&mut world.old_one(), &mut world.new_one()]);
    assert_eq!(short(&looked), (vec![None, Some(2)], Some(1)));
    world.is_current();
}

#[test]
fn what_has_expired_at_one_source_may_be_fresh_at_another() {
    let mut world = World::new();
    let later: Timestamp = now() + jiff::SignedDuration::from_hours(24 * 8);
    let mut stale = world.new_one();
    world.vendor.expires = later + jiff::SignedDuration::from_hours(24);
    world.vendor.publish();
    let mut trust = Trust::load(&world.settings, &world.dir.path().join("trust")).unwrap();
    let looked = trust.refresh_from(&mut [&mut stale, &mut world.new_one()], later).unwrap();
    assert_eq!(short(&looked), (vec![None, Some(3)], Some(1)));
}
