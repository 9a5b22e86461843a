//! A campaign: many runs, chosen by a seed or by name, and what they came to.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, bail};

use super::act::Act;
use super::blow::{Blow, Moment};
use super::disk::{Disks, FileSystem, Kind};
use super::random::Random;
use super::report::Report;
use super::run::Course;
use super::{base, chosen, reflink, world};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// How many random runs.
    pub runs: u64,
    /// What they are drawn with.
    pub seed: u64,
    /// Only this one of them.
    pub run: Option<u64>,
    /// On which machines.
    pub kinds: Vec<Kind>,
    /// Whether the chosen places come before the random ones.
    pub chosen: bool,
    /// Only this act.
    pub act: Option<Act>,
    /// Only this blow.
    pub blow: Option<Blow>,
    /// At this moment and no other.
    pub moment: Option<Moment>,
    /// The recovery is struck at this point.
    pub again: Option<usize>,
}

/// How long an act takes that nobody disturbs, and how many points it passes.
#[derive(Clone, Copy)]
struct Length {
    points: usize,
    took: Duration,
}

/// A campaign in its world.
pub struct Campaign {
    order: Order,
    lengths: BTreeMap<Act, Length>,
    report: Report,
}

impl Campaign {
    /// A seed that nobody has named: another one each second, the same on both sides of a world's door.
    #[must_use]
    pub fn seed() -> u64 {
        let now = jiff::Timestamp::now().as_second();
        world::seed().unwrap_or_else(|| u64::try_from(now).unwrap_or_default() % 1_000_000)
    }

    /// Whether this process is the one inside the world, where nothing is installed or built any more.
    #[must_use]
    pub fn has_begun() -> bool {
        world::is_inside()
    }

    /// Carries an order out: in a world of its own, which this program enters with the arguments that it was given.
    ///
    /// # Errors
    /// When a run has found something, or nothing can be run here.
    pub fn run(order: Order) -> anyhow::Result<()> {
        if !world::is_inside() {
            let arguments: Vec<String> = std::env::args().skip(1).collect();
            return world::enter(&arguments, order.seed);
        }
        world::furnish()?;
        let _images = base::ensure(&order.kinds)?;
        println!("powercut: seed {}", order.seed);
        let report = Report::of(order.count());
        let mut campaign = Self { order, lengths: BTreeMap::new(), report };
        campaign.go()?;
        campaign.report.print();
        campaign.report.verdict()
    }

    fn go(&mut self) -> anyhow::Result<()> {
        let order = self.order.clone();
        for kind in order.kinds.iter().filter(|_| order.chosen) {
            chosen::courses(*kind).iter().for_each(|course| self.report.run("chosen", course));
            if shares_blocks(*kind) {
                self.report.note("backups share their blocks with the originals", reflink::insist_on_sharing(*kind));
            }
        }
        for number in order.numbers() {
            let course = self.draw(number)?;
            self.report.run(&format!("run {number}"), &course);
        }
        Ok(())
    }

    /// The run of this number: the same for the same seed and the same build.
    fn draw(&mut self, number: u64) -> anyhow::Result<Course> {
        let mut random = Random::of(self.order.seed, number);
        let kind = *random.one_of(&self.order.kinds);
        let act = *random.one_of(&Act::ALL);
        let act = self.order.act.unwrap_or(act);
        let blow = *random.one_of(&[Blow::Kill, Blow::Power, Blow::Power, Blow::Power]);
        let blow = self.order.blow.unwrap_or(blow);
        let (sort, share, again) = (random.below(3), random.below(1 << 20), (random.below(3), random.below(60)));
        let moment = match &self.order.moment {
            Some(moment) => moment.clone(),
            None => self.length(kind, act)?.moment(blow == Blow::Power && sort == 0, share),
        };
        let drawn = (again.0 == 0 && self.order.moment.is_none()).then_some(again.1);
        Ok(Course { kind, act, blow, moment, again: self.order.again.or(drawn) })
    }

    fn length(&mut self, kind: Kind, act: Act) -> anyhow::Result<Length> {
        if let Some(known) = self.lengths.get(&act) {
            return Ok(*known);
        }
        let length = Length::of(kind, act)?;
        self.lengths.insert(act, length);
        Ok(length)
    }
}

/// Where a backup is a reflink.
fn shares_blocks(kind: Kind) -> bool {
    kind == Kind { file_system: FileSystem::Xfs, disks: Disks::Together }
}

impl Order {
    /// The numbers of the random runs.
    fn numbers(&self) -> Range<u64> {
        self.run.map_or(0..self.runs, |run| run..run + 1)
    }

    /// How many runs there will be.
    fn count(&self) -> u64 {
        let chosen = self.kinds.iter().filter(|_| self.chosen);
        let chosen = chosen.map(|kind| chosen::courses(*kind).len() + usize::from(shares_blocks(*kind)));
        u64::try_from(chosen.sum::<usize>()).unwrap_or_default() + self.numbers().count() as u64
    }
}

impl Length {
    /// Kept with the base images, so that a run can be repeated.
    fn of(kind: Kind, act: Act) -> anyhow::Result<Self> {
        let file = base::cache()?.join(format!("{}.length", act.name()));
        if let Some(known) = fs::read_to_string(&file).ok().and_then(|text| Self::read(&text)) {
            return Ok(known);
        }
        let course = Course { kind, act, blow: Blow::Power, moment: Moment::Never, again: None };
        let outcome = course.run().with_context(|| format!("{} that nobody disturbs", act.name()))?;
        let points = outcome.passed.count();
        fs::write(file, format!("{points} {}", outcome.worked.as_millis()))?;
        Ok(Self { points, took: outcome.worked })
    }

    fn read(text: &str) -> Option<Self> {
        let (points, took) = text.split_once(' ')?;
        Some(Self { points: points.parse().ok()?, took: Duration::from_millis(took.parse().ok()?) })
    }

    /// A point, or a time: the part `share` of 2^20 of it.
    fn moment(self, is_time: bool, share: usize) -> Moment {
        if is_time {
            return Moment::After(self.took.mul_f64(1.05 * share as f64 / f64::from(1 << 20)));
        }
        Moment::Point((self.points * share) >> 20)
    }
}

impl std::str::FromStr for Act {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let names: Vec<&str> = Self::ALL.iter().map(|act| act.name()).collect();
        match Self::ALL.into_iter().find(|act| act.name() == text) {
            Some(act) => Ok(act),
            None => bail!("{text:?} is none of {}", names.join(", ")),
        }
    }
}
