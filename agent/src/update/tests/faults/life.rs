//! One life after another: the act with a blow, both lists of invariants, the recovery, perhaps with another blow, and both
//! lists again.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use super::figures::{Figures, conclude, ends_at_the_first};
use super::share::Share;
use crate::fault::ledger;
use crate::fault::testing::{self, Fault};
use crate::plan::Plan;
use crate::update::Outcome;
use crate::update::tests::machine::{Machine, Moment};
use crate::update::tests::scenarios::{Deed, Scenario};

/// What befalls the machine at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// A system call fails.
    Error,
    /// The agent is killed; the services go on.
    Kill,
    /// Everything is gone but the disk.
    PowerCut,
}

impl Blow {
    fn fault(self) -> Fault {
        match self {
            Self::Error => Fault::Error,
            Self::Kill | Self::PowerCut => Fault::Crash,
        }
    }

    /// The crashes alternate from point to point.
    fn crash(number: usize) -> Self {
        if number.is_multiple_of(2) { Self::Kill } else { Self::PowerCut }
    }
}

/// `None`: the agent did not live to its end.
type Ran = Option<Result<Outcome, String>>;
type Checked = Result<(), String>;

/// A scenario, the moment before it, and how many points it passes.
pub(super) struct Life {
    pub(super) scenario: &'static Scenario,
    pub(super) machine: Machine,
    pub(super) before: Before,
    pub(super) plan: Plan,
    pub(super) points: usize,
}

impl Life {
    /// Runs the scenario once without a blow, as it is meant.
    pub(super) fn of(scenario: &'static Scenario, prepare: impl FnOnce(&Machine)) -> (Self, Moment) {
        let mut machine = (scenario.build)();
        let moment = machine.keep("before");
        prepare(&machine);
        machine.go_back(&moment);
        let (before, plan) = (Before::of(&machine), (scenario.plan)(&machine));
        let mut life = Self { scenario, machine, before, plan, points: 0 };
        let (ran, points) = life.run(None);
        let ended = ran.expect("nothing befell it").unwrap();
        assert_eq!(ended == Outcome::Completed, scenario.new.is_some(), "{}: {ended:?}", scenario.name);
        life.check_instant().unwrap();
        life.machine.holds_at_rest(scenario.new.unwrap_or(scenario.old)).unwrap();
        life.check_rest().unwrap();
        life.points = points;
        (life, moment)
    }

    fn run(&mut self, blow: Option<(usize, Blow)>) -> (Ran, usize) {
        let fault = blow.map(|(point, blow)| (point, blow.fault()));
        testing::with(fault, AssertUnwindSafe(|| self.scenario.run(&mut self.machine)))
    }

    /// The first list; and that the journal has said nothing too early.
    pub(super) fn check_instant(&self) -> Checked {
        ledger::too_early()?;
        self.machine.holds_at_every_instant(&self.plan)?;
        self.machine.what_would_start_agrees()
    }

    /// The first blow, and what it does to the rest of the machine.
    fn strike(&mut self, point: usize, blow: Blow) -> Checked {
        let (ran, _) = self.run(Some((point, blow)));
        self.check_instant()?;
        if let Some(Ok(Outcome::Stuck { reason })) = ran {
            return Err(format!("stuck: {reason}"));
        }
        self.dark(blow)
    }

    fn dark(&mut self, blow: Blow) -> Checked {
        if blow == Blow::PowerCut { self.machine.lose_power() } else { Ok(()) }
    }

    /// Lives through one blow.
    fn survive(&mut self, point: usize, blow: Blow) -> Checked {
        self.strike(point, blow)?;
        self.come_to_rest()
    }

    /// A blow in the middle of recovering from another.
    fn survive_again(&mut self, point: usize, blow: Blow) -> Checked {
        let fault = Some((point, blow.fault()));
        let (ran, _) = testing::with(fault, AssertUnwindSafe(|| self.scenario.recover(&mut self.machine)));
        self.check_instant()?;
        if let Some(Ok(Some(Outcome::Stuck { reason }))) = ran {
            return Err(format!("stuck in recovery: {reason}"));
        }
        self.dark(blow)?;
        self.come_to_rest()
    }

