//! Which migration steps the databases have been through, release or no release: those that an update left there on its way
//! back, because the release before works with them, are not run a second time. Folded from the journals; pure.

use std::collections::BTreeMap;

use manifest_schema::migration::MigrationStep;

use super::{Journal, Record, history};
use crate::plan::{Act, Plan, Step};

/// The steps that the databases have been through, as far as journals tell.
pub fn standing(journals: &[Journal]) -> Vec<MigrationStep> {
    let mut standing = Vec::new();
    // What each update found, which is what its backup holds.
    let mut found: BTreeMap<u32, Vec<MigrationStep>> = BTreeMap::new();
    for journal in journals {
        let plan = journal.plan();
        found.insert(plan.id, standing.clone());
        match plan.act {
            // Whatever became of the databases meanwhile, nobody here has seen it.
            Act::Install | Act::Adopt | Act::Release if history::took_effect(journal) => standing = ran(journal),
            Act::Install | Act::Adopt | Act::Release => {}
            Act::Update => standing.extend(ran(journal).into_iter().filter(|step| stays(journal, step))),
            Act::Rollback if history::took_effect(journal) => bring_back(&mut standing, plan, &found),
            Act::Rollback => {}
        }
    }
    standing
}

/// Whether two steps are the same one, as two releases tell of it.
pub fn is_same(one: &MigrationStep, other: &MigrationStep) -> bool {
    (&one.version, &one.database, &one.file) == (&other.version, &other.database, &other.file)
}

/// The steps of an update whose migration was applied.
fn ran(journal: &Journal) -> Vec<MigrationStep> {
    let applied = |number: &usize| journal.records().any(|record| *record == Record::Applied { step: *number });
    let steps = journal.plan().steps.iter().enumerate();
    steps
        .filter(|(number, _)| applied(number))
        .flat_map(|(_, step)| if let Step::Migrate { steps } = step { steps.clone() } else { Vec::new() })
        .collect()
}

/// The rule of the migration's revert, seen from afterwards. What a person did who put an update right by hand, nobody here knows:
/// the release that counts as installed has its databases.
fn stays(journal: &Journal, step: &MigrationStep) -> bool {
    let was_put_back = matches!(journal.records().next_back(), Some(Record::RolledBack));
    history::took_effect(journal) || (was_put_back && journal.plan().is_compatible(&step.database))
}

fn bring_back(standing: &mut Vec<MigrationStep>, plan: &Plan, found: &BTreeMap<u32, Vec<MigrationStep>>) {
    for step in &plan.steps {
        if let Step::Restore { of, databases } = step {
            let is_of_these = |step: &MigrationStep| databases.contains(&step.database);
            standing.retain(|step| !is_of_these(step));
            standing.extend(found.get(of).into_iter().flatten().filter(|step| is_of_these(step)).cloned());
        }
    }
}
