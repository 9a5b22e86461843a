//! What preflight asks of `publish.toml`: the application's profile, the migrations, and the files that both name.

use std::collections::BTreeSet;

use manifest_schema::manifest::FileMode;
use manifest_schema::migration::MigrationType;
use manifest_schema::path::ReleasePath;

use super::Subject;
use crate::contents::ReleaseFile;
use crate::problem::Problem;

/// The profile, and the files that it and the migrations name.
pub(super) fn check(files: &[ReleaseFile], subject: &Subject<'_>, complete: bool, problems: &mut Vec<Problem>) {
    let application = &subject.config.application;
    problems.extend(application.check().err().map(Problem::Profile));
    problems.extend(files.iter().filter_map(|file| {
        let kept = application.kept(&file.path)?.path.clone();
        Some(Problem::Kept { path: file.path.clone(), kept })
    }));
    if let Some(minimum) = subject.minimum_version.filter(|minimum| *minimum > subject.version) {
        let (minimum, version) = (minimum.clone(), subject.version.clone());
        problems.push(Problem::MinimumVersion { minimum, version });
    }
    if complete {
        named_files(files, subject, problems);
    }
    migrations(subject, problems);
}

fn named_files(files: &[ReleaseFile], subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let paths: BTreeSet<&ReleasePath> = files.iter().map(|file| &file.path).collect();
    let units = subject
        .config
        .application
        .services
        .iter()
        .filter_map(|service| Some((format!("the service {}", service.name), service.unit_file.as_ref()?)));
    let steps = subject.config.migrations.iter();
    let steps = steps.map(|step| (format!("the migration of {}", step.version), &step.file));
    for (what, path) in units.chain(steps) {
        if !paths.contains(path) {
            problems.push(Problem::NotInRelease { what, path: path.clone() });
        }
    }
    let commands = subject.config.migrations.iter().filter(|step| step.kind == MigrationType::Command);
    for step in commands {
        if files.iter().any(|file| file.path == step.file && file.mode == FileMode::Plain) {
            problems.push(Problem::NotExecutable { file: step.file.clone() });
        }
    }
}

fn migrations(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let steps = &subject.config.migrations;
    for step in steps {
        let file = step.file.clone();
        if step.version > *subject.version {
            let (step, version) = (step.version.clone(), subject.version.clone());
            problems.push(Problem::LaterMigration { file: file.clone(), step, version });
        }
        if subject.config.application.database(&step.database).is_none() {
            problems.push(Problem::MigrationDatabase { file, database: step.database.to_string() });
        }
    }
    for pair in steps.windows(2) {
        if pair[0].version > pair[1].version {
            problems.push(Problem::MigrationOrder { file: pair[1].file.clone() });
        }
    }
}