    /// Recovers until nothing is open; a blow that hit the tidying up leaves work for the next start.
    pub(super) fn come_to_rest(&mut self) -> Checked {
        for _ in 0..3 {
            match self.scenario.recover(&mut self.machine) {
                Ok(None) => {
                    self.check_instant()?;
                    return self.check_rest();
                }
                Ok(Some(Outcome::Stuck { reason })) => return Err(format!("stuck in recovery: {reason}")),
                Ok(Some(Outcome::Completed | Outcome::RolledBack { .. } | Outcome::Waiting { .. })) => {}
                Err(error) => return Err(format!("no recovery: {error}")),
            }
        }
        Err("recovery does not come to an end".to_owned())
    }

    /// Where a machine stands after all: at the old or the new, wholly.
    fn check_rest(&mut self) -> Checked {
        let scenario = self.scenario;
        let old = self.machine.holds_at_rest(scenario.old).and_then(|()| self.before.compare(&self.machine));
        if let Err(old) = old {
            let new =
                scenario.new.map(|new| self.machine.holds_at_rest(new).and_then(|()| (scenario.tidy)(&self.machine)));
            if new != Some(Ok(())) {
                return Err(format!("neither old ({old}) nor new ({new:?})"));
            }
        }
        if scenario.deed != Deed::Expire {
            self.machine.nothing_is_lost()?;
        }
        let picture = self.machine.whole_picture();
        let again = scenario.recover(&mut self.machine)?;
        if again.is_some() || picture != self.machine.whole_picture() {
            return Err(format!("recovering again changes something: {again:?}"));
        }
        Ok(())
    }

    /// How many points the recovery passes that is due now.
    fn points_of_recovery(&mut self) -> usize {
        testing::with(None, AssertUnwindSafe(|| self.scenario.recover(&mut self.machine))).1
    }
}

/// Each point × each blow, and after a crash at it the share's part of each point of the recovery × {error, crash}.
pub(super) fn live_through(scenario: &'static Scenario) {
    let share = Share::chosen();
    println!("{share}");
    let (mut life, moment) = Life::of(scenario, |_| {});
    let mut figures = ["error", "kill", "power cut", "second"].map(|blow| Figures::new(scenario.name, blow));
    let [errors, kills, cuts, seconds] = &mut figures;
    let mut pair = 0;
    for point in in_turn(life.points) {
        for (figures, blow) in [(&mut *errors, Blow::Error), (&mut *kills, Blow::Kill), (&mut *cuts, Blow::PowerCut)] {
            life.machine.go_back(&moment);
            figures.live(|| format!("at point {point} ({})", testing::hit()), || life.survive(point, blow));
        }
        life.machine.go_back(&moment);
        if life.strike(point, Blow::crash(point)).is_err() {
            // Told above.
            continue;
        }
        second_blows(&mut life, point, &mut pair, share, seconds);
    }
    conclude(life.points, &figures, share);
}

/// Each point once: one after the other, or, where the first that breaks is enough, in long strides, since what does not hold
/// does so at points that lie beside each other.
fn in_turn(points: usize) -> impl Iterator<Item = usize> {
    let long = [67, 61].into_iter().find(|stride| !points.is_multiple_of(*stride));
    let stride = long.filter(|_| ends_at_the_first()).unwrap_or(1);
    (0..points).map(move |number| number * stride % points)
}

fn second_blows(life: &mut Life, first: usize, pair: &mut usize, share: Share, figures: &mut Figures) {
    let crashed = life.machine.keep("crashed");
    let points = life.points_of_recovery();
    for second in 0..points {
        for blow in [Blow::Error, Blow::crash(first + second)] {
            *pair += 1;
            if !share.takes(*pair) {
                figures.leave();
                continue;
            }
            life.machine.go_back(&crashed);
            let place = || format!("at {first}, then {blow:?} at {second} ({})", testing::hit());
            figures.live(place, || life.survive_again(second, blow));
        }
    }
}

/// The application's files before the act.
pub(in crate::update::tests) struct Before(BTreeMap<PathBuf, String>);

impl Before {
    pub(in crate::update::tests) fn of(machine: &Machine) -> Self {
        Self(machine.picture())
    }

    /// Whoever went back has exactly the files that were there.
    pub(in crate::update::tests) fn compare(&self, machine: &Machine) -> Checked {
        let now = machine.picture();
        let changed: Vec<_> = self.0.iter().filter(|(path, what)| now.get(*path) != Some(what)).collect();
        let added: Vec<_> = now.keys().filter(|path| !self.0.contains_key(*path)).collect();
        if changed.is_empty() && added.is_empty() {
            Ok(())
        } else {
            Err(format!("changed {changed:?}, added {added:?}"))
        }
    }
}
