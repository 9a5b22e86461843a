//! Power cuts at the places that matter most, and at a few that nobody has chosen: each time with another seed, which is printed.
//! `cargo xtask powercut` does more of it.

use std::process::{Command, Stdio};

use surefoot_tests::notes::{PATIENCE, program, wait};
use surefoot_tests::xtask::test::build_faults;

/// Runs in a process of its own, the first one of a world.
fn powercut(arguments: &[&str]) {
    let xtask = program("xtask").expect("it is built with the tests");
    let mut command = Command::new(xtask);
    let output = command.arg("powercut").args(arguments).output().expect("it can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success() && said.contains("everything held"), "{said}");
}

#[test]
fn nothing_is_torn_or_lost_when_the_power_goes_on_ext4() {
    powercut(&["--fs", "ext4", "--chosen", "--runs", "2"]);
}

#[test]
fn nothing_is_torn_or_lost_when_the_power_goes_on_xfs() {
    powercut(&["--fs", "xfs", "--chosen", "--runs", "2"]);
}

/// Whoever presses Ctrl-C, and a test run that is cut off, leaves no world behind that goes on.
#[test]
fn a_world_ends_with_whoever_waits_for_it() {
    build_faults().expect("what a world is furnished with can be built");
    let seed = format!("{}0719", std::process::id());
    let mut command = Command::new(program("xtask").expect("it is built with the tests"));
    command.args(["powercut", "--fs", "ext4", "--seed", &seed]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut waiting = command.spawn().expect("it can be run");

    wait(PATIENCE, || namespaces_of(&seed) > 1).expect("a world has begun");
    waiting.kill().expect("it can be killed");
    waiting.wait().expect("it was ours");

    wait(PATIENCE, || namespaces_of(&seed) == 0).expect("the world has ended");
}

/// In how many namespaces of processes there are some with this word on their command line.
fn namespaces_of(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("it is mounted").flatten().map(|entry| entry.path());
    let has_word = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path.join("cmdline")).is_ok_and(|line| line.split('\0').any(|found| found == word))
    };
    let spaces = processes.filter(has_word).filter_map(|path| std::fs::read_link(path.join("ns/pid")).ok());
    spaces.collect::<std::collections::BTreeSet<_>>().len()
}
