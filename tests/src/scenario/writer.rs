//! A user of the application who stores items all the time, and remembers which were accepted.

use std::process::Child;
use std::time::Duration;

use crate::machine::Machine;

/// One item after the other, each a line: `ok w17` or `no w18`. Ends when it is told to, after the item under way.
const WRITE: &str = r#"
i=0
while [ ! -e /run/writer-stop ]; do
    i=$((i + 1))
    if curl --silent --fail --max-time 10 --output /dev/null --json "{\"name\":\"w$i\"}" http://127.0.0.1:8000/items; then
        echo "ok w$i"
    else
        echo "no w$i"
    fi >> /run/writer.log
    sleep 0.05
done
touch /run/writer-done
"#;

/// Somebody who writes.
#[derive(Debug)]
pub struct Writer<'m> {
    machine: &'m Machine,
    process: Child,
}

/// What was written, in its order.
#[derive(Debug)]
pub struct Written(Vec<(bool, String)>);

impl<'m> Writer<'m> {
    /// Begins to write; returns when the first items have been accepted.
    #[track_caller]
    #[must_use]
    pub fn start(machine: &'m Machine) -> Writer<'m> {
        let writer = Writer { machine, process: machine.spawn(["sh", "-c", WRITE]) };
        machine.wait_until("items are accepted", Duration::from_secs(10), || writer.so_far().accepted().len() > 2);
        writer
    }

    /// Waits until one more item has been accepted, and stops.
    #[track_caller]
    #[must_use]
    pub fn stop(mut self) -> Written {
        let before = self.so_far().0.len();
        self.machine.wait_until("another item is accepted", Duration::from_secs(15), || {
            self.so_far().0.iter().skip(before).any(|(accepted, _)| *accepted)
        });
        self.machine.sh("touch /run/writer-stop");
        self.machine.wait_until("the writer has ended", Duration::from_secs(15), || {
            self.machine.run(["test", "-e", "/run/writer-done"]).status.success()
        });
        let written = self.so_far();
        self.machine.sh("rm -f /run/writer*");
        let _ = self.process.wait();
        written
    }

    fn so_far(&self) -> Written {
        let log = self.machine.run(["cat", "/run/writer.log"]).stdout;
        let line = |line: &str| line.split_once(' ').map(|(verdict, name)| (verdict == "ok", name.to_owned()));
        Written(String::from_utf8_lossy(&log).lines().filter_map(line).collect())
    }
}

impl Written {
    /// All that were accepted.
    #[must_use]
    pub fn accepted(&self) -> Vec<&str> {
        self.0.iter().filter(|(accepted, _)| *accepted).map(|(_, name)| name.as_str()).collect()
    }

    /// Whether every one was accepted: the application was never away.
    #[must_use]
    pub fn without_gap(&self) -> bool {
        self.0.iter().all(|(accepted, _)| *accepted)
    }

    /// Those that were accepted before the application first was away: before the stop.
    #[must_use]
    pub fn before_the_stop(&self) -> Vec<&str> {
        self.0.iter().take_while(|(accepted, _)| *accepted).map(|(_, name)| name.as_str()).collect()
    }

    /// Those that were accepted after it was away for the last time.
    #[must_use]
    pub fn after_the_last_start(&self) -> Vec<&str> {
        self.0.iter().rev().take_while(|(accepted, _)| *accepted).map(|(_, name)| name.as_str()).collect()
    }
}
