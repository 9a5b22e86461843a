//! The mistakes: each is one that somebody could make with good intentions, and that no ordinary run would show.

/// A deliberate mistake: in `file`, `from` becomes `to`.
pub(super) struct Mutant {
    /// What to call it on the command line.
    pub(super) name: &'static str,
    /// What goes wrong with it.
    pub(super) breaks: &'static str,
    /// Which tests are to find it.
    pub(super) tests: Tests,
    /// Below the workspace.
    pub(super) file: &'static str,
    /// Occurs exactly once.
    pub(super) from: &'static str,
    /// What takes its place.
    pub(super) to: &'static str,
}

/// Tests of the engine.
pub(super) enum Tests {
    /// A blow at every point of this scenario.
    Blows(&'static str),
    /// A disk that refuses from any point of this scenario on.
    Disk(&'static str),
    /// Those of this filter (nexte.st, "Filterset DSL").
    Of(&'static str),
}

const ENGINE: &str = "agent/src/update/engine.rs";
const RESUME: &str = "agent/src/update/resume.rs";
const FILE: &str = "agent/src/durable/file.rs";
const LINK: &str = "agent/src/durable/link.rs";

/// All of them.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "begun-after-acting",
        tests: Tests::Blows("code_only"),
        breaks: "a crash in a step leaves what nobody undoes",
        file: ENGINE,
        from: "            self.record(Record::Begun { step: number })?;
            let (planned, began) = (self.plan.steps[number].clone(), self.began());
            if let Err(error) = step::apply(self, &planned) {",
        to: "            let (planned, began) = (self.plan.steps[number].clone(), self.began());
            let applied = step::apply(self, &planned);
            self.record(Record::Begun { step: number })?;
            if let Err(error) = applied {",
    },
    Mutant {
        name: "applied-before-acting",
        tests: Tests::Blows("failing_compatible"),
        breaks: "half a migration is taken for a whole one",
        file: ENGINE,
        from: "            if let Err(error) = step::apply(self, &planned) {",
        to: "            self.record(Record::Applied { step: number })?;
            if let Err(error) = step::apply(self, &planned) {",
    },
    Mutant {
        name: "unwind-forward",
        tests: Tests::Blows("failing_health"),
        breaks: "the old release starts before its database is back",
        file: RESUME,
        from: "    begun.reverse();\n",
        to: "",
    },
    Mutant {
        name: "failed-step-stays",
        tests: Tests::Blows("failing_migration"),
        breaks: "what the failed step did half stays",
        file: RESUME,
        from: "            Record::Begun { step } => begun.push((*step, false)),
            Record::Applied { step } => {
                begun.iter_mut().filter(|(number, _)| number == step).for_each(|(_, applied)| *applied = true);
            }",
        to: "            Record::Begun { .. } => {}
            Record::Applied { step } => begun.push((*step, true)),",
    },
    Mutant {
        name: "vacuum-before-commit",
        tests: Tests::Blows("failing_health"),
        breaks: "old releases are gone, and the new one does not stay",
        file: ENGINE,
        from: "            if let Err(error) = step::apply(self, &planned) {",
        to: "            if matches!(planned, Step::Probe) {
                let _ = keep::vacuum(self);
            }
            if let Err(error) = step::apply(self, &planned) {",
    },
    Mutant {
        name: "commit-before-probe",
        tests: Tests::Blows("failing_health"),
        breaks: "an ill release stays after a crash",
        file: ENGINE,
        from: "            if let Err(error) = step::apply(self, &planned) {",
        to: "            if matches!(planned, Step::Probe) {
                self.record(Record::Committed)?;
            }
            if let Err(error) = step::apply(self, &planned) {",
    },
    Mutant {
        name: "rename-not-synced",
        tests: Tests::Blows("adopt"),
        breaks: "a power cut takes the new name back",
        file: LINK,
        from: "    renamed.attempt(\"rename to\", to)?;
    sync_parent(to)?;",
        to: "    renamed.attempt(\"rename to\", to)?;",
    },
    Mutant {
        name: "link-removed-and-made",
        tests: Tests::Blows("code_only"),
        breaks: "for an instant there is no application at its path",
        file: LINK,
        from: "    unlink(&partial)?;
    hold(&partial)
        .and_then(|held| Ok(rustix::fs::symlinkat(target, &held.above, held.name)?))
        .attempt(\"make link\", &partial)?;
    rename(&partial, link)",
        to: "    let _ = partial;
    unlink(link)?;
    hold(link)
        .and_then(|held| Ok(rustix::fs::symlinkat(target, &held.above, held.name)?))
        .attempt(\"make link\", link)?;
    sync_parent(link)",
    },
    Mutant {
        name: "content-not-synced",
        tests: Tests::Blows("code_only"),
        breaks: "after a power cut the name is there and the file is empty",
        file: FILE,
        from: "        self.file.sync_all().attempt(\"make durable\", &self.path)?;\n",
        to: "",
    },
    Mutant {
        name: "journal-not-synced",
        tests: Tests::Blows("adopt"),
        breaks: "the journal forgets what was done",
        file: FILE,
        from: "    file.sync_all().attempt(\"make durable\", path)?;
    if new {",
        to: "    if new {",
    },
    Mutant {
        name: "half-line-stays",
        tests: Tests::Of("test(half_a_line)"),
        breaks: "the record after a crash cannot be read",
        file: FILE,
        from: "        cut_to_last_line(path, &file)?;\n",
        to: "",
    },
    Mutant {
        name: "recovery-goes-forward",
        tests: Tests::Blows("failing_health"),
        breaks: "what has failed is committed by the next start",
        file: RESUME,
        from: "    if has(|record| matches!(record, Record::Failed { .. })) {
        return Next::Unwind;",
        to: "    if has(|record| matches!(record, Record::Failed { .. })) {
        return Next::FinishForward;",
    },
    Mutant {
        name: "soak-forgotten",
        tests: Tests::Of("test(update::resume) or test(truncation)"),
        breaks: "a restart in the middle of the soak counts as its end",
        file: RESUME,
        from: "        return Next::GoOnSoaking(soaked(journal));",
        to: "        return Next::FinishForward;",
    },
    Mutant {
        name: "door-opened-early",
        tests: Tests::Blows("failing_migration"),
        breaks: "the old release starts on the new database",
        file: "agent/src/update/step/migrate.rs",
        from: "    walk.vendor.end_leftovers().map_err(still_runs)?;",
        to: "    walk.vendor.end_leftovers().map_err(still_runs)?;
    super::stop::open_door(walk)?;",
    },
    Mutant {
        name: "door-not-closed",
        tests: Tests::Blows("incompatible_migration"),
        breaks: "the old release starts in the middle of the migration",
        file: "agent/src/update/step/stop.rs",
        from: "    put_door_in(walk, &from)?;
    close_door(walk)?;",
        to: "    put_door_in(walk, &from)?;",
    },
    Mutant {
        name: "restore-drops",
        tests: Tests::Blows("failing_health"),
        breaks: "what was written since the backup is nowhere",
        file: "agent/src/store/sqlite/restore.rs",
        from: "        durable::rename(&beside, &free(&here, tag)).keeping(name)?;",
        to: "        durable::remove_file(&beside).keeping(name)?;",
    },
    Mutant {
        name: "backup-before-stop",
        tests: Tests::Blows("incompatible_migration"),
        breaks: "what is written until the stop is not in the backup",
        file: "agent/src/plan/make.rs",
        from: "        facts.ways.iter().cloned().partition(|backup| migrations.iter().any(|step| step.database == backup.database));",
        to: "        facts.ways.iter().cloned().partition(|_| false);",
    },
    Mutant {
        name: "applied-is-compatible",
        tests: Tests::Blows("failing_health"),
        breaks: "the old release meets a schema that it does not know",
        file: "agent/src/update/step/migrate.rs",
        from: "        if applied && walk.plan.is_compatible(&name) {",
        to: "        if applied {",
    },
    Mutant {
        name: "valid-before-complete",
        tests: Tests::Blows("install"),
        breaks: "half a tree has the name of a release",
        file: "agent/src/update/step/stage.rs",
        from: "    let mut tree = TreeWriter::create(&pending, walk.owner())?;",
        to: "    let pending = release.clone();
    let mut tree = TreeWriter::create(&pending, walk.owner())?;",
    },
    Mutant {
        name: "tree-not-synced",
        tests: Tests::Blows("code_only"),
        breaks: "a power cut empties the files of the new release",
        file: "agent/src/update/step/stage.rs",
        from: "    durable::sync_tree(&pending)?;\n",
        to: "",
    },
    Mutant {
        name: "reserve-kept-by-engine",
        tests: Tests::Disk("failing_health"),
        breaks: "on a full disk the way back does not go on",
        file: ENGINE,
        from: "            self.journal.give_up_reserve();\n",
        to: "",
    },
    Mutant {
        name: "reserve-kept-by-journal",
        tests: Tests::Disk("failing_health"),
        breaks: "on a full disk the way back cannot be written down",
        file: "agent/src/journal/mod.rs",
        from: "                self.remove_reserve()?;\n",
        to: "",
    },
    Mutant {
        name: "removal-not-repeated",
        tests: Tests::Blows("rollback"),
        breaks: "what an attempt that was cut off removed comes back",
        file: FILE,
        from: "    unlink(path)?;
    if parent_of(path).is_dir() {",
        to: "    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    unlink(path)?;
    if parent_of(path).is_dir() {",
    },
    Mutant {
        name: "reserve-not-synced",
        tests: Tests::Blows("compatible_migration"),
        breaks: "a power cut gives away the room that the way back needs",
        file: FILE,
        from: "    made.and_then(|path| sync_parent(&path)).inspect_err(|_| {",
        to: "    made.map(drop).inspect_err(|_| {",
    },
    Mutant {
        name: "half-a-release",
        tests: Tests::Blows("vacuum_of_a_home"),
        breaks: "a tree that is half removed has the name of a release",
        file: "agent/src/update/keep.rs",
        from: "    Ok(remove_release(&releases)?)",
        to: "    Ok(durable::remove_tree(&releases)?)",
    },
    Mutant {
        name: "exchange-not-settled",
        tests: Tests::Blows("adopt"),
        breaks: "a power cut takes back what the journal says is done",
        file: "agent/src/update/step/adopt.rs",
        from: "        durable::remove_made(&release)?;
    }
    settle(walk)",
        to: "        durable::remove_made(&release)?;
    }
    Ok(())",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xtask::test::workspace;

    #[test]
    fn each_mistake_can_still_be_made() {
        let mut names: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MUTANTS.len(), "each has a name of its own");
        for Mutant { name, file, from, .. } in MUTANTS {
            let text = std::fs::read_to_string(workspace().join(file)).unwrap();
            let found = text.matches(from).count();
            assert_eq!(
                found, 1,
                "{name}: what it replaces occurs {found} times in {file}; tests/src/xtask/faults/mutants/list.rs must follow the code"
            );
        }
    }
}
