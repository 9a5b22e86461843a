//! A machine in a directory of its own: configurations and journals as the agent writes them, and the binary to read them.

#![allow(dead_code, reason = "each test file uses its share")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use surefoot::journal::{Blame, Journal, Record};
use surefoot::layout::{AppLayout, Layout};
use surefoot::plan::{Act, FORMAT, Instance, Manager, Plan, Side, Step};

/// When everything here begins.
const BEGIN: &str = "2024-11-20T03:12:00Z";

pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
    pub(crate) layout: Layout,
}

/// How a command ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The answer as if the screen had no end.
    pub(crate) fn flat(&self) -> String {
        self.out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The answer as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

pub(crate) fn begin() -> Timestamp {
    BEGIN.parse().unwrap()
}

impl World {
    /// With one instance, `kkt`.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.configure("kkt", "");
        world
    }

    /// With nothing configured.
    pub(crate) fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        // Where the test is root, the application's user must be able to come here too.
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let layout = Layout::new(root.path());
        for directory in [layout.config(), layout.state(), layout.run()] {
            std::fs::create_dir_all(directory).unwrap();
        }
        Self { root, layout }
    }

    /// Where the instance's application lives.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.root.path().join("srv").join(name)
    }

    pub(crate) fn configure(&self, name: &str, more: &str) {
        std::fs::create_dir_all(self.root.path().join("srv")).unwrap();
        let directory = self.directory(name);
        let text = format!(
            "product = \"kkt\"\ndirectory = {directory:?}\nsource = \"github:acme/kkt\"\nuser = \"nobody\"\n\
             service_manager = \"command\"\n{more}"
        );
        std::fs::write(self.layout.config().join(format!("{name}.toml")), text).unwrap();
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let output = self.command(args).output().unwrap();
        Run {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What the worker answers to a request: how it ends, and in which words.
    pub(crate) fn ask(&self, request: &serde_json::Value) -> (String, String) {
        let asked = serde_json::json!({ "by": "ann", "request": request });
        let mut command = self.command(&["internal", "worker"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{asked}").unwrap();
        let output = child.wait_with_output().unwrap();
        let last = String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned();
        let ended: serde_json::Value = serde_json::from_str(&last).unwrap();
        let word = |key: &str| ended[key].as_str().unwrap_or_else(|| panic!("{last}")).to_owned();
        (word("exit"), word("message"))
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_surefoot"));
        command.arg("--root").arg(self.root.path()).args(args).env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    /// Runs, and sees to it that every line fits 80 columns.
    pub(crate) fn read(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        for line in run.out.lines() {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
        run
    }

    pub(crate) fn plan(&self, id: u32, act: Act, from: Option<&str>, to: &str, steps: Vec<Step>) -> Plan {
        let side = |version: &str| Side { version: version.parse().unwrap(), manifest: None, profile: profile() };
        Plan {
            format: FORMAT,
            id,
            act,
            instance: Instance {
                clients: surefoot::store::Clients::default(),
                name: "kkt".parse().unwrap(),
                directory: self.directory("kkt"),
                user: None,
                manager: Manager::Command,
            },
            from: from.map(side),
            to: side(to),
            severity: manifest_schema::manifest::Severity::Minor,
            applied_by: "asked for by root".to_owned(),
            planned_at: begin() + SignedDuration::from_hours(24 * i64::from(id)),
            already_failing: Vec::new(),
            takes_back: None,
            steps,
        }
    }

    /// Writes a plan and its records, each so many seconds after the plan.
    pub(crate) fn journal(&self, plan: Plan, records: Vec<(i64, Record)>) -> PathBuf {
        let directory = self.layout.instance(&plan.instance.name).update(plan.id, &plan.to.version);
        let planned = plan.planned_at;
        let mut journal = Journal::begin(&directory, plan, planned).unwrap();
        for (seconds, record) in records {
            journal.append(record, planned + SignedDuration::from_secs(seconds)).unwrap();
        }
        directory
    }

    /// The release is unpacked, and current.
    pub(crate) fn make_current(&self, version: &str) {
        let app = AppLayout::new(self.directory("kkt"));
        let version = version.parse().unwrap();
        std::fs::create_dir_all(app.release(&version)).unwrap();
        let _ = std::fs::remove_file(app.current());
        std::os::unix::fs::symlink(app.link_to(&version), app.current()).unwrap();
    }

    /// 1.0.0 was installed, 1.1.0 followed.
    pub(crate) fn with_two_releases(&self) {
        self.journal(self.plan(1, Act::Install, None, "1.0.0", steps()), good());
        self.journal(self.plan(2, Act::Update, Some("1.0.0"), "1.1.0", steps()), good());
        self.make_current("1.0.0");
        self.make_current("1.1.0");
    }

    /// Then 1.2.0 came and went.
    pub(crate) fn with_a_failure(&self) -> PathBuf {
        self.with_two_releases();
        let plan = self.plan(3, Act::Update, Some("1.1.0"), "1.2.0", steps());
        self.journal(plan, failed())
    }

    pub(crate) fn last_check(&self, text: &serde_json::Value) {
        let path = self.layout.instance(&"kkt".parse().unwrap()).last_check();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.to_string()).unwrap();
    }
}

pub(crate) fn profile() -> manifest_schema::profile::Profile {
    serde_json::from_value(serde_json::json!({
        "services": [{ "name": "web", "start": ["bin/start"], "stop": ["bin/stop"], "pid_file": "web.pid" }],
        "health": { "checks": [] },
    }))
    .unwrap()
}

pub(crate) fn steps() -> Vec<Step> {
    vec![Step::Prepare { hook: None }, Step::Stop, Step::Activate, Step::Start, Step::Probe]
}

fn applied(step: usize, from: i64, to: i64) -> [(i64, Record); 2] {
    [(from, Record::Begun { step }), (to, Record::Applied { step })]
}

/// All went well, in 45 seconds.
pub(crate) fn good() -> Vec<(i64, Record)> {
    let mut records = up_to_the_probe();
    records.push((14, Record::Soaking));
    records.push((24, Record::Soaked { seconds: 10 }));
    records.push((44, Record::Applied { step: 4 }));
    records.push((44, Record::Committed));
    records.push((45, Record::Finished));
    records
}

pub(crate) fn up_to_the_probe() -> Vec<(i64, Record)> {
    let mut records: Vec<(i64, Record)> =
        [applied(0, 0, 8), applied(1, 8, 10), applied(2, 10, 11), applied(3, 11, 12)].concat();
    records.push((12, Record::Begun { step: 4 }));
    records
}

pub(crate) const ERROR: &str = "web: http://127.0.0.1:8000/health answers with status 500 instead of 200, three times in a row, \
                         and the service said that it cannot find the column that the migration was to add";

pub(crate) fn failed() -> Vec<(i64, Record)> {
    let mut records = up_to_the_probe();
    records.push((72, Record::Failed { step: Some(4), error: ERROR.to_owned(), blame: Blame::Release }));
    for (second, step) in [(72, 4), (73, 3), (74, 2), (76, 1)] {
        records.push((second, Record::Reverted { step }));
    }
    let name = "kkt_left_0003".to_owned();
    records.insert(
        records.len() - 1,
        (75, Record::LeftAside { database: "main".parse().unwrap(), name, bytes: 12_345_678 }),
    );
    records.push((77, Record::Reverted { step: 0 }));
    records.push((77, Record::RolledBack));
    records
}
