//! The order in which records can follow each other. A row that no run of the engine writes was not written by one: two
//! files that were mixed, a file that was edited, a disk that lied. Pure.

use super::Record;

/// The records of one journal so far.
#[derive(Debug, Default)]
pub(super) struct Course {
    steps: Option<Vec<Stage>>,
    has_failed: bool,
    is_committed: bool,
    is_over: bool,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Untouched,
    Begun,
    Applied,
    Reverted,
}

impl Course {
    /// Takes the next record in.
    ///
    /// # Errors
    /// With the reason, as the end of a sentence, when it cannot follow those before it.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), String> {
        if self.is_over {
            return Err("it comes after the end of the update".to_owned());
        }
        match record {
            Record::Planned { plan } => self.begin(plan.steps.len())?,
            Record::Begun { step } => self.change(*step, &[Stage::Untouched], Stage::Begun, "begins")?,
            Record::Applied { step } => self.change(*step, &[Stage::Begun], Stage::Applied, "was applied")?,
            Record::Reverted { step } => {
                self.change(*step, &[Stage::Begun, Stage::Applied], Stage::Reverted, "was reverted")?;
            }
            Record::RevertFailed { step, .. } => drop(self.stage(*step)?),
            Record::Failed { step, .. } => self.fail(*step)?,
            Record::Committed if self.is_committed => return Err("it was committed before".to_owned()),
            Record::Committed if self.has_failed => return Err("it had failed and cannot stay".to_owned()),
            Record::Committed => self.is_committed = true,
            Record::Finished if !self.is_committed => return Err("it was never committed".to_owned()),
            Record::RolledBack if self.is_committed => return Err("it was committed and stays".to_owned()),
            Record::RolledBack => self.all_is_back()?,
            Record::Soaking
            | Record::Watched { .. }
            | Record::Soaked { .. }
            | Record::LeftAside { .. }
            | Record::Finished
            | Record::Stuck { .. }
            | Record::Resumed
            | Record::Abandoned { .. } => {}
        }
        self.is_over = record.is_last();
        Ok(())
    }

    fn begin(&mut self, steps: usize) -> Result<(), String> {
        match self.steps.replace(vec![Stage::Untouched; steps]) {
            None => Ok(()),
            Some(_) => Err("it is a second plan".to_owned()),
        }
    }

    fn fail(&mut self, step: Option<usize>) -> Result<(), String> {
        self.has_failed = true;
        step.map_or(Ok(()), |step| self.stage(step).map(drop))
    }

    fn stage(&mut self, step: usize) -> Result<&mut Stage, String> {
        let steps = self.steps.as_mut().ok_or("there is no plan before it")?;
        let count = steps.len();
        steps.get_mut(step).ok_or_else(|| format!("the plan has {count} steps, and no step {}", step + 1))
    }

    fn change(&mut self, step: usize, from: &[Stage], to: Stage, words: &str) -> Result<(), String> {
        let stage = self.stage(step)?;
        if !from.contains(stage) {
            let was = match stage {
                Stage::Untouched => "had never begun",
                Stage::Begun => "had begun already",
                Stage::Applied => "had been applied already",
                Stage::Reverted => "had been reverted already",
            };
            return Err(format!("step {} {words} and {was}", step + 1));
        }
        *stage = to;
        Ok(())
    }

    fn all_is_back(&self) -> Result<(), String> {
        let is_there = |stage: &Stage| matches!(stage, Stage::Begun | Stage::Applied);
        match self.steps.iter().flatten().position(is_there) {
            Some(step) => Err(format!("everything is said to be as before, and step {} was never reverted", step + 1)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Blame, Stands};
    use crate::update::tests::machine::Machine;
    use crate::update::tests::release::Release;

    /// A plan with ten steps or so, and these records.
    fn take(records: &[Record]) -> Result<(), String> {
        let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
        let plan = Box::new(machine.plan_update(Some("1.0.0"), "1.1.0"));
        let mut course = Course::default();
        course.take(&Record::Planned { plan: plan.clone() })?;
        for record in records {
            // A plan of the table stands for the one above.
            let planned = Record::Planned { plan: plan.clone() };
            course.take(if matches!(record, Record::Planned { .. }) { &planned } else { record })?;
        }
        Ok(())
    }

    fn begun(step: usize) -> Record {
        Record::Begun { step }
    }

    fn applied(step: usize) -> Record {
        Record::Applied { step }
    }

    fn reverted(step: usize) -> Record {
        Record::Reverted { step }
    }

    fn failed() -> Record {
        Record::Failed { step: Some(0), error: "no".to_owned(), blame: Blame::Release }
    }

    fn abandoned() -> Record {
        Record::Abandoned { by: "ann".to_owned(), stands: Stands::Old }
    }

    #[test]
    fn what_the_engine_writes_is_possible() {
        let stuck = Record::Stuck { reason: "no way".to_owned() };
        let revert_failed = Record::RevertFailed { step: 0, error: "no".to_owned() };
        let rows: [&[Record]; 6] = [
            &[
                begun(0),
                applied(0),
                Record::Soaking,
                Record::Soaked { seconds: 1 },
                Record::Committed,
                Record::Finished,
            ],
            &[begun(0), Record::Resumed, failed(), revert_failed, reverted(0), Record::RolledBack],
            &[begun(0), applied(0), begun(1), failed(), reverted(1), reverted(0), Record::RolledBack],
            &[failed(), Record::RolledBack],
            &[begun(0), failed(), stuck.clone(), failed(), reverted(0), Record::RolledBack],
            &[begun(0), failed(), stuck, abandoned()],
        ];
        for row in rows {
            assert_eq!(take(row), Ok(()), "{row:?}");
        }
    }

    #[test]
    fn what_no_run_of_the_engine_writes_is_damage() {
        let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
        let plan = Record::Planned { plan: Box::new(machine.plan_update(Some("1.0.0"), "1.1.0")) };
        let rows: [(&[Record], &str); 14] = [
            (&[plan], "second plan"),
            (&[applied(0)], "step 1 was applied and had never begun"),
            (&[begun(99)], "no step 100"),
            (&[begun(usize::MAX - 1)], "no step"),
            (&[begun(0), begun(0)], "step 1 begins and had begun already"),
            (&[begun(0), applied(0), applied(0)], "had been applied already"),
            (&[reverted(2)], "step 3 was reverted and had never begun"),
            (&[begun(0), reverted(0), reverted(0)], "had been reverted already"),
            (&[begun(0), reverted(0), applied(0)], "had been reverted already"),
            (&[Record::Finished], "never committed"),
            (&[Record::Committed, Record::Committed], "committed before"),
            (&[failed(), Record::Committed], "cannot stay"),
            (&[begun(0), failed(), Record::RolledBack], "step 1 was never reverted"),
            (&[abandoned(), Record::Resumed], "after the end"),
        ];
        for (row, wanted) in rows {
            let reason = take(row).expect_err("it is impossible");
            assert!(reason.contains(wanted), "{row:?}: {reason}");
        }
    }
}
