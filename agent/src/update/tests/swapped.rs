//! The application's user swaps the directories that are theirs for links to what is root's, at every point of every act: for
//! a moment, or until the act is over.
//!
//! Nothing that is root's is changed, nothing of it comes to where others can read it, and with the swapping over the
//! application goes the next way. That a name can be swapped between any two system calls is tried by a race in `durable`.

use std::io::Result;
use std::os::unix::fs::{MetadataExt, lchown};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use super::faults::Share;
use super::invariants::{picture, walk};
use super::machine::Machine;
use super::scenarios::{self, Deed, Scenario};
use crate::fault::testing::{self, Lasting};
use crate::host::child::User;
use crate::plan::{Act, Plan};
use crate::update::{Outcome, engine};

const USER: u32 = 65534;
const CANARY: &str = "CANARY: root's alone";
/// Of so many points one is tried by default, another one each day.
const STRIDE: u64 = 7;

/// A name of the user's, and the link that takes its place.
#[derive(Clone)]
struct Swap {
    name: PathBuf,
    link: PathBuf,
    target: PathBuf,
    passed: usize,
    lasts: bool,
}

impl Swap {
    fn prepare(&self) {
        rustix::fs::symlink(&self.target, &self.link).unwrap();
        lchown(&self.link, Some(USER), Some(USER)).unwrap();
    }

    fn exchange(&self) {
        let _ = rustix::fs::renameat_with(CWD, &self.name, CWD, &self.link, RenameFlags::EXCHANGE);
    }

    /// Puts what was swapped back, wherever it lies by now. Where the agent has put something of its own in the link's place, that
    /// stays.
    fn mend(&self, top: &Path) {
        let all = walk(top);
        let link = all.iter().find(|path| leads_to_canary(path));
        let away = all.iter().find(|path| path.file_name() == self.link.file_name() && !leads_to_canary(path));
        match (link, away) {
            (Some(link), Some(away)) => {
                rustix::fs::renameat_with(CWD, link, CWD, away, RenameFlags::EXCHANGE).unwrap();
                rustix::fs::unlink(away).unwrap();
            }
            (Some(link), None) => rustix::fs::unlink(link).unwrap(),
            (None, Some(away)) if std::fs::symlink_metadata(&self.name).is_ok() => {
                crate::durable::remove_tree(away).or_else(|_| crate::durable::remove_file(away)).unwrap();
            }
            (None, Some(away)) => rustix::fs::rename(away, &self.name).unwrap(),
            (None, None) => {}
        }
    }
}

fn leads_to_canary(link: &Path) -> bool {
    std::fs::read_link(link).is_ok_and(|target| target.components().any(|part| part.as_os_str() == "canary"))
}

impl Lasting for Swap {
    fn pass(&mut self) -> Result<()> {
        self.passed += 1;
        if self.passed == 1 || (self.passed == 2 && !self.lasts && leads_to_canary(&self.name)) {
            self.exchange();
        }
        Ok(())
    }
}

