//! One run: a machine, an act, a blow in its middle, and all that must hold afterwards.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::act::{self, Act, Base, Stand};
use super::agent::{self, Found, Worker};
use super::blow::{Blow, Moment};
use super::disk::{Kind, Switch};
use super::journal::{self, Side};
use super::machine::Machine;
use super::passed::Passed;
use super::recovery::Recovery;
use super::rows::{Row, Rows};
use super::writer::Writer;
use super::{application, instant, rest};

/// What a run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) kind: Kind,
    pub(super) act: Act,
    pub(super) blow: Blow,
    pub(super) moment: Moment,
    /// The recovery is struck as well, at its n-th point.
    pub(super) again: Option<usize>,
}

/// What came of it, when everything held.
pub(super) struct Outcome {
    /// What was passed before the blow.
    pub(super) passed: Passed,
    /// How long the worker had worked.
    pub(super) worked: Duration,
    /// What the recovery had passed before the second blow.
    pub(super) again: Option<Passed>,
    pub(super) side: Side,
    /// How long it took after the last blow.
    pub(super) recovery: Recovery,
}

impl Course {
    /// Carries it out.
    ///
    /// # Errors
    /// With what did not hold, the journals, and the worker's last words.
    pub(super) fn run(&self) -> anyhow::Result<Outcome> {
        // What is waited for in vain panics; the runs that follow, and the table, are not to be lost by it.
        let outcome = std::panic::catch_unwind(|| self.run_through());
        outcome.unwrap_or_else(|_| bail!("the run panicked, as told above\n{}{}", journal::told(), agent::told()))
    }

    fn run_through(&self) -> anyhow::Result<Outcome> {
        let mut run = Run::begin(self)?;
        let outcome =
            run.go().map_err(|error| error.context(format!("journals:\n{}{}", journal::told(), agent::told())))?;
        run.machine.off()?;
        Ok(outcome)
    }
}

struct Run<'c> {
    course: &'c Course,
    machine: Machine,
    /// Confirmed before the act.
    before: Rows,
    /// Confirmed during the act.
    during: Rows,
    /// How many acts there had been.
    acts: usize,
    /// How long all has taken since the last blow.
    recovery: Recovery,
    /// What the recovery had passed before the second blow.
    again: Option<Passed>,
}

impl<'c> Run<'c> {
    fn begin(course: &'c Course) -> anyhow::Result<Self> {
        let base = course.act.base();
        let machine = Machine::on(course.kind, base)?;
        let acts = journal::all()?.len();
        let mut before = Rows::of(base.rows());
        if base != Base::Empty {
            application::boot()?;
            application::wait_until_healthy()?;
            before.add(Row { number: 50, by: application::write("row-50")? });
        }
        let (during, recovery, again) = (Rows::default(), Recovery::default(), None);
        Ok(Self { course, machine, before, during, acts, recovery, again })
    }

    fn go(&mut self) -> anyhow::Result<Outcome> {
        let (passed, worked) = self.strike_the_act()?;
        let side = self.recover()?;
        self.serves_again(side)?;
        let stand = self.course.act.stand(side);
        let live = self.must_be_live(side);
        rest::insist(stand, &live, &self.all())?;
        rest::recovering_again_changes_nothing()?;
        self.the_next_goes_in(stand, &live)?;
        Ok(Outcome { passed, worked, again: self.again.take(), side, recovery: self.recovery })
    }

    fn strike_the_act(&mut self) -> anyhow::Result<(Passed, Duration)> {
        let course = self.course;
        let writer = Writer::start(100);
        let switch = self.machine.switch()?;
        let mut worker = Worker::start(&course.act.request(), &course.moment)?;
        let found = worker.wait_for(&course.moment)?;
        let worked = worker.worked();
        self.strike(worker, switch, &writer)?;
        self.during = writer.stop()?;
        let passed = agent::passed();
        if found == Found::Ended {
            self.what_was_said_is_durable()?;
        }
        Ok((passed, worked))
    }

