//! Journals made of nothing, for tests of what is folded from them.

use std::path::PathBuf;

use super::{Entry, Journal, Record};
use crate::plan::{Act, Plan};
use crate::update::tests::machine::Machine;
use crate::update::tests::release::Release;
use crate::update::tests::repository::now;

/// A journal of this act whose records are these. Step 4 of an update is its stop.
pub(crate) fn told(id: u32, act: Act, to: &str, records: &[Record]) -> Journal {
    let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
    let from = if to == "1.1.0" { "1.0.0" } else { "1.1.0" };
    let plan = Plan { id, act, ..machine.plan_update(Some(from), to) };
    let first = Record::Planned { plan: Box::new(plan.clone()) };
    let all = std::iter::once(first).chain(records.iter().cloned());
    Journal { path: PathBuf::new(), plan, entries: all.map(|record| Entry { at: now(), record }).collect() }
}