/// The application's user has all that is the application's, and the directory that it lies in.
fn world(scenario: &Scenario) -> (Machine, Plan) {
    assert!(rustix::process::geteuid().is_root(), "this test gives directories away, which only root can");
    let machine = (scenario.build)();
    testing::have_children_again();
    // The user comes to what is theirs, and into a backup's directory while they make a copy there.
    let (here, top) = (machine.here(), machine.root().parent().unwrap());
    for way in here.state().ancestors().take_while(|way| way.starts_with(top)) {
        rustix::fs::chmod(way, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
    }
    let place = machine.app.current().parent().unwrap().to_owned();
    let own = [machine.app.home(), machine.app.releases(), machine.app.shared(), machine.app.current().to_owned()];
    for path in walk(&place).into_iter().chain([place]).filter(|path| !own.contains(path) || is_plain(path, &machine)) {
        lchown(path, Some(USER), Some(USER)).unwrap();
    }
    make_canary(&machine);
    let mut plan = (scenario.plan)(&machine);
    plan.instance.user = Some(User { name: "nobody".to_owned(), uid: USER, gid: USER });
    (machine, plan)
}

fn is_plain(path: &Path, machine: &Machine) -> bool {
    path == machine.app.current() && path.is_dir() && !path.is_symlink()
}

/// Root's, and like a home: what is done to the wrong one finds what it looks for.
fn make_canary(machine: &Machine) {
    let canary = canary(machine);
    let files = ["releases/0.9.0/file", "releases/1.0.0/VERSION", "releases/1.1.0/file", "releases/1.1.0.pending/file"];
    for file in files.into_iter().chain(["shared/.env", "shared/uploads/photo.jpg", "shared/data/app.db", "secret"]) {
        machine.put(&canary.join(file), CANARY.as_bytes());
    }
    for path in walk(&canary).into_iter().filter(|path| path.is_file()) {
        rustix::fs::chmod(path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    }
}

fn canary(machine: &Machine) -> PathBuf {
    machine.root().parent().unwrap().join("canary")
}

/// What the user can put elsewhere, and the link that is put in its place.
fn swaps(machine: &Machine) -> Vec<Swap> {
    let (app, canary) = (&machine.app, canary(machine));
    let mut pairs = vec![(app.current().to_owned(), canary.join("releases/1.0.0"))];
    if is_plain(app.current(), machine) {
        pairs.push((app.current().join("uploads"), canary.join("shared/uploads")));
        pairs.push((app.current().join("data"), canary.join("shared/data")));
    } else {
        pairs.push((app.home(), canary.clone()));
        pairs.push((app.shared().join("uploads/photo.jpg"), canary.join("secret")));
        pairs.push((app.shared().join("data/app.db"), canary.join("shared/data/app.db")));
    }
    let swap = |(name, target): (PathBuf, PathBuf)| {
        let link = name.with_file_name("swapped");
        Swap { name, link, target, passed: 0, lasts: false }
    };
    pairs.into_iter().map(swap).collect()
}

/// Each name of root's with content, mode, owner and times.
fn look(top: &Path) -> Vec<String> {
    let describe = |path: &PathBuf| {
        let is = std::fs::symlink_metadata(path).unwrap();
        let times = (is.mtime(), is.mtime_nsec(), is.ctime(), is.ctime_nsec());
        format!("{} {:o} {}:{} {times:?} {}", path.display(), is.mode(), is.uid(), is.gid(), is.nlink())
    };
    let mut seen: Vec<String> = walk(top).iter().chain([&top.to_owned()]).map(describe).collect();
    seen.extend(picture(top).into_iter().map(|(path, what)| format!("{} {what}", path.display())));
    seen
}

/// Nothing of the canary lies anywhere on the machine.
fn leaked(machine: &Machine) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let is_file = std::fs::symlink_metadata(path).is_ok_and(|is| is.is_file());
        is_file
            && std::fs::read(path).is_ok_and(|bytes| bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()))
    };
    walk(machine.root()).into_iter().filter(holds).collect()
}

fn run(scenario: &Scenario, machine: &mut Machine, plan: Plan) -> std::result::Result<Outcome, String> {
    match scenario.deed {
        Deed::CarryOut => machine.run(plan).map_err(|error| crate::exit::chain(&error)),
        Deed::Finish | Deed::Expire => scenario.run(machine),
    }
}

/// Recovers, and where a person is needed that person finds nothing in the way any more.
fn come_to_rest(machine: &mut Machine) {
    for _ in 0..3 {
        match machine.recover().unwrap() {
            None => return,
            Some(Outcome::Stuck { .. }) => {
                let mut journal = machine.journals().pop().unwrap();
                machine.with_world(&mut journal, engine::take_up).unwrap();
            }
            Some(Outcome::Completed | Outcome::RolledBack { .. } | Outcome::Waiting { .. }) => {}
        }
    }
    panic!("recovery does not come to an end");
}

