//! Where this machine's secrets are written: the application's own settings, the environments of its units, and the agent's
//! configuration. They are read to be looked for in other texts, and are kept nowhere.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use manifest_schema::profile::{DatabaseKind, KeptType, Profile};
use rustix::fs::{Mode, OFlags};

use crate::config::{self, Settings};
use crate::host::child::Child;
use crate::journal::{self, Journal};
use crate::layout::{AppLayout, Layout};
use crate::plan::{Manager, Plan};
use crate::redact::{Redactor, Secret, in_settings};

/// Bytes of one file that are read.
const LARGEST: u64 = 256 * 1024;
/// Files of one directory that are read.
const MOST: usize = 50;
/// How long systemd may take to answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Keys of the agent's configuration that sound like a secret's: they say where one is.
const NO_SECRETS: [&str; 2] = ["token_file", "token_credential"];
/// Endings of files of settings.
const ENDINGS: [&str; 9] = ["env", "conf", "cfg", "ini", "toml", "yaml", "yml", "json", "properties"];

/// What nobody may read of one update's application.
pub fn of_update(layout: &Layout, plan: &Plan) -> Redactor {
    Redactor::new(configuration(layout).chain(of_application(plan)).collect::<Vec<_>>())
}

/// What nobody may read of any application of this machine, as their last updates knew them.
pub fn of_all(layout: &Layout) -> Redactor {
    let instances = list(&layout.state());
    let last = instances.iter().filter_map(|state| newest(&state.join("updates")));
    Redactor::new(
        configuration(layout).chain(last.flat_map(|journal| of_application(journal.plan()))).collect::<Vec<_>>(),
    )
}

/// The update of the highest number whose plan can be read.
fn newest(updates: &Path) -> Option<Journal> {
    let mut paths = list(updates);
    paths.sort();
    paths.iter().rev().find_map(|path| journal::Journal::read(&path.join("journal.jsonl")).ok().flatten())
}

/// What is written in the configuration, and the tokens that it names.
fn configuration(layout: &Layout) -> impl Iterator<Item = Secret> {
    let (all, _) = config::load_each(layout);
    let tokens: Vec<Secret> = all.iter().filter_map(token).collect();
    let directories: Vec<PathBuf> =
        [layout.config()].into_iter().chain(list(&layout.config()).into_iter().filter(|path| path.is_dir())).collect();
    let files = directories.into_iter().flat_map(|directory| list(&directory));
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .flat_map(|path| in_file(&path))
        .filter(|secret| !NO_SECRETS.contains(&&*secret.name))
        .chain(tokens)
}

fn token(settings: &Settings) -> Option<Secret> {
    let token = settings.token.as_ref()?.read().ok()?;
    Some(Secret { name: "the token for GitHub".to_owned(), value: token.reveal().to_owned() })
}

fn of_application(plan: &Plan) -> Vec<Secret> {
    let app = AppLayout::new(&plan.instance.directory);
    let profiles: Vec<&Profile> = std::iter::once(&plan.to).chain(&plan.from).map(|side| &side.profile).collect();
    let mut files: Vec<PathBuf> = Vec::new();
    for place in [app.shared(), app.current().to_owned()] {
        files.extend(list(&place).into_iter().filter(|path| is_environment(path)));
        files.extend(profiles.iter().flat_map(|profile| named(profile, &place)));
    }
    let mut secrets = Vec::new();
    if plan.instance.manager == Manager::Systemd {
        let units = profiles.iter().flat_map(|profile| &profile.services).filter_map(|service| service.unit.as_deref());
        for unit in units.collect::<std::collections::BTreeSet<_>>() {
            let (environment, more) = environment_of(unit);
            secrets.extend(in_settings(&environment));
            files.extend(more);
        }
    }
    files.sort();
    files.dedup();
    secrets.extend(files.iter().flat_map(|path| in_file(path)));
    secrets
}

/// What the profile itself says about settings: where a database's URL is, and what survives an update.
fn named(profile: &Profile, place: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for database in &profile.databases {
        match &database.kind {
            DatabaseKind::Postgresql { url } => files.push(place.join(&url.file)),
            DatabaseKind::Sqlite { .. } | DatabaseKind::Command { .. } => {}
        }
    }
    for kept in &profile.keep {
        let path = place.join(&kept.path);
        match kept.kind {
            KeptType::File => files.push(path),
            KeptType::Directory => files.extend(list(&path).into_iter().filter(|path| is_settings(path)).take(MOST)),
        }
    }
    files
}

fn is_environment(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(".env") || name.ends_with(".env"))
}

fn is_settings(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    is_environment(path) || ENDINGS.contains(&ending)
}

/// `Environment=` of a unit, a line each, and its `EnvironmentFile=`s (systemd.exec(5)).
fn environment_of(unit: &str) -> (String, Vec<PathBuf>) {
    let arguments = ["--no-pager", "show", "--property=Environment,EnvironmentFiles", "--", unit];
    let Ok(ended) = Child::new("systemctl", LIMIT).args(arguments).run() else { return Default::default() };
    read_environment(&ended.out.text())
}

pub(crate) fn read_environment(text: &str) -> (String, Vec<PathBuf>) {
    let (mut variables, mut files) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("Environment=") {
            // Words with spaces are quoted as wholes: `A=b "C=d e"`.
            let words = words.split('"').enumerate().flat_map(|(number, part)| {
                if number % 2 == 1 { vec![part] } else { part.split(' ').collect::<Vec<_>>() }
            });
            variables.extend(words.map(|word| format!("{word}\n")));
        } else if let Some(file) = line.strip_prefix("EnvironmentFiles=") {
            files.push(PathBuf::from(file.split(" (ignore_errors=").next().unwrap_or(file)));
        }
    }
    (variables, files)
}

fn in_file(path: &Path) -> Vec<Secret> {
    in_settings(&read(path).unwrap_or_default())
}

/// The file is the application's: it could be a pipe, which would keep us waiting, or have no end.
fn read(path: &Path) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn list(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_unit_is_read_as_systemd_shows_it() {
        let (variables, files) = read_environment(
            "Environment=A=b \"SECRET=two words\" D=e\nEnvironmentFiles=/etc/kkt/env (ignore_errors=yes)\n",
        );
        assert!(
            variables.lines().any(|line| line == "SECRET=two words") && variables.lines().any(|line| line == "D=e")
        );
        assert_eq!(files, [PathBuf::from("/etc/kkt/env")]);
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_keeps_nobody_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert_eq!(read(&path), None);
    }
}
