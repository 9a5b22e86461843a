//! Each step of each act: it applies; its revert is identity, also when it never ran, and when it ran twice.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::data::{self, Data};
use super::machine::{Machine, Moment};
use super::scenarios::{self, Scenario};
use crate::clock::Clock;
use crate::durable;
use crate::journal::{Blame, Journal, Record};
use crate::plan::Step;
use crate::store::StoreError;
use crate::update::step::{self, StepError};
use crate::update::{Walk, World};

/// What a step can change, apart from journals and logs.
#[derive(Debug, PartialEq)]
struct Picture {
    files: BTreeMap<PathBuf, String>,
    data: Option<Data>,
    services: BTreeMap<String, PathBuf>,
}

impl Picture {
    fn of(machine: &Machine) -> Self {
        let updates = machine.here().updates();
        let is_step = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            // What was built lies in the staged tree and goes with it. Room that is set aside is given up by whoever needs it.
            !name.ends_with(".reserve") && !path.starts_with(&updates) && !name.starts_with("app.db") && name != "built"
        };
        let live = if machine.app.current().exists() {
            machine.app.current().join("data/app.db")
        } else {
            machine.app.shared().join("data/app.db")
        };
        Self {
            files: machine.whole_picture().into_iter().filter(|(path, _)| is_step(path)).collect(),
            // Rows are written at each stop; here the shape counts.
            data: data::read(&live).map(|data| Data { rows: Default::default(), ..data }),
            services: machine.processes.places(),
        }
    }
}

/// A machine on which the steps before one were applied.
struct Bench {
    machine: Machine,
    journal: Journal,
    step: Step,
}

impl Bench {
    fn apply(&mut self) -> Result<(), StepError> {
        let step = self.step.clone();
        self.with_walk(|walk| step::apply(walk, &step))
    }

    fn revert(&mut self) {
        let step = self.step.clone();
        self.with_walk(|walk| step::revert(walk, &step, true)).unwrap();
    }

