//! An agent that stops where a test wants it, so that something can happen to the machine at just that moment; and a witness
//! who writes down each start of the application: which release, and on which schema.
//!
//! The program is `surefoot-faults`, put in the place of the packaged one: the same source with places to stop at. It stops
//! its worker only; the daemon and systemd go on.

use std::process::Child;
use std::time::Duration;

use anyhow::Result;

use super::act::Site;
use crate::machine::Machine;
use crate::notes::program;

/// Where the agent is told to stop.
const CHOICE: &str = "/run/surefoot-fault";
/// What its workers passed, a line each.
const TRACE: &str = "/run/surefoot-trace";
const WITNESSED: &str = "/var/log/witness";

/// How long an update may take to come to any place.
const REACHED: Duration = Duration::from_secs(60);

/// The release whose files are there, and how many of the two marks of 1.1.0's schema; `none` where no database answers.
const WITNESS: &str = r#"#!/bin/sh
release=$(cat /home/kktapp/kkt-system/VERSION)
marks=$(cd / && setpriv --reuid=postgres --regid=postgres --clear-groups psql --no-psqlrc -Atd kkt -c \
    "select count(*) from information_schema.columns where (table_name, column_name) in (('items', 'exportable'), ('export_settings', 'format'))" 2>/dev/null) || marks=none
echo "$release $marks" >> /var/log/witness
sync /var/log/witness
"#;

/// A machine's agent that can be stopped.
#[derive(Debug)]
pub struct Faults<'m> {
    machine: &'m Machine,
}

impl<'m> Faults<'m> {
    /// Puts the program and the witness in their places and starts the agent again.
    ///
    /// # Errors
    /// When the program is not built.
    pub fn install(site: &Site<'m>) -> Result<Faults<'m>> {
        let machine = site.machine();
        machine.copy_in(program("surefoot-faults")?, "/usr/bin/surefoot.new");
        let environment = format!("Environment=SUREFOOT_FAULT=@{CHOICE} SUREFOOT_FAULT_TRACE={TRACE}");
        machine.write("/etc/systemd/system/surefoot.service.d/faults.conf", format!("[Service]\n{environment}\n"));
        machine.write("/usr/local/sbin/witness", WITNESS);
        for unit in crate::kkt::UNITS {
            let drop_in = format!("/etc/systemd/system/{unit}.d/90-witness.conf");
            machine.write(drop_in, "[Service]\nExecStartPre=+/usr/local/sbin/witness\n");
        }
        // What is put there by hand must not be what a power cut takes away.
        machine.sh("chmod 755 /usr/local/sbin/witness; mv /usr/bin/surefoot.new /usr/bin/surefoot
            systemctl daemon-reload; systemctl restart surefoot.service; sync");
        site.wait_for_agent();
        Ok(Faults { machine })
    }

    /// The next worker that comes to `place` stops there: `begun migrate`, `applied stop`, `begun backup#2`.
    #[track_caller]
    pub fn park_at(&self, place: &str) {
        self.machine.write(CHOICE, format!("{place}:park"));
    }

    /// No worker stops any more, but for one that has.
    #[track_caller]
    pub fn park_nowhere(&self) {
        self.machine.sh(&format!("rm -f {CHOICE}"));
    }

    /// Runs a command of the agent's until it stops at `place`. The command goes on in the machine.
    #[track_caller]
    pub fn stop_at(&self, place: &str, command: &[&str]) -> Child {
        self.park_at(place);
        let child = self.machine.spawn([&["surefoot"], command].concat());
        self.wait_until_parked(place);
        child
    }

    /// Waits until a worker has stopped.
    #[track_caller]
    pub fn wait_until_parked(&self, place: &str) {
        self.machine.wait_until(&format!("a worker stops at {place}"), REACHED, || self.parked().is_some());
    }

    /// Lets the worker go on that has stopped.
    #[track_caller]
    pub fn go_on(&self) {
        self.park_nowhere();
        let worker = self.parked().expect("a worker has stopped");
        self.machine.sh(&format!("kill -CONT {worker}"));
    }

    /// Kills the worker that has stopped, and nothing else.
    #[track_caller]
    pub fn kill_worker(&self) {
        let worker = self.parked().expect("a worker has stopped");
        self.machine.sh(&format!("kill -KILL {worker}; while kill -0 {worker} 2>/dev/null; do sleep 0.01; done"));
    }

    fn parked(&self) -> Option<u32> {
        let output = self.machine.run(["sh", "-c", "ps -eo pid=,stat=,args= | grep '[i]nternal worker'"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let stopped =
            text.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|stat| stat.starts_with('T')));
        stopped?.split_whitespace().next()?.parse().ok()
    }

    /// The places between two steps that workers have passed since the last call, named as [`Faults::park_at`] wants them.
    #[track_caller]
    #[must_use]
    pub fn passed(&self) -> Vec<String> {
        let trace = self.machine.sh(&format!("cat {TRACE}; rm {TRACE}"));
        let mut places: Vec<String> = Vec::new();
        for name in trace.lines().filter(|name| is_boundary(name)) {
            let before = places.iter().filter(|place| place.split('#').next() == Some(name)).count();
            places.push(if before == 0 { name.to_owned() } else { format!("{name}#{}", before + 1) });
        }
        places
    }

    /// Insists that the application never started on data of another release; answers how often it started in all.
    #[track_caller]
    pub fn insist_on_matching_starts(&self) -> usize {
        let written = self.machine.sh(&format!("cat {WITNESSED} 2>/dev/null || true"));
        let wrong =
            |line: &&str| *line != "1.0.0 0" && !(line.starts_with("1.") && *line >= "1.1.0" && line.ends_with(" 2"));
        let wrong: Vec<&str> = written.lines().filter(wrong).collect();
        assert!(wrong.is_empty(), "started on data that do not match: {wrong:?} in\n{written}");
        written.lines().count()
    }
}

/// The journal's words; what else a trace names is inside of the steps.
fn is_boundary(name: &str) -> bool {
    let alone = ["soaking", "committed", "finished", "rolled_back", "resumed", "failed"];
    let of_steps = ["begun ", "applied ", "reverted ", "failed "];
    alone.contains(&name) || of_steps.iter().any(|word| name.starts_with(word))
}
