//! Generated faults: one run counts the points that it passes; then each point fails once, kills the agent once, and loses the
//! machine's power once. A step that is written later is covered on the day it is.

use std::panic::AssertUnwindSafe;

use super::machine::Machine;
use super::scenarios::{self, Scenario};
use crate::fault::testing::{self, Fault};
use crate::journal::JournalError;
use crate::update::Outcome;

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
}

type Ran = Option<Result<Outcome, JournalError>>;

impl Scenario {
    /// Runs it with a blow at a point, or none; `None`: the agent did not live to its end.
    pub(super) fn run(&self, machine: &mut Machine, blow: Option<(usize, Blow)>) -> (Ran, usize) {
        let plan = (self.plan)(machine);
        let fault = blow.map(|(point, blow)| (point, blow.fault()));
        testing::with(fault, AssertUnwindSafe(|| machine.run(plan)))
    }

    /// Where a machine stands after a blow and its recovery: at the old or the new, wholly.
    pub(super) fn check_rest(&self, machine: &mut Machine, before: &Before) -> Result<(), String> {
        let old = machine.holds_at_rest(self.old).and_then(|()| before.compare(machine));
        let new = self.new.map(|new| machine.holds_at_rest(new));
        match (old, new) {
            (Ok(()), _) | (_, Some(Ok(()))) => {}
            (Err(old), new) => return Err(format!("neither old ({old}) nor new ({new:?})")),
        }
        let picture = machine.whole_picture();
        let again = machine.recover().map_err(|error| error.to_string())?;
        if again.is_some() || picture != machine.whole_picture() {
            return Err(format!("recovering again changes something: {again:?}"));
        }
        Ok(())
    }

    /// Lives through one blow.
    fn survive(&self, machine: &mut Machine, before: &Before, point: usize, blow: Blow) -> Result<(), String> {
        let plan = (self.plan)(machine);
        let (ran, _) = self.run(machine, Some((point, blow)));
        machine.holds_at_every_instant(&plan)?;
        if let Some(Ok(Outcome::Stuck { reason })) = ran {
            return Err(format!("stuck: {reason}"));
        }
        if blow == Blow::PowerCut {
            machine.lose_power()?;
        }
        recover_to_the_end(machine)?;
        machine.holds_at_every_instant(&plan)?;
        self.check_rest(machine, before)
    }
}

/// Recovers until nothing is open; a blow that hit the tidying up leaves work for the next start.
pub(super) fn recover_to_the_end(machine: &mut Machine) -> Result<(), String> {
    for _ in 0..3 {
        match machine.recover() {
            Ok(None) => return Ok(()),
            Ok(Some(Outcome::Stuck { reason })) => return Err(format!("stuck in recovery: {reason}")),
            Ok(Some(Outcome::Completed | Outcome::RolledBack { .. })) => {}
            Err(error) => return Err(format!("no recovery: {}", crate::exit::chain(&error))),
        }
    }
    Err("recovery does not come to an end".to_owned())
}

/// The application's files before the act.
pub(super) struct Before(std::collections::BTreeMap<std::path::PathBuf, String>);

impl Before {
    pub(super) fn of(machine: &Machine) -> Self {
        Self(machine.picture())
    }

    /// Whoever went back has exactly the files that were there.
    pub(super) fn compare(&self, machine: &Machine) -> Result<(), String> {
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

/// Each point × each blow.
fn every_point(scenario: &Scenario) {
    let mut machine = (scenario.build)();
    let (moment, before) = (machine.keep("before"), Before::of(&machine));
    let (ran, points) = scenario.run(&mut machine, None);
    let ended = ran.expect("nothing befell it").unwrap();
    assert_eq!(ended == Outcome::Completed, scenario.new.is_some(), "{}: {ended:?}", scenario.name);
    machine.holds_at_rest(scenario.new.unwrap_or(scenario.old)).unwrap();
    scenario.check_rest(&mut machine, &before).unwrap();
    let mut failures = Vec::new();
    for point in 0..points {
        for blow in [Blow::Error, Blow::Kill, Blow::PowerCut] {
            machine.go_back(&moment);
            if let Err(reason) = scenario.survive(&mut machine, &before, point, blow) {
                failures.push(format!("{blow:?} at point {point} ({}): {reason}", testing::hit()));
            }
        }
    }
    println!("{}: {points} points, {} cases", scenario.name, points * 3);
    assert!(
        failures.is_empty(),
        "{}: {} of {} cases fail:\n{}",
        scenario.name,
        failures.len(),
        points * 3,
        failures.join("\n")
    );
}

#[test]
fn an_update_survives_a_blow_at_every_point() {
    every_point(&scenarios::UPDATE);
}

#[test]
fn an_update_without_migration_survives_a_blow_at_every_point() {
    every_point(&scenarios::PLAIN_UPDATE);
}

#[test]
fn an_ill_release_goes_back_through_a_blow_at_every_point() {
    every_point(&scenarios::ILL);
}

#[test]
fn an_ill_release_with_a_compatible_schema_loses_nobodys_rows_at_any_point() {
    every_point(&scenarios::ILL_COMPATIBLE);
}

#[test]
fn a_migration_that_fails_halfway_goes_back_through_a_blow_at_every_point() {
    every_point(&scenarios::HALFWAY);
}

#[test]
fn a_first_install_survives_a_blow_at_every_point() {
    every_point(&scenarios::INSTALL);
}

#[test]
fn adopting_survives_a_blow_at_every_point() {
    every_point(&scenarios::ADOPT);
}

#[test]
fn releasing_survives_a_blow_at_every_point() {
    every_point(&scenarios::RELEASE);
}

#[test]
fn a_rollback_survives_a_blow_at_every_point() {
    every_point(&scenarios::ROLLBACK);
}
