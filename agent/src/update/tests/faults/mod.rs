//! Generated faults: one run counts the points that it passes; then each point fails once, kills the agent once, and loses the
//! machine's power once, and from each point on the disk refuses what it can refuse. A step that is written later is covered
//! on the day it is.

mod denial;
mod disk;
mod figures;
mod life;
mod share;

pub(super) use life::Before;
pub(super) use share::Share;

use super::scenarios::{self, Scenario};

/// A test for each scenario of this list, under the scenario's name.
macro_rules! each {
    ($live:path: $($name:ident)*) => {$(
        #[test]
        fn $name() {
            $live(scenario(stringify!($name)));
        }
    )*};
}

/// The scenario of this name.
fn scenario(name: &str) -> &'static Scenario {
    scenarios::ALL
        .into_iter()
        .chain(scenarios::TIDYING)
        .find(|scenario| scenario.name == name)
        .expect("it is in a list")
}

/// An error, a kill and a power cut at each point; and after each crash another blow at points of the recovery.
mod a_blow_at_every_point_and_another_in_the_recovery {
    use super::*;

    each!(life::live_through:
        code_only compatible_migration incompatible_migration failing_migration failing_compatible failing_health failing_health_kept
        rollback rollback_code_only install adopt release vacuum vacuum_of_a_home expiry);
}

/// A disk that is full, has no inodes, a quota, is read-only or broken from each point on.
mod a_disk_that_refuses_from_any_point_on {
    use super::*;

    each!(denial::live_through:
        code_only compatible_migration incompatible_migration failing_migration failing_compatible failing_health failing_health_kept
        rollback rollback_code_only install adopt release vacuum vacuum_of_a_home expiry);
}
