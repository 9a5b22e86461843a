//! The places that every change is struck at: around the stop, the backup, the migration, the link, the start and the commit,
//! and on the way back. Each is struck by a power cut on one of the two file systems, the commit on both: only there does an
//! act that was not made durable show for good.

use super::act::Act;
use super::blow::{Blow, Moment};
use super::disk::Kind;
use super::run::Course;

const CHOSEN: [(Act, &str); 25] = [
    (Act::Update, "planned"),
    (Act::Update, "begun stage"),
    (Act::Update, "applied stage"),
    (Act::Update, "begun stop"),
    (Act::Update, "applied stop"),
    (Act::Update, "begun backup"),
    (Act::Update, "applied backup"),
    (Act::Update, "begun migrate"),
    (Act::Update, "run the vendor's command"),
    (Act::Update, "applied migrate"),
    (Act::Update, "begun activate"),
    (Act::Update, "applied activate"),
    (Act::Update, "begun start"),
    (Act::Update, "applied start"),
    (Act::Ill, "failed probe"),
    (Act::Ill, "reverted start"),
    (Act::Ill, "reverted activate"),
    (Act::Ill, "left_aside"),
    (Act::Ill, "reverted migrate"),
    (Act::Ill, "rolled_back"),
    (Act::Rollback, "begun restore"),
    (Act::Rollback, "applied restore"),
    (Act::Adopt, "begun adopt"),
    (Act::Install, "applied activate"),
    // The migration stays where it is, and the next update brings it once more.
    (Act::Compatible, "applied start"),
];

const ON_BOTH: [(Act, &str); 3] = [(Act::Update, "soaking"), (Act::Update, "committed"), (Act::Code, "committed")];

/// The share of this file system: every second place, the others being the other's.
pub(super) fn courses(kind: Kind) -> Vec<Course> {
    let first = match kind.file_system {
        super::FileSystem::Ext4 => 0,
        super::FileSystem::Xfs => 1,
    };
    let course = |(act, name): &(Act, &str)| Course {
        kind,
        act: *act,
        blow: Blow::Power,
        moment: Moment::Named((*name).to_owned()),
        again: None,
    };
    CHOSEN.iter().skip(first).step_by(2).chain(&ON_BOTH).map(course).collect()
}
