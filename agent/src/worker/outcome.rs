//! How an update's end is told.

use super::Reply;
use crate::exit::Exit;
use crate::plan::{Act, Plan};
use crate::update::Outcome;

/// The sentence and the exit code of an outcome.
pub(super) fn told(plan: &Plan, outcome: Outcome) -> Reply {
    let (name, version, id) = (&plan.instance.name, &plan.to.version, plan.id);
    match outcome {
        Outcome::Completed => Reply::well(match plan.act {
            Act::Install => format!("{name}: {version} is installed"),
            Act::Adopt => format!("{name}: {} is managed now, as {version}", plan.instance.directory.display()),
            Act::Release => format!("{name}: {} is a plain directory again", plan.instance.directory.display()),
            Act::Update => format!("{name}: {version} is installed"),
            Act::Rollback => format!("{name}: back on {version}"),
        }),
        Outcome::RolledBack { error, touched, exit, ill } => {
            let what = failed(plan, &error, touched, ill.as_deref());
            Reply { exit, message: format!("{what}\nStep by step: surefoot log {id}"), answer: None }
        }
        Outcome::Stuck { reason } => Reply {
            exit: Exit::Stuck,
            message: format!(
                "{name}: {version} could neither be finished nor undone: {reason}. Look at 'surefoot log {id}'; mend the cause \
                 and run 'surefoot resume', or put it right by hand and run 'surefoot abandon'"
            ),
            answer: None,
        },
        Outcome::Waiting { reason } => Reply {
            exit: Exit::Unexpected,
            message: format!(
                "{name}: {version} failed and cannot be put back yet; it is tried again by itself: {reason}"
            ),
            answer: None,
        },
    }
}

fn failed(plan: &Plan, error: &str, touched: bool, ill: Option<&str>) -> String {
    let (name, version) = (&plan.instance.name, &plan.to.version);
    if let (Some(from), Some(ill)) = (&plan.from, ill) {
        let before = &from.version;
        return format!(
            "{name}: {version} failed and was rolled back, but {before} is not healthy: {ill}. {version} failed with: {error}"
        );
    }
    match (&plan.from, touched) {
        (Some(from), true) => {
            format!("{name}: {version} failed and was rolled back, {} runs again: {error}", from.version)
        }
        (Some(from), false) => format!("{name}: {version} failed before {} was stopped: {error}", from.version),
        (None, _) => format!("{name}: {version} failed and was removed again: {error}"),
    }
}
