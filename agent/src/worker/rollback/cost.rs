//! What a rollback costs, as data: said before it is done, shown by the command line, read by programs. Pure.

use jiff::{SignedDuration, Timestamp};
use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;
use serde::{Deserialize, Serialize};

use crate::journal::{Journal, Record};
use crate::plan::Step;

/// What goes back, and what that means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The instance.
    pub instance: Name,
    /// The release that runs now.
    pub from: ReleaseVersion,
    /// The release that will run.
    pub to: ReleaseVersion,
    /// What becomes of each database.
    pub databases: Vec<Fate>,
    /// What stays as it is, whatever happens: configuration, uploads.
    pub files: Vec<String>,
    /// The services that stop and start.
    pub services: Vec<Name>,
    /// How long the application will be down, as far as the update's own steps tell.
    pub downtime_seconds: Option<u64>,
    /// Below which version the vendor lets nothing in, where that is what it goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_floor: Option<ReleaseVersion>,
}

/// What becomes of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// The profile's name for it.
    pub database: Name,
    /// What becomes of it.
    #[serde(flatten)]
    pub becomes: Becomes,
}

/// What a database becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "becomes", rename_all = "snake_case")]
pub enum Becomes {
    /// It stays as it is.
    Stays {
        /// Whether the update had changed its schema, in a way that the release before works with.
        migrated: bool,
    },
    /// It goes back to how it was before the update.
    Before {
        /// When its backup was made.
        made_at: Timestamp,
        /// How old that is.
        age_seconds: i64,
        /// Bytes of the backup.
        bytes: u64,
        /// Bytes of what is there now.
        bytes_now: u64,
        /// Under which name that is kept.
        kept_as: String,
        /// Until when.
        kept_until: Timestamp,
    },
}

impl Cost {
    /// The databases that go back.
    pub fn going_back(&self) -> impl Iterator<Item = &Name> {
        self.databases.iter().filter(|fate| matches!(fate.becomes, Becomes::Before { .. })).map(|fate| &fate.database)
    }

    /// In a sentence.
    pub fn sentence(&self) -> String {
        let (name, to) = (&self.instance, &self.to);
        let names: Vec<&str> = self.going_back().map(Name::as_str).collect();
        if names.is_empty() {
            return format!("{name} goes back to {to}; its data stays as it is");
        }
        let databases = names.join(", ");
        format!("{name} goes back to {to}, and database {databases} with it; what was written since is kept aside")
    }
}

/// How long the application will be down: what the update took to stop, change the code and start; and where databases go back,
/// to copy them, once for what is left and, from files, once more for what comes back.
pub(super) fn downtime(update: &Journal, data: Option<FromFiles>) -> Option<SignedDuration> {
    let of = |wanted: fn(&Step) -> bool| -> Option<SignedDuration> {
        let steps = update.plan().steps.iter().enumerate();
        let mut took = steps
            .filter(|(number, step)| wanted(step) && update.plan().is_past_stop(*number))
            .filter_map(|(number, _)| took(update, number))
            .peekable();
        took.peek()?;
        Some(took.fold(SignedDuration::ZERO, |sum, one| sum.saturating_add(one)))
    };
    let code = of(|step| matches!(step, Step::Stop | Step::Activate | Step::Start))?;
    let Some(FromFiles(from_files)) = data else { return Some(code) };
    let copy = of(|step| matches!(step, Step::Backup { .. }))?;
    Some(code.saturating_add(if from_files { copy.saturating_mul(2) } else { copy }))
}

/// Whether databases come back from files, and not by renaming a copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct FromFiles(pub(super) bool);

/// How long a step took. A clock that was set meanwhile says nothing.
fn took(journal: &Journal, number: usize) -> Option<SignedDuration> {
    let at = |wanted: Record| journal.entries().iter().find(|entry| entry.record == wanted).map(|entry| entry.at);
    let took = at(Record::Applied { step: number })?.duration_since(at(Record::Begun { step: number })?);
    (!took.is_negative()).then_some(took)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::tests::machine::Machine;
    use crate::update::tests::release::{Kind, Migration, Release};

    /// Each step of an update takes as many seconds as its number.
    fn update() -> Journal {
        let migration = Migration { sql: "SELECT 1;", compatible: false, kind: Kind::Command };
        let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[migration])]);
        let mut journal = machine.begin(machine.plan_update(Some("1.0.0"), "1.1.0")).unwrap();
        let mut now = 0;
        for step in 0..journal.plan().steps.len() {
            journal.append(Record::Begun { step }, machine.clock_at(SignedDuration::from_secs(now))).unwrap();
            now += i64::try_from(step).unwrap();
            journal.append(Record::Applied { step }, machine.clock_at(SignedDuration::from_secs(now))).unwrap();
        }
        journal
    }

    #[test]
    fn the_updates_own_steps_tell_how_long_it_will_take() {
        let update = update();
        let seconds = |data| downtime(&update, data).map(|duration| duration.as_secs());
        // Stop 5, backup 6, migrate 7, activate 8, start 9.
        assert_eq!(seconds(None), Some(5 + 8 + 9));
        assert_eq!(seconds(Some(FromFiles(false))), Some(5 + 6 + 8 + 9));
        assert_eq!(seconds(Some(FromFiles(true))), Some(5 + 2 * 6 + 8 + 9));
    }

    #[test]
    fn what_no_journal_tells_is_not_made_up() {
        let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
        let journal = machine.begin(machine.plan_update(Some("1.0.0"), "1.1.0")).unwrap();
        assert_eq!(downtime(&journal, None), None);
    }
}