    /// What a finished request told its daemon is so, whatever happened right after.
    fn what_was_said_is_durable(&self) -> anyhow::Result<()> {
        let exit = agent::exit()?;
        let wanted = if self.course.act == Act::Ill { "rolled_back" } else { "ok" };
        ensure!(exit == wanted, "the act itself ended with {exit}");
        let is_over = journal::all()?.get(self.acts).is_some_and(journal::Journal::is_over);
        ensure!(is_over, "the act had ended, and its journal does not say so");
        Ok(())
    }

    fn strike(&mut self, worker: Worker, switch: Switch, writer: &Writer) -> anyhow::Result<()> {
        match self.course.blow {
            Blow::Kill => {
                drop(switch);
                worker.kill()?;
                writer.enough();
                self.recovery = Recovery::default();
            }
            Blow::Power => {
                switch.cut()?;
                writer.enough();
                self.recovery = self.machine.come_back()?;
            }
        }
        Ok(())
    }

    /// Recovers as often as it takes; answers on which side it must have ended.
    fn recover(&mut self) -> anyhow::Result<Side> {
        let mut again = self.course.again;
        loop {
            self.come_up()?;
            let side = self.side()?;
            let moment = again.take().map_or(Moment::Never, Moment::Point);
            let switch = self.machine.switch()?;
            let mut worker = Worker::start(&act::recover(), &moment)?;
            if worker.wait_for(&moment)? == Found::Ended {
                let exit = agent::exit()?;
                ensure!(exit == "ok", "the recovery ended with {exit}");
                self.recovery.agent = worker.worked();
                return Ok(side);
            }
            let nobody = Writer::start(1000);
            nobody.enough();
            self.strike(worker, switch, &nobody).context("the second blow")?;
            nobody.stop()?;
            self.again = Some(agent::passed());
        }
    }

    /// Waits until the application is well, if there must be one.
    fn serves_again(&mut self, side: Side) -> anyhow::Result<()> {
        let began = Instant::now();
        if self.course.act.stand(side).version().is_some() {
            application::wait_until_healthy()?;
        }
        self.recovery.health = began.elapsed();
        Ok(())
    }

    /// The first list, and what the machine does by itself before the agent recovers.
    fn come_up(&mut self) -> anyhow::Result<()> {
        let mut written = self.before.clone();
        written.extend(self.old_rows());
        instant::insist(self.course.act, &written)?;
        match self.course.blow {
            Blow::Kill => Ok(()),
            Blow::Power => self.boot(),
        }
    }

    fn boot(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let version = self.machine.boot()?;
        self.recovery.boot = began.elapsed();
        let stands = version.as_ref().is_none_or(|version| self.course.act.versions().contains(&version.as_str()));
        ensure!(stands, "{} has started by itself, which nobody has asked for", version.unwrap_or_default());
        Ok(())
    }

    /// What the release that is left has confirmed during the act.
    fn old_rows(&self) -> Rows {
        let old = self.course.act.stand(Side::Old).version().unwrap_or_default();
        self.during.by(old)
    }

    fn side(&self) -> anyhow::Result<Side> {
        Ok(journal::all()?.get(self.acts).map_or(Side::Old, journal::Journal::side))
    }

    /// The rows that must be in the live database when the act has ended on this side.
    fn must_be_live(&self, side: Side) -> BTreeSet<u32> {
        let act = self.course.act;
        let version = act.stand(side).version().unwrap_or_default();
        if act == Act::Rollback && side == Side::New {
            // The database is what it was before the update; what came since is kept beside it.
            let mut live = self.before.by(version).all();
            live.extend(self.during.by(version).all());
            return live;
        }
        let mut live = self.before.all();
        live.extend(self.old_rows().all());
        if side == Side::New {
            live.extend(self.during.by(version).all());
        }
        live
    }

    fn all(&self) -> BTreeSet<u32> {
        let mut all = self.before.all();
        all.extend(self.during.all());
        all
    }

    /// The next good thing goes in, and nothing is lost by it either.
    fn the_next_goes_in(&self, stand: Stand, live: &BTreeSet<u32>) -> anyhow::Result<()> {
        let (request, next) = stand.next();
        agent::ask_well(&request).context("the next one")?;
        rest::insist(next, live, &self.all()).context("the next one")?;
        rest::nothing_is_half_looked_at().context("the next one")?;
        application::write("row-2000").map(drop)
    }
}
