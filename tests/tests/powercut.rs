//! Power cuts at the places that matter most, and at a few that nobody has chosen: each time with another seed, which is printed.
//! `cargo xtask powercut` does more of it.

use std::process::Command;

use surefoot_tests::notes::program;

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
    powercut(&["--fs", "ext4", "--chosen", "--runs", "4"]);
}

#[test]
fn nothing_is_torn_or_lost_when_the_power_goes_on_xfs() {
    powercut(&["--fs", "xfs", "--chosen", "--runs", "4"]);
}
