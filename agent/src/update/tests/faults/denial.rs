//! A disk that refuses from a point on, until the act is over: no room, no inodes, a quota, read-only, broken.
//!
//! Where there is no room the act goes back by itself, or comes to its end all the same. Only a disk that refuses every write
//! may leave it open, since not even the journal can be written then; and what would start by itself agrees with its data.

use std::io::{Error, Result};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use rustix::io::Errno;

use super::disk::Disk;
use super::figures::{Figures, conclude};
use super::life::Life;
use super::share::Share;
use crate::fault::testing::{self, Lasting};
use crate::update::Outcome;
use crate::update::tests::scenarios::Scenario;

/// What the disk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denial {
    /// Bytes: `ENOSPC`.
    Full,
    /// Files: `ENOSPC`.
    Inodes,
    /// Bytes, to this user: `EDQUOT`.
    Quota,
    /// Every write: `EROFS`.
    ReadOnly,
    /// Everything: `EIO`.
    Broken,
}

impl Denial {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Full, "full"),
        (Self::Inodes, "no inodes"),
        (Self::Quota, "quota"),
        (Self::ReadOnly, "read-only"),
        (Self::Broken, "broken"),
    ];

    fn refuses_everything(self) -> bool {
        match self {
            Self::Full | Self::Inodes | Self::Quota => false,
            Self::ReadOnly | Self::Broken => true,
        }
    }
}

/// A denial on a disk.
struct Denied {
    denial: Denial,
    disk: Rc<Disk>,
    is_on: bool,
}

impl Lasting for Denied {
    fn pass(&mut self) -> Result<()> {
        if !self.is_on {
            self.is_on = match self.denial {
                Denial::Full | Denial::Quota => {
                    self.disk.fill();
                    true
                }
                Denial::Inodes => {
                    self.disk.use_up_inodes();
                    true
                }
                Denial::ReadOnly | Denial::Broken => self.disk.is_read_only_now(),
            };
        }
        if self.denial == Denial::Broken { Err(Errno::IO.into()) } else { Ok(()) }
    }

    fn felt(&self, error: Error) -> Error {
        match self.denial {
            Denial::Quota if error.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => Errno::DQUOT.into(),
            Denial::Full | Denial::Inodes | Denial::Quota | Denial::ReadOnly | Denial::Broken => error,
        }
    }
}

impl Life {
    fn survive_denial(&mut self, point: usize, denial: Denial, disk: &Rc<Disk>) -> std::result::Result<(), String> {
        let denied = Denied { denial, disk: disk.clone(), is_on: false };
        let act = AssertUnwindSafe(|| self.scenario.run(&mut self.machine));
        let ran = testing::with_lasting(point, Box::new(denied), act);
        self.check_instant()?;
        let is_open = self.machine.journals().iter().any(crate::journal::Journal::is_open);
        match ran {
            Ok(Outcome::Completed | Outcome::RolledBack { .. } | Outcome::Waiting { .. }) => {}
            Ok(Outcome::Stuck { reason }) => return Err(format!("stuck: {reason}")),
            // What never began has not to be undone.
            Err(_) if !is_open || denial.refuses_everything() => {}
            Err(error) => return Err(format!("it is left open: {error}")),
        }
        disk.mend();
        self.come_to_rest()
    }
}

/// Each denial, from each point on.
pub(super) fn live_through(scenario: &'static Scenario) {
    // What is refused from one point on is refused from the next one on, too: they differ little.
    let share = Share::chosen().one_in(3);
    println!("{share}");
    let mut mounted = None;
    let (mut life, moment) = Life::of(scenario, |machine| mounted = Some(Rc::new(Disk::mount(machine.root()))));
    let disk = mounted.expect("it was mounted just now");
    let mut figures = Denial::ALL.map(|(_, name)| Figures::new(scenario.name, name));
    for point in 0..life.points {
        for (number, (denial, _)) in Denial::ALL.into_iter().enumerate() {
            if !share.takes(point + number) {
                figures[number].leave();
                continue;
            }
            disk.mend();
            life.machine.go_back(&moment);
            let place = || format!("from point {point} on ({})", testing::hit());
            figures[number].live(place, || life.survive_denial(point, denial, &disk));
        }
    }
    disk.mend();
    conclude(life.points, &figures, share);
}
