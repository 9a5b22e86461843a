//! Homes that somebody else has put where the agent's own should be, and files that adopting would destroy.

use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::scenarios::{self, Scenario};
use crate::durable;
use crate::update::{Outcome, keep};

/// What the application's user does when the directory that holds the home is theirs.
fn swap_home(machine: &Machine) -> PathBuf {
    let elsewhere = machine.root().join("elsewhere");
    if machine.app.home().exists() {
        durable::rename(&machine.app.home(), &elsewhere).unwrap();
    } else {
        durable::make_dirs(&elsewhere, 0o755).unwrap();
    }
    durable::replace_link(&machine.app.home(), &elsewhere).unwrap();
    elsewhere
}

fn refused(scenario: &Scenario) {
    let mut machine = (scenario.build)();
    let plan = (scenario.plan)(&machine);
    let elsewhere = swap_home(&machine);
    machine.put(&elsewhere.join("releases/0.9.0/file"), b"not the agent's");
    let before = below(&machine, &elsewhere);
    let outcome = machine.run(plan).unwrap();
    assert!(
        matches!(&outcome, Outcome::RolledBack { error, .. } if error.contains("belongs to somebody else")),
        "{}: {outcome:?}",
        scenario.name
    );
    assert_eq!(below(&machine, &elsewhere), before, "{}", scenario.name);
}

fn below(machine: &Machine, top: &Path) -> Vec<(PathBuf, String)> {
    let top = top.strip_prefix(machine.root()).unwrap().to_owned();
    machine
        .whole_picture()
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains(&*top.to_string_lossy()))
        .collect()
}

#[test]
fn nothing_is_staged_through_a_home_that_is_a_link() {
    refused(&scenarios::INSTALL);
    refused(&scenarios::UPDATE);
}

#[test]
fn nothing_is_adopted_into_a_home_that_is_a_link() {
    refused(&scenarios::ADOPT);
}

#[test]
fn nothing_is_staged_where_others_can_write() {
    let mut machine = (scenarios::INSTALL.build)();
    let mode = rustix::fs::Mode::from_raw_mode(0o777);
    rustix::fs::chmod(machine.app.shared(), mode).unwrap();
    let outcome = machine.run((scenarios::INSTALL.plan)(&machine)).unwrap();
    assert!(
        matches!(&outcome, Outcome::RolledBack { error, touched: false, .. } if error.contains("belongs to somebody else")),
        "{outcome:?}"
    );
    assert!(!machine.app.releases().join("1.0.0").exists());
}

#[test]
fn nothing_is_tidied_up_through_a_home_that_is_a_link() {
    let mut machine = (scenarios::PLAIN_UPDATE.build)();
    machine.run((scenarios::PLAIN_UPDATE.plan)(&machine)).unwrap();
    let old = swap_home(&machine).join("releases/0.9.0");
    machine.put(&old.join("file"), b"not the agent's");
    let mut journal = machine.journals().remove(0);
    let error = machine
        .with_world(&mut journal, |journal, world| keep::vacuum(&mut crate::update::Walk::new(journal, world)))
        .unwrap_err();
    assert!(crate::exit::chain(&error).contains("belongs to somebody else"), "{error}");
    assert!(old.join("file").exists());
}

#[test]
fn what_lies_in_the_shared_place_already_is_not_adopted_over() {
    let mut machine = (scenarios::ADOPT.build)();
    let there = machine.app.shared().join("uploads/kept.jpg");
    machine.put(&machine.app.shared().join(".env"), b"SECRET=2\n");
    machine.put(&there, b"another photo");
    let outcome = machine.run((scenarios::ADOPT.plan)(&machine)).unwrap();
    assert!(matches!(&outcome, Outcome::RolledBack { error, .. } if error.contains("is there already")), "{outcome:?}");
    assert_eq!(std::fs::read(machine.app.shared().join(".env")).unwrap(), b"SECRET=2\n");
    assert_eq!(std::fs::read(&there).unwrap(), b"another photo");
    let directory = machine.app.current();
    assert!(!directory.is_symlink() && directory.is_dir());
    assert_eq!(std::fs::read(directory.join(".env")).unwrap(), b"SECRET=1\n");
}
