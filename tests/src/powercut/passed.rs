//! The points that a worker has passed, and the place that this is in its journal.

/// The words of the journal's records, which are points too: unlike the others these say where an act was.
const RECORDS: [&str; 10] = [
    "planned",
    "begun",
    "applied",
    "reverted",
    "failed",
    "soaking",
    "committed",
    "left_aside",
    "finished",
    "rolled_back",
];

/// All of them, the first one first.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed(pub(super) Vec<String>);

impl Passed {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The last one, such as `make durable the directory`.
    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("nothing", String::as_str)
    }

    /// After which of the journal's records that was: its name, and how many came before it.
    pub(super) fn place(&self) -> (usize, String) {
        let records: Vec<&String> = self.0.iter().filter(|point| is_record(point)).collect();
        (records.len(), records.last().map_or("before the plan", |last| last.as_str()).to_owned())
    }
}

fn is_record(point: &str) -> bool {
    RECORDS.contains(&point.split(' ').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_the_last_record() {
        let passed = |points: &[&str]| Passed(points.iter().map(|point| (*point).to_owned()).collect());
        assert_eq!(passed(&[]).place(), (0, "before the plan".to_owned()));
        let some = passed(&["open", "planned", "make", "begun stop", "make durable"]);
        assert_eq!((some.place(), some.last(), some.count()), ((2, "begun stop".to_owned()), "make durable", 5));
    }
}
