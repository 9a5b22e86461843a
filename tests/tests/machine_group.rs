//! Who may ask the agent on the real machine: root, members of the group that the configuration names, and nobody else.

use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site};

/// Two admins, of whom one is a member, and a group that says nothing.
const PEOPLE: &str = "
groupadd --system kkt-admins
useradd --create-home --groups kkt-admins anna
useradd --create-home otto
";

/// What a person says to the agent, and how that ended.
fn says(machine: &Machine, who: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = machine.run([&["runuser", "-u", who, "--", "surefoot"], arguments].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[track_caller]
fn ends_with(machine: &Machine, who: &str, arguments: &[&str], code: i32, words: &str) {
    let (found, said) = says(machine, who, arguments);
    assert!(found == Some(code) && said.contains(words), "{who} {arguments:?}: {found:?} {said}");
}

/// Speaks to the socket without the program.
fn raw(machine: &Machine, who: &str, request: &str) -> String {
    let speak = format!(
        "import socket, sys\n\
         peer = socket.socket(socket.AF_UNIX); peer.connect('/run/surefoot/api.sock')\n\
         peer.sendall({request:?}.encode() + b'\\n'); print(peer.makefile().read())"
    );
    let output = machine.run(["runuser", "-u", who, "--", "python3", "-c", &speak]);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_member_of_the_group_may_update_and_another_user_may_not() {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("group")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    let _program = Faults::install(&site).expect("the agent of this build is there");
    machine.sh(PEOPLE);
    site.offer("upto-1.1.0");
    for who in ["anna", "otto"] {
        ends_with(&machine, who, &["check"], 2, "only root");
        ends_with(&machine, who, &["status"], 0, "1.0.0");
    }

    site.configure("group = \"kkt-admins\"\n");
    site.wait_for_agent();
    assert_eq!(machine.sh("stat -c '%a %U %G' /run/surefoot/api.sock"), "660 root kkt-admins\n");

    ends_with(&machine, "otto", &["check"], 2, "only root");
    ends_with(&machine, "otto", &["update"], 2, "only root");
    site.insist_on("1.0.0");
    ends_with(&machine, "anna", &["release"], 2, "only root may ask for this");
    ends_with(&machine, "anna", &["adopt", "--dry-run"], 2, "only root may ask for this");
    for request in [r#"{"verb":"poll"}"#, r#"{"verb":"recover"}"#] {
        assert!(raw(&machine, "anna", request).contains("only root may ask for this"), "{request}");
    }
    let other = raw(&machine, "anna", r#"{"verb":"update","instance":"other","version":null,"again":false}"#);
    assert!(other.contains("only root may ask the agent"), "{other}");
    machine.sh("chmod 666 /run/surefoot/api.sock");
    assert!(raw(&machine, "otto", r#"{"verb":"check","instance":null}"#).contains("only root may ask the agent"));
    ends_with(&machine, "anna", &["check"], 0, "1.1.0");
    ends_with(&machine, "anna", &["update"], 0, "1.1.0");
    site.insist_on("1.1.0");

    let lines = site.json(&["audit"]);
    let told = lines.as_array().expect("lines").iter().rfind(|line| line["did"] == "asked").expect("it was asked");
    assert_eq!(told["by"], "anna", "{told}");
    machine.sh("gpasswd --delete anna kkt-admins");
    ends_with(&machine, "anna", &["rollback", "--yes"], 2, "only root");
    site.insist_on("1.1.0");
}