    fn with_walk<T>(&mut self, act: impl FnOnce(&mut Walk<'_, '_>) -> T) -> T {
        self.machine.with_world(&mut self.journal, |journal, world: &mut World<'_>| act(&mut Walk::new(journal, world)))
    }

    fn keep(&self) -> Moment {
        self.machine.keep("bench")
    }

    /// A step whose apply is only ever run once: a migration is the vendor's, and a start demands that what runs was started
    /// by it.
    fn runs_once(&self) -> bool {
        matches!(self.step, Step::Migrate { .. } | Step::Start)
    }
}

fn each_step(scenario: &Scenario) {
    let machine = (scenario.build)();
    let journal = machine.begin((scenario.plan)(&machine)).unwrap();
    let steps = journal.plan().steps.clone();
    let mut bench = Bench { machine, journal, step: steps[0].clone() };
    for step in steps {
        let at = format!("{}: {}", scenario.name, step.name());
        bench.step = step;
        let (moment, before) = (bench.keep(), Picture::of(&bench.machine));
        bench.revert();
        assert_eq!(Picture::of(&bench.machine), before, "{at}: reverted though it never ran");

        bench.machine.go_back(&moment);
        bench.apply().unwrap_or_else(|error| panic!("{at}: {}", crate::exit::chain(&error)));
        let applied = Picture::of(&bench.machine);
        if !bench.runs_once() {
            bench.apply().unwrap_or_else(|error| panic!("{at}, again: {}", crate::exit::chain(&error)));
            assert_eq!(Picture::of(&bench.machine), applied, "{at}: applied twice");
        }
        bench.revert();
        assert_eq!(Picture::of(&bench.machine), before, "{at}: reverted");
        bench.revert();
        assert_eq!(Picture::of(&bench.machine), before, "{at}: reverted twice");

        bench.machine.go_back(&moment);
        bench.apply().unwrap();
    }
}

#[test]
fn each_step_of_an_update_reverts_to_identity() {
    each_step(&scenarios::UPDATE);
}

#[test]
fn each_step_of_an_update_without_migration_reverts_to_identity() {
    each_step(&scenarios::PLAIN_UPDATE);
}

#[test]
fn each_step_of_a_first_install_reverts_to_identity() {
    each_step(&scenarios::INSTALL);
}

#[test]
fn adopting_reverts_to_identity() {
    each_step(&scenarios::ADOPT);
}

#[test]
fn releasing_reverts_to_identity() {
    each_step(&scenarios::RELEASE);
}

#[test]
fn each_step_of_a_rollback_reverts_to_identity() {
    each_step(&scenarios::ROLLBACK);
}

#[test]
fn a_database_server_that_is_away_is_waited_for_and_longer_on_the_way_back() {
    let machine = (scenarios::UPDATE.build)();
    let journal = machine.begin((scenarios::UPDATE.plan)(&machine)).unwrap();
    let step = journal.plan().steps[0].clone();
    let mut bench = Bench { machine, journal, step };
    let away = || StoreError::Unreachable { server: "127.0.0.1:5432".to_owned(), detail: "refused".to_owned() };
    let wait = |bench: &mut Bench, tries: usize| {
        let (began, tried) = (bench.machine.clock.elapsed(), Cell::new(0));
        let outcome = bench.with_walk(|walk| {
            walk.with_store(&"main".parse().unwrap(), |_| {
                tried.set(tried.get() + 1);
                if tried.get() < tries { Err(away()) } else { Ok(()) }
            })
        });
        (outcome.is_ok(), (bench.machine.clock.elapsed() - began).as_secs())
    };
    assert_eq!(wait(&mut bench, 9), (true, 4));
    assert_eq!(wait(&mut bench, usize::MAX), (false, 30));
    let failed = Record::Failed { step: None, error: "a test".to_owned(), blame: Blame::Environment };
    bench.journal.append(failed, bench.machine.clock.now()).unwrap();
    assert_eq!(wait(&mut bench, usize::MAX), (false, 120));
}

#[test]
fn nothing_is_migrated_when_the_backup_is_gone_or_another_one() {
    for (file, left) in
        [("main.sqlite", None), ("main.sqlite", Some("half")), ("main.json", None), ("main.json", Some("{"))]
    {
        let machine = (scenarios::UPDATE.build)();
        let journal = machine.begin((scenarios::UPDATE.plan)(&machine)).unwrap();
        let steps = journal.plan().steps.clone();
        let mut bench = Bench { machine, journal, step: steps[0].clone() };
        for step in steps.into_iter().take_while(|step| !matches!(step, Step::Migrate { .. })) {
            bench.step = step;
            bench.apply().unwrap();
        }
        let path = bench.machine.here().backup(1).join(file);
        match left {
            None => durable::remove_file(&path).unwrap(),
            Some(left) => durable::write_atomic(&path, left.as_bytes(), 0o600).unwrap(),
        }
        let before = Picture::of(&bench.machine);
        bench.step =
            bench.journal.plan().steps.iter().find(|step| matches!(step, Step::Migrate { .. })).unwrap().clone();
        let error = bench.apply().unwrap_err();
        assert!(matches!(error, StepError::Backup(_)), "{error}");
        assert_eq!(Picture::of(&bench.machine).data, before.data, "{file}");
    }
}

#[test]
fn the_release_that_runs_is_never_staged_over_nor_removed() {
    let mut machine = (scenarios::UPDATE.build)();
    let before = Picture::of(&machine);
    // As when somebody has moved the link by hand: the journals say 1.1.0, and 1.0.0 runs.
    let outcome = machine.run(machine.plan_update(Some("1.1.0"), "1.0.0")).unwrap();
    assert!(
        matches!(&outcome, crate::update::Outcome::RolledBack { error, touched: false, .. } if error.contains("runs now")),
        "{outcome:?}"
    );
    assert_eq!(Picture::of(&machine), before);
}

#[test]
fn files_that_vanish_while_they_are_copied_do_not_fail_a_backup() {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let (uploads, copy) = (dir.path().join("uploads"), dir.path().join("copy"));
    durable::make_dir(&uploads, 0o755).unwrap();
    durable::write_atomic(&uploads.join("photo.jpg"), b"a photo", 0o644).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let name = |number: usize| uploads.join(format!("part-{}", number % 50));
            for number in (0..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                durable::write_atomic(&name(number), b"half an upload", 0o644).unwrap();
                durable::remove_file(&name(number + 25)).unwrap();
            }
        });
        let outcomes: Vec<_> =
            (0..200).map(|_| durable::remove_tree(&copy).and_then(|()| durable::copy_tree(&uploads, &copy))).collect();
        is_over.store(true, Ordering::Relaxed);
        outcomes.into_iter().for_each(|outcome| outcome.unwrap());
    });
    assert!(copy.join("photo.jpg").exists());
}
