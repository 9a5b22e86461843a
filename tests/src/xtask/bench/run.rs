//! One measured update on a freshly booted machine.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::image::Images;
use super::sample::{Idle, Sample, Watched};
use super::story::{self, Step};
use super::vendor::MIGRATION;
use crate::kkt;
use crate::machine::{Machine, MachineOptions};

/// For how long the daemon is watched when it has nothing to do.
const IDLE: &str = "10";

/// How long the application and the agent may take to be there after a boot.
const BOOT: Duration = Duration::from_secs(60);

/// Everything is in the page cache, and nothing is left to be written from the boot: both sides start from the same.
const SETTLE: &str =
    "cd / && runuser -u postgres -- psql --quiet -c 'select count(*) from entries where cents >= 0' -c checkpoint kkt
find /home/kktapp /srv/releases -type f -exec cat {} + > /dev/null
sync";

/// Who updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tool {
    Script,
    Agent,
}

impl Tool {
    pub(super) fn words(self) -> &'static str {
        match self {
            Tool::Script => "script",
            Tool::Agent => "agent",
        }
    }
}

/// To what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Plain,
    Migration,
    Rollback,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Plain, Kind::Migration, Kind::Rollback];

    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::Plain => "full update",
            Kind::Migration => "full update with migration",
            Kind::Rollback => "release that does not come up",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Kind::Plain => "1.0.1",
            Kind::Migration => "1.1.0",
            Kind::Rollback => "1.2.0",
        }
    }
}

/// Boots, settles, updates, and looks at what is left.
pub(super) fn run(images: &Images, tool: Tool, kind: Kind) -> Result<Sample> {
    let image = match tool {
        Tool::Script => &images.plain,
        Tool::Agent => &images.adopted,
    };
    let machine = Machine::boot(image, MachineOptions::named("bench"))?;
    settle(&machine, tool);
    let watched = watch(&machine, &command(tool, kind))?;
    check(&machine, tool, kind, &watched)?;
    let steps = match tool {
        Tool::Script => story::of_script(&watched.out)?,
        Tool::Agent => story::of_agent(&surefoot_log(&machine)?)?,
    };
    let sample = Sample {
        tool,
        kind,
        wall: watched.ended - watched.began,
        down: watched.down().context("the application was never away")?,
        way_back: way_back(kind, &steps, &watched),
        migration: migration(&machine, kind)?,
        steps,
        peak_kib: watched.peak,
        peak_of: watched.peak_of,
        idle: idle(&machine, tool)?,
        restart: restart(&machine)?,
    };
    Ok(sample)
}

fn settle(machine: &Machine, tool: Tool) {
    machine.wait_until("kkt serves", BOOT, || kkt::health(machine).is_some());
    if tool == Tool::Agent {
        let up = || machine.run(["systemctl", "is-active", "--quiet", "surefoot.service"]).status.success();
        machine.wait_until("the agent is up", BOOT, up);
    }
    machine.sh(SETTLE);
}

fn command(tool: Tool, kind: Kind) -> String {
    let version = kind.version();
    match (tool, kind) {
        (Tool::Agent, _) => format!("surefoot update {version}"),
        (Tool::Script, Kind::Plain) => format!("/opt/bench/update.sh {version}"),
        (Tool::Script, Kind::Migration) => format!("/opt/bench/update.sh {version} {MIGRATION}"),
        (Tool::Script, Kind::Rollback) => {
            format!("START_WITHIN=3 /opt/bench/update.sh {version} {MIGRATION} || /opt/bench/restore.sh")
        }
    }
}

fn watch(machine: &Machine, command: &str) -> Result<Watched> {
    let said = machine.sh(&format!("python3 /opt/bench/measure.py watch sh -c '{command}'"));
    serde_json::from_str(&said).with_context(|| format!("measure.py said: {said}"))
}

/// What failed must not be taken for quick.
fn check(machine: &Machine, tool: Tool, kind: Kind, watched: &Watched) -> Result<()> {
    let (code, version) = match (tool, kind) {
        (Tool::Agent, Kind::Rollback) => (7, "1.0.0"),
        (Tool::Script, Kind::Rollback) => (0, "1.0.0"),
        (_, Kind::Plain | Kind::Migration) => (0, kind.version()),
    };
    let said = format!("{}{}", watched.out, watched.err);
    ensure!(watched.code == code, "it ended with {}, not with {code}:\n{said}", watched.code);
    let serves = kkt::health(machine);
    ensure!(serves.as_deref() == Some(version), "{serves:?} serves, not {version}:\n{said}");
    Ok(())
}

fn surefoot_log(machine: &Machine) -> Result<Vec<Value>> {
    let mut log: Value = serde_json::from_str(&machine.sh("surefoot log --json")).context("surefoot log --json")?;
    serde_json::from_value(log["entries"].take()).context("the entries of surefoot log --json")
}

/// From the moment when it was clear that the new release is bad to the first good answer of the old one.
fn way_back(kind: Kind, steps: &[Step], watched: &Watched) -> Option<f64> {
    let back = steps.iter().find(|step| story::is_way_back(&step.name)).filter(|_| kind == Kind::Rollback)?;
    watched.away.last().map(|(_, until)| until - back.began)
}

/// By the database's clock, from the migration's first statement to its last: the same for both.
fn migration(machine: &Machine, kind: Kind) -> Result<f64> {
    if kind != Kind::Migration {
        return Ok(0.0);
    }
    let took = kkt::psql(machine, "select extract(epoch from ended - began) from migration_took");
    took.parse().with_context(|| format!("the migration took {took:?}"))
}

fn idle(machine: &Machine, tool: Tool) -> Result<Option<Idle>> {
    if tool == Tool::Script {
        return Ok(None);
    }
    let said = machine.sh(&format!("python3 /opt/bench/measure.py idle {IDLE}"));
    serde_json::from_str(&said).map(Some).with_context(|| format!("measure.py said: {said}"))
}

/// What the application itself takes to stop and start, with nothing done in between, when the disk has come to rest.
fn restart(machine: &Machine) -> Result<f64> {
    machine.sh("sync");
    let watched = watch(machine, "systemctl stop kkt-web kkt-bot; systemctl start kkt-web kkt-bot")?;
    watched.down().context("the application was never away at its restart")
}
