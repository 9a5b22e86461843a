//! Every step of an update, struck: the machine reboots, its power is cut, the agent is killed or its worker alone, at each record
//! of the journal, on the way there and on the way back. Which records there are is what an undisturbed update has passed.
//!
//! The application never starts on data that do not match its code; afterwards one release or the other is there, whole.

use std::process::Child;
use std::time::{Duration, Instant};

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site};

/// How long it may take until everything is well again.
const RECOVERY: Duration = Duration::from_secs(60);

/// Again and again: that it was cut off is not held against the release, but a few times in a row are.
const UPDATE: [&str; 3] = ["update", "1.1.0", "--again"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Reboot,
    PowerCut,
    AgentKilled,
    WorkerKilled,
}

impl Blow {
    fn falls(self, machine: &Machine, faults: &Faults<'_>) {
        match self {
            Blow::Reboot => machine.reboot().expect("it reboots"),
            Blow::PowerCut => machine.cut_power().expect("it boots again"),
            Blow::AgentKilled => {
                machine.sh("systemctl kill --kill-whom=all --signal=SIGKILL surefoot.service");
            }
            Blow::WorkerKilled => faults.kill_worker(),
        }
    }

    fn boots(self) -> bool {
        matches!(self, Blow::Reboot | Blow::PowerCut)
    }
}

/// A place to strike at, and what must come of it.
struct Place<'p> {
    name: &'p str,
    /// Nothing of the application runs while the agent is there.
    down: bool,
    /// Nor may it be started by a boot.
    door_closed: bool,
    /// The release that is there in the end.
    version: &'static str,
    /// How the history tells of it.
    status: &'static str,
}

/// What an undisturbed update passes, in its order, and what a blow at each of them must lead to.
fn places_there(passed: &[String]) -> Vec<Place<'_>> {
    let at = |name: &str| passed.iter().position(|place| place == name).unwrap_or_else(|| panic!("{name}: {passed:?}"));
    let (stop, stopped, still, start, started, soaking) = (
        at("begun stop"),
        at("applied stop"),
        at("begun backup#2"),
        at("begun start"),
        at("applied start"),
        at("soaking"),
    );
    let place = |(number, name)| Place {
        name,
        down: (stopped..=start).contains(&number),
        door_closed: (still..soaking).contains(&number),
        version: if number < soaking { "1.0.0" } else { "1.1.0" },
        status: match number {
            number if number < stop => "failed",
            number if number < soaking => "rolled_back",
            _ => "completed",
        },
    };
    assert!(start < started && started < soaking);
    passed.iter().map(String::as_str).enumerate().map(place).filter(|place| place.name != "finished").collect()
}

/// The same for the way back from a new release that has been started.
fn places_back(passed: &[String]) -> Vec<Place<'_>> {
    let resumed = passed.iter().position(|place| place == "resumed").expect("it was taken up again");
    let back = &passed[resumed..];
    let at = |name: &str| back.iter().position(|place| place == name).unwrap_or_else(|| panic!("{name}: {back:?}"));
    let (down, still, up) = (at("reverted start"), at("reverted backup"), at("reverted stop"));
    let place = |(number, name)| Place {
        name,
        down: (down..up).contains(&number),
        door_closed: number < still,
        version: "1.0.0",
        status: "rolled_back",
    };
    back.iter().map(String::as_str).enumerate().map(place).collect()
}

