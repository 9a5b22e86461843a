//! Where the time went: the phases that the script prints, and the steps in the agent's journal, as one list.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

/// A phase or a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Step {
    pub(super) name: String,
    /// Seconds of the machine's clock.
    pub(super) began: f64,
    pub(super) seconds: f64,
}

/// Whether the way back from a bad release begins with this one.
pub(super) fn is_way_back(name: &str) -> bool {
    matches!(name, "stop-again" | "undo")
}

/// From lines `PHASE SECONDS`, each when it began; the last one ends the one before.
pub(super) fn of_script(said: &str) -> Result<Vec<Step>> {
    let line = |line: &str| -> Result<(String, f64)> {
        let (name, at) = line.split_once(' ').with_context(|| format!("no phase: {line}"))?;
        Ok((name.to_owned(), at.parse().with_context(|| format!("no time: {line}"))?))
    };
    let marks = said.lines().map(line).collect::<Result<Vec<_>>>()?;
    let step =
        |pair: &[(String, f64)]| Step { name: pair[0].0.clone(), began: pair[0].1, seconds: pair[1].1 - pair[0].1 };
    Ok(marks.windows(2).map(step).collect())
}

/// From the journal: a step for each `begun`, until its `applied`; `undo` from the failure on, and `undo NAME` for each step taken back.
pub(super) fn of_agent(journal: &[Value]) -> Result<Vec<Step>> {
    let names = names(journal.first().context("the journal is empty")?);
    let name = |entry: &Value| {
        let number = entry["step"].as_u64().and_then(|number| usize::try_from(number).ok());
        number.and_then(|number| names.get(number)).cloned().unwrap_or_default()
    };
    let mut steps = Vec::new();
    let mut begun = BTreeMap::new();
    let mut before = time_of(&journal[0])?;
    for entry in journal {
        let at = time_of(entry)?;
        let mut add = |name: String, began: f64| steps.push(Step { name, began, seconds: at - began });
        match entry["record"].as_str().unwrap_or_default() {
            "begun" => drop(begun.insert(name(entry), at)),
            "applied" => add(name(entry), *begun.get(&name(entry)).unwrap_or(&at)),
            "failed" => add("undo".to_owned(), at),
            "reverted" => add(format!("undo {}", name(entry)), before),
            "finished" => add("tidy".to_owned(), before),
            _ => {}
        }
        before = at;
    }
    Ok(steps)
}

fn time_of(entry: &Value) -> Result<f64> {
    let at: jiff::Timestamp = entry["at"].as_str().unwrap_or_default().parse().context("a record without a time")?;
    Ok(at.as_duration().as_secs_f64())
}

/// The steps of the plan, by their place in it; of two that are called the same the second is `NAME-2`.
fn names(planned: &Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for step in planned["plan"]["steps"].as_array().into_iter().flatten() {
        let name = step["step"].as_str().unwrap_or_default();
        let again = names.iter().any(|there| there == name);
        names.push(if again { format!("{name}-2") } else { name.to_owned() });
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_phases_last_until_the_next_one() {
        let steps = of_script("stop 10.5\nstart 12.0\nend 12.25\n").unwrap();

        let told: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.seconds)).collect();
        assert_eq!(told, [("stop", 1.5), ("start", 0.25)]);
        assert!(of_script("no time\n").is_err());
    }

    #[test]
    fn the_agents_steps_last_from_begun_to_applied() {
        let journal = serde_json::json!([
            { "at": "2026-01-05T10:00:00Z", "record": "planned", "plan": { "steps": [{ "step": "stop" }, { "step": "stop" }] } },
            { "at": "2026-01-05T10:00:01Z", "record": "begun", "step": 0 },
            { "at": "2026-01-05T10:00:03Z", "record": "applied", "step": 0 },
            { "at": "2026-01-05T10:00:03Z", "record": "begun", "step": 1 },
            { "at": "2026-01-05T10:00:04Z", "record": "failed", "step": 1, "error": "" },
            { "at": "2026-01-05T10:00:06Z", "record": "reverted", "step": 1 },
        ]);
        let steps = of_agent(journal.as_array().unwrap()).unwrap();

        let told: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.seconds)).collect();
        assert_eq!(told, [("stop", 2.0), ("undo", 0.0), ("undo stop-2", 2.0)]);
    }
}