/// What was started while its directory was another's is started again.
fn restart(machine: &mut Machine) {
    let (running, current) = (machine.processes.places(), machine.app.current().to_owned());
    machine.processes.kill_all();
    running.keys().for_each(|name| machine.processes.spawn(name, &current));
}

/// The same act again, with nobody in the way.
fn next(scenario: &Scenario, machine: &mut Machine, plan: &Plan, what: &str) {
    let Err(reason) = machine.holds_at_rest(scenario.new.unwrap()) else { return };
    if scenario.deed == Deed::CarryOut {
        let id = crate::journal::history::next_id(&machine.journals());
        let again = machine.run(Plan { id, ..plan.clone() }).unwrap();
        assert_eq!(again, Outcome::Completed, "{what}, where {reason}");
    }
    machine.holds_at_rest(scenario.new.unwrap()).unwrap_or_else(|reason| panic!("{what}: {reason}"));
}

fn live_through(scenario: &Scenario) {
    let (mut machine, plan) = world(scenario);
    let swaps = swaps(&machine);
    let (before, moment) = (look(&canary(&machine)), machine.keep("moment"));
    let (outcome, points) = testing::with(None, AssertUnwindSafe(|| run(scenario, &mut machine, plan.clone())));
    assert_eq!(outcome, Some(Ok(Outcome::Completed)), "{}", scenario.name);
    let share = Share::chosen().one_in(STRIDE);
    println!("{share}");
    let (mut completed, mut refused) = (0, 0);
    for (number, point) in (0..points).filter(|point| share.takes(*point)).enumerate() {
        for swap in &swaps {
            machine.go_back(&moment);
            let swap = Swap { lasts: number % 2 == 0, ..swap.clone() };
            swap.prepare();
            let mended = swap.clone();
            let what = format!("{}: {} at {point}, lasting {}", scenario.name, mended.name.display(), mended.lasts);
            let outcome = testing::with_lasting(
                point,
                Box::new(swap),
                AssertUnwindSafe(|| run(scenario, &mut machine, plan.clone())),
            );
            match outcome {
                Ok(Outcome::Completed) => completed += 1,
                _ => refused += 1,
            }
            assert_eq!(look(&canary(&machine)), before, "{what}: {outcome:?}");
            assert_eq!(leaked(&machine), [""; 0].map(PathBuf::from), "{what}: {outcome:?}");
            if plan.act == Act::Adopt || (plan.act == Act::Release && mended.name == *machine.app.current()) {
                // Whoever moves a part of the application away while it becomes managed, or plain, has moved it away.
                continue;
            }
            mended.mend(machine.root());
            come_to_rest(&mut machine);
            restart(&mut machine);
            next(scenario, &mut machine, &plan, &format!("{what}: {outcome:?}"));
            assert_eq!(look(&canary(&machine)), before, "{what}, afterwards");
        }
    }
    println!("{}: {points} points, {completed} came to their end, {refused} did not", scenario.name);
    // The others go on: where a directory was moved away there is nothing to be adopted, and tidying up is put off.
    let can_be_refused = matches!(plan.act, Act::Update | Act::Release) && scenario.deed == Deed::CarryOut;
    assert!(refused > 0 || !can_be_refused, "{}: nothing was ever in the way", scenario.name);
}

#[test]
fn an_update_whose_directories_are_swapped_at_any_point_touches_nothing_of_roots() {
    live_through(&scenarios::PLAIN_UPDATE);
}

#[test]
fn an_adoption_whose_directories_are_swapped_at_any_point_touches_nothing_of_roots() {
    live_through(&scenarios::ADOPT);
}

#[test]
fn a_release_from_management_whose_directories_are_swapped_touches_nothing_of_roots() {
    live_through(&scenarios::RELEASE);
}

#[test]
fn a_vacuum_whose_directories_are_swapped_at_any_point_touches_nothing_of_roots() {
    live_through(&scenarios::VACUUM);
}
