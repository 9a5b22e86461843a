//! What the runs came to, by act and by place, as tables of 80 columns.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::act::Act;
use super::blow::Blow;
use super::journal::Side;
use super::recovery::Times;
use super::run::{Course, Outcome};

/// Sums.
#[derive(Default)]
pub(super) struct Figures {
    acts: BTreeMap<Act, Row>,
    /// By the last record before the blow, with the most that came before that one.
    places: BTreeMap<String, (usize, Row)>,
}

/// A row of a table.
#[derive(Clone, Default)]
struct Row {
    kills: usize,
    cuts: usize,
    /// Second blows, which fell on the recovery.
    again: usize,
    old: usize,
    new: usize,
    recovery: Times,
    database: Times,
}

impl Figures {
    pub(super) fn take(&mut self, course: &Course, outcome: &Outcome) {
        self.acts.entry(course.act).or_default().take(course, outcome);
        let (order, place) = outcome.passed.place();
        let (most, row) = self.places.entry(place).or_default();
        *most = order.max(*most);
        row.take(course, outcome);
    }

    /// The tables.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        head(&mut text, "act");
        self.acts.iter().for_each(|(act, row)| row.write(&mut text, act.name()));
        self.all().write(&mut text, "all");
        text.push('\n');
        head(&mut text, "struck after");
        let mut places: Vec<(&String, &(usize, Row))> = self.places.iter().collect();
        places.sort_by_key(|(name, (order, _))| (*order, *name));
        places.into_iter().for_each(|(name, (_, row))| row.write(&mut text, name));
        text + "\nwell: from the blow (power: from the mount) until the application serves;\n\
                db: what of it was PostgreSQL's own recovery, after power cuts. In seconds.\n"
    }

    fn all(&self) -> Row {
        let mut all = Row::default();
        self.acts.values().for_each(|row| all.add(row));
        all
    }
}

/// Two lines, since the times are of two kinds.
fn head(text: &mut String, first: &str) {
    let _ = writeln!(text, "{:47}{:>16}{:>16}", "", "well again", "db");
    let _ = writeln!(
        text,
        "{first:<17}{:>6}{:>6}{:>6}{:>6}{:>6}{:>8}{:>8}{:>8}{:>8}",
        "kills", "cuts", "again", "old", "new", "median", "longest", "median", "longest"
    );
}

impl Row {
    fn take(&mut self, course: &Course, outcome: &Outcome) {
        match course.blow {
            Blow::Kill => self.kills += 1,
            Blow::Power => self.cuts += 1,
        }
        match outcome.side {
            Side::Old => self.old += 1,
            Side::New => self.new += 1,
        }
        self.again += usize::from(outcome.again.is_some());
        self.recovery.extend([outcome.recovery.whole()]);
        self.database.extend((course.blow == Blow::Power).then_some(outcome.recovery.database));
    }

    fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.cuts += other.cuts;
        self.again += other.again;
        self.old += other.old;
        self.new += other.new;
        self.recovery.extend(&other.recovery);
        self.database.extend(&other.database);
    }

    fn write(&self, text: &mut String, name: &str) {
        let _ =
            write!(text, "{name:<17}{:>6}{:>6}{:>6}{:>6}{:>6}", self.kills, self.cuts, self.again, self.old, self.new);
        for time in [&self.recovery, &self.database].map(|times| [times.median(), times.longest()]).concat() {
            let _ = write!(text, "{:>8.2}", time.as_secs_f64());
        }
        text.push('\n');
    }
}
