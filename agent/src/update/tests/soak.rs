//! The soak through the engine: what it notices, and what of it outlives the agent and the machine.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use super::machine::Machine;
use super::release::Release;
use crate::clock::Clock;
use crate::fault::testing;
use crate::journal::{Blame, Record, history};
use crate::plan::Plan;
use crate::update::Outcome;

/// Seconds of the soak: long enough for several records.
const SOAK: u64 = 45;
/// Healthy seconds that a crash may cost: those since the last record, and the pause in which it fell.
const MOST_LOST: u64 = 10 + 1;

fn machine() -> Machine {
    Machine::with_first(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])])
}

fn plan(machine: &Machine) -> Plan {
    let mut plan = machine.plan_update(Some("1.0.0"), "1.1.0");
    plan.to.profile.health.soak_seconds = SOAK;
    plan
}

/// Updates until the agent is killed, so many seconds into it.
fn killed_at(second: u64) -> Machine {
    let mut machine = machine();
    let plan = plan(&machine);
    machine.clock.kill_at.set(Some(Duration::from_secs(second)));
    let (ended, _) = testing::with(None, AssertUnwindSafe(|| machine.run(plan)));
    assert!(ended.is_none(), "it was over before: {ended:?}");
    machine
}

fn elapsed(machine: &Machine) -> u64 {
    machine.clock.elapsed().as_secs()
}

#[test]
fn a_service_that_is_started_again_between_two_looks_fails_the_release() {
    let mut machine = machine();
    machine.processes.dies = Some(("bot", 6));
    let outcome = machine.run(plan(&machine)).unwrap();
    let Outcome::RolledBack { error, touched: true, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(error.contains("then service bot ended and was started again"), "{error}");
    assert_eq!(history::blame(&machine.journals()[0]), Some(Blame::Release));
}

#[test]
fn whenever_the_agent_is_killed_the_soak_costs_a_little_more_and_is_whole() {
    for second in 1..SOAK {
        let mut machine = killed_at(second);
        let outcome = machine.recover().unwrap();
        assert_eq!(outcome, Some(Outcome::Completed), "killed after {second} s");
        let took = elapsed(&machine);
        assert!((SOAK..=SOAK + MOST_LOST).contains(&took), "killed after {second} s, it took {took} s");
    }
}

#[test]
fn an_agent_that_is_killed_again_and_again_comes_to_an_end() {
    let mut machine = killed_at(13);
    let mut kills = 1;
    loop {
        machine.clock.kill_at.set(Some(machine.clock.elapsed() + Duration::from_secs(13)));
        let (ended, _) = testing::with(None, AssertUnwindSafe(|| machine.recover()));
        let Some(outcome) = ended else {
            kills += 1;
            continue;
        };
        assert_eq!(outcome.unwrap(), Some(Outcome::Completed));
        break;
    }
    assert!((3..=5).contains(&kills), "{kills} kills");
}

#[test]
fn a_service_that_was_started_again_while_the_agent_was_away_fails_the_release() {
    let mut machine = killed_at(20);
    machine.processes.start_again("web");
    let outcome = machine.recover().unwrap();
    let Some(Outcome::RolledBack { error, .. }) = &outcome else { panic!("{outcome:?}") };
    assert!(error.contains("then service web ended and was started again"), "{error}");
}

#[test]
fn a_reboot_starts_every_service_again_and_what_was_watched_counts() {
    for second in [2, 20, 40] {
        let mut machine = killed_at(second);
        machine.lose_power().unwrap();
        assert_eq!(machine.recover().unwrap(), Some(Outcome::Completed), "rebooted after {second} s");
        let took = elapsed(&machine);
        assert!((SOAK..=SOAK + MOST_LOST).contains(&took), "rebooted after {second} s, it took {took} s");
    }
}

#[test]
fn after_a_reboot_the_services_are_watched_anew() {
    let mut machine = killed_at(20);
    machine.lose_power().unwrap();
    machine.processes.dies = Some(("web", 4));
    let outcome = machine.recover().unwrap();
    assert!(matches!(&outcome, Some(Outcome::RolledBack { .. })), "{outcome:?}");
    let boots = machine.journals()[0].records().filter(|record| matches!(record, Record::Watched { .. })).count();
    assert_eq!(boots, 2, "one for each run of the machine");
}