/// A machine with 1.0.0, to which 1.1.0 is offered: its migration changes the schema so that 1.0.0 cannot work with it.
fn boot(name: &str) -> Machine {
    let image = scenario::adopted().expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

fn strike_each_step(name: &str, blow: Blow) {
    let machine = boot(name);
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("upto-1.1.0");
    site.surefoot(&UPDATE).well();
    let passed = faults.passed();
    site.surefoot(&["rollback", "--yes"]).well();

    let mut times = Times::default();
    for place in places_there(&passed) {
        kkt::add_item(&machine, &format!("before {}", place.name));
        let before = site.insist_on("1.0.0");
        let mut command = faults.stop_at(place.name, &UPDATE);
        is_down_where_it_must_be(&site, &place);
        strike(&site, &faults, blow, &place, &mut times);

        let _ = command.wait();
        let after = site.insist_on(place.version);
        assert_eq!(after.items, before.items, "the rows after a blow at {}", place.name);
        if place.version != "1.0.0" {
            site.surefoot(&["rollback", "--yes"]).well();
        }
    }
    faults.insist_on_matching_starts();
    times.print(name);
}

fn strike_each_step_back(name: &str, blow: Blow) {
    let machine = boot(name);
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("upto-1.1.0");
    let mut command = on_the_way_back(&faults, None);
    is_settled(&site, "rolled_back");
    let _ = command.wait();
    let passed = faults.passed();

    let mut times = Times::default();
    for place in places_back(&passed) {
        kkt::add_item(&machine, &format!("before {}", place.name));
        let before = site.insist_on("1.0.0");
        let mut command = on_the_way_back(&faults, Some(place.name));
        is_down_where_it_must_be(&site, &place);
        strike(&site, &faults, blow, &place, &mut times);
        let _ = command.wait();
        assert_eq!(site.insist_on("1.0.0"), before, "everything after a blow at {}", place.name);
    }
    faults.insist_on_matching_starts();
    times.print(name);
}

/// The power is cut at the beginning of each step of an admin's way back to the release before.
fn cut_each_step_of_a_rollback(name: &str) {
    let machine = boot(name);
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("upto-1.1.0");
    site.surefoot(&UPDATE).well();
    let _ = faults.passed();
    site.surefoot(&["rollback", "--yes"]).well();
    let passed = faults.passed();
    let places: Vec<&String> =
        passed.iter().filter(|place| place.starts_with("begun") || *place == "soaking").collect();
    assert!(places.len() > 3, "{passed:?}");

    for place in places {
        site.surefoot(&UPDATE).well();
        kkt::add_item(&machine, &format!("before {place}"));
        let before = site.insist_on("1.1.0");
        let mut command = faults.stop_at(place, &["rollback", "--yes"]);
        faults.park_nowhere();
        machine.cut_power().expect("it boots again");

        let _ = command.wait();
        site.wait_for_agent();
        machine.wait_until("it serves", RECOVERY, || kkt::health(&machine).is_some());
        let last = site.history().pop().unwrap_or_default();
        if last == "rollback 1.0.0 completed" {
            assert_eq!(place, "soaking", "what is not over is undone");
            site.insist_on("1.0.0");
        } else {
            assert!(last == "rollback 1.0.0 rolled_back" || last == "rollback 1.0.0 failed", "{place}: {last}");
            assert_eq!(site.insist_on("1.1.0"), before, "everything after a cut at {place}");
            site.surefoot(&["rollback", "--yes"]).well();
            site.insist_on("1.0.0");
        }
    }
    faults.insist_on_matching_starts();
}

/// The new release has been started when the worker is killed, and the next one has to put everything back. The command that
/// asked for the update waits for the end of that.
fn on_the_way_back(faults: &Faults<'_>, place: Option<&str>) -> Child {
    let command = faults.stop_at("applied start", &UPDATE);
    match place {
        Some(place) => faults.park_at(place),
        None => faults.park_nowhere(),
    }
    faults.kill_worker();
    if let Some(place) = place {
        faults.wait_until_parked(place);
    }
    command
}

fn is_down_where_it_must_be(site: &Site<'_>, place: &Place<'_>) {
    if place.down {
        let units = site.machine().sh("systemctl show --value --property ActiveState kkt-web kkt-bot");
        assert_eq!(units.split_whitespace().collect::<Vec<_>>(), ["inactive"; 2], "the units at {}", place.name);
    }
}

fn strike(site: &Site<'_>, faults: &Faults<'_>, blow: Blow, place: &Place<'_>, times: &mut Times) {
    faults.park_nowhere();
    let begin = Instant::now();
    blow.falls(site.machine(), faults);
    let words = format!("kkt {} serves after a blow at {}", place.version, place.name);
    site.machine().wait_until(&words, RECOVERY, || kkt::health(site.machine()).as_deref() == Some(place.version));
    is_settled(site, place.status);
    site.wait_for_agent();
    times.take(place, begin.elapsed());
    if blow.boots() && place.door_closed {
        the_boot_was_refused(site.machine(), place);
    }
}

fn is_settled(site: &Site<'_>, status: &str) {
    let wanted = format!("update 1.1.0 {status}");
    let mut last = String::new();
    site.machine().wait_until(&format!("the history ends with {wanted}"), RECOVERY, || {
        last = site.history().pop().unwrap_or_default();
        last == wanted || (!last.ends_with("in_progress") && panic!("{last} instead of {wanted}"))
    });
}

/// At the boot systemd was asked to start the application and did not; the agent did when all was well.
fn the_boot_was_refused(machine: &Machine, place: &Place<'_>) {
    let lines = machine.sh("journalctl -b 0 -o cat --no-pager -u kkt-web.service");
    let at =
        |words: &str| lines.find(words).unwrap_or_else(|| panic!("{}: nothing says {words:?} in\n{lines}", place.name));
    assert!(at("was skipped because of an unmet condition check") < at("Starting kkt-web.service"), "{lines}");
    assert_eq!(lines.matches("Started kkt-web.service").count(), 1, "{}: {lines}", place.name);
}

/// How long it took to be well again.
#[derive(Default)]
struct Times(Vec<(String, Duration)>);

impl Times {
    fn take(&mut self, place: &Place<'_>, time: Duration) {
        self.0.push((place.name.to_owned(), time));
    }

    fn print(&mut self, name: &str) {
        self.0.sort_by_key(|(_, time)| *time);
        let seconds = |index: usize| self.0[index].1.as_secs_f64();
        let (median, last) = (seconds(self.0.len() / 2), self.0.len() - 1);
        println!(
            "{name}: {} blows, well again after {median:.1} s (median), at most {:.1} s",
            self.0.len(),
            seconds(last)
        );
        self.0.iter().for_each(|(place, time)| println!("  {:>5.1} s  {place}", time.as_secs_f64()));
    }
}

#[test]
fn a_reboot_at_each_step_of_an_update() {
    strike_each_step("step-reboot", Blow::Reboot);
}

#[test]
fn a_power_cut_at_each_step_of_an_update() {
    strike_each_step("step-power", Blow::PowerCut);
}

#[test]
fn a_kill_of_the_agent_at_each_step_of_an_update() {
    strike_each_step("step-agent", Blow::AgentKilled);
}

#[test]
fn a_kill_of_the_worker_at_each_step_of_an_update() {
    strike_each_step("step-worker", Blow::WorkerKilled);
}

#[test]
fn a_reboot_at_each_step_of_the_way_back() {
    strike_each_step_back("back-reboot", Blow::Reboot);
}

#[test]
fn a_power_cut_at_each_step_of_the_way_back() {
    strike_each_step_back("back-power", Blow::PowerCut);
}

#[test]
fn a_power_cut_at_each_step_of_a_rollback() {
    cut_each_step_of_a_rollback("rollback-power");
}

#[test]
fn a_kill_of_the_agent_at_each_step_of_the_way_back() {
    strike_each_step_back("back-agent", Blow::AgentKilled);
}

#[test]
fn a_kill_of_the_worker_at_each_step_of_the_way_back() {
    strike_each_step_back("back-worker", Blow::WorkerKilled);
}
