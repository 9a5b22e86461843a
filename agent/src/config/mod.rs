//! Configuration: which files there are, what a file may say, and the settings that the rest of the program uses.
//!
//! One file an instance: `/etc/surefoot/NAME.toml`, and drop-ins `/etc/surefoot/NAME.d/*.toml`, whose keys win in the
//! order of their names. A key that is not known and a file that nobody reads are errors: a misspelt setting must not
//! be a setting that is silently not there.

mod file;
mod github;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use manifest_schema::path::Name;

pub use file::{
    CheckOverride, DatabaseFile, File, GitHubFile, HealthOverride, PolicyFile, ScheduleFile, ServiceOverride,
};
pub use settings::{Policy, Schedule, Settings};

use crate::layout::Layout;
use crate::redact::Redactor;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not TOML, or has a key or a type that it may not have.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where and what, as the reader put it.
        message: String,
    },
    /// A setting has no meaning on this machine.
    #[error("{}: {setting}: {reason}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting's key.
        setting: &'static str,
        /// Why.
        reason: String,
    },
    /// A file that nobody reads.
    #[error("{}: nothing reads this file; instances are configured in NAME.toml and NAME.d/*.toml", .0.display())]
    Stray(PathBuf),
    /// Two instances in one place.
    #[error("{} and {} both claim the directory {}", one.display(), other.display(), directory.display())]
    Claimed {
        /// One instance's file.
        one: PathBuf,
        /// The other's.
        other: PathBuf,
        /// The directory.
        directory: PathBuf,
    },
    /// No such instance.
    #[error("there is no instance {name}: {} does not exist", path.display())]
    NoInstance {
        /// What was asked for.
        name: String,
        /// Where it would be configured.
        path: PathBuf,
    },
    /// No instance at all.
    #[error("nothing is configured: {} holds no NAME.toml", .0.display())]
    Empty(PathBuf),
    /// More than one instance, and none was named.
    #[error("there is more than one instance: say which ({})", .0.join(", "))]
    Which(Vec<String>),
}

/// All instances of this machine, by name.
///
/// # Errors
/// With the first thing that is wrong in any of the files: they are used together or not at all.
pub fn load(layout: &Layout) -> Result<Vec<Settings>, ConfigError> {
    let (all, mut problems) = load_each(layout);
    if problems.is_empty() { Ok(all) } else { Err(problems.remove(0)) }
}

/// What can be used, and everything that is wrong with the rest: for `surefoot config check`.
pub fn load_each(layout: &Layout) -> (Vec<Settings>, Vec<ConfigError>) {
    let directory = layout.config();
    let (names, mut problems) = instances(&directory);
    let mut all = Vec::new();
    for name in names {
        match load_one(&directory, &name) {
            Ok(settings) => all.push(settings),
            Err(error) => problems.push(error),
        }
    }
    problems.extend(check_claims(&all).and_then(|()| check_groups(&all)).err());
    (all, problems)
}

/// The instance of this name, or the only one where none is named.
///
/// # Errors
/// As [`load`], and when it does not exist or is not the only one.
pub fn select(layout: &Layout, name: Option<&str>) -> Result<Settings, ConfigError> {
    let mut all = load(layout)?;
    if let Some(name) = name {
        let path = layout.config().join(format!("{name}.toml"));
        return all
            .into_iter()
            .find(|settings| settings.instance.name.as_str() == name)
            .ok_or(ConfigError::NoInstance { name: name.to_owned(), path });
    }
    match all.len() {
        0 => Err(ConfigError::Empty(layout.config())),
        1 => Ok(all.remove(0)),
        _ => Err(ConfigError::Which(all.iter().map(|settings| settings.instance.name.to_string()).collect())),
    }
}

/// The names of the instances; whatever lies there and is neither a file of theirs nor a key is an error.
fn instances(directory: &Path) -> (Vec<Name>, Vec<ConfigError>) {
    let (mut names, mut drop_ins, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let paths = list(directory).unwrap_or_else(|error| {
        problems.push(error);
        Vec::new()
    });
    for path in paths {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        match (path.extension().and_then(|extension| extension.to_str()), stem.parse::<Name>()) {
            (Some("toml"), Ok(name)) => names.push(name),
            (Some("d"), Ok(name)) if path.is_dir() => drop_ins.push((name, path)),
            // Pinned roots and tokens lie beside the files that name them.
            (Some("json" | "token"), _) => {}
            _ => problems.push(ConfigError::Stray(path)),
        }
    }
    let strays = drop_ins.into_iter().filter(|(name, _)| !names.contains(name));
    problems.extend(strays.map(|(_, path)| ConfigError::Stray(path)));
    (names, problems)
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let read = |source| ConfigError::Read { path: directory.to_owned(), source };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry.map_err(read)?.path())).collect::<Result<_, ConfigError>>()?;
    paths.sort();
    Ok(paths)
}

fn load_one(directory: &Path, name: &Name) -> Result<Settings, ConfigError> {
    let path = directory.join(format!("{name}.toml"));
    let mut table = read_table(&path)?;
    for drop_in in list(&directory.join(format!("{name}.d")))? {
        if drop_in.extension().is_none_or(|extension| extension != "toml") {
            return Err(ConfigError::Stray(drop_in));
        }
        merge(&mut table, read_table(&drop_in)?);
    }
    resolve(name, path, table)
}

/// The settings that the merged keys come to.
pub(crate) fn resolve(name: &Name, path: PathBuf, table: toml::Table) -> Result<Settings, ConfigError> {
    let file = File::try_from_table(table).map_err(|message| ConfigError::Content { path: path.clone(), message })?;
    Settings::resolve(name.clone(), path, file)
}

/// One file, read as what it may say, so that a mistake is told with the file's name and line, then as a table to merge.
fn read_table(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    understand(path, &text)
}

/// What a file says.
pub(crate) fn understand(path: &Path, text: &str) -> Result<toml::Table, ConfigError> {
    let content =
        |error: toml::de::Error| ConfigError::Content { path: path.to_owned(), message: without_secrets(&error) };
    toml::from_str::<file::Partial>(text).map_err(content)?;
    toml::from_str(text).map_err(content)
}

/// The reader of TOML shows the line with the mistake, and a misplaced password is a mistake, too.
fn without_secrets(error: &toml::de::Error) -> String {
    Redactor::default().apply(error.to_string().trim_end())
}

/// Lets the keys of `over` win over those of `table`, table by table.
fn merge(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(over)) => merge(inner, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn check_claims(all: &[Settings]) -> Result<(), ConfigError> {
    let mut seen: BTreeMap<&Path, &Settings> = BTreeMap::new();
    for settings in all {
        if let Some(other) = seen.insert(&settings.instance.directory, settings) {
            return Err(ConfigError::Claimed {
                one: other.path.clone(),
                other: settings.path.clone(),
                directory: settings.instance.directory.clone(),
            });
        }
    }
    Ok(())
}

/// The agent's socket has one group, and so have those who may come to it.
fn check_groups(all: &[Settings]) -> Result<(), ConfigError> {
    let mut named = all.iter().filter_map(|settings| Some((settings, settings.group.as_ref()?)));
    let Some((first, group)) = named.next() else { return Ok(()) };
    let Some((other, theirs)) = named.find(|(_, theirs)| *theirs != group) else { return Ok(()) };
    let reason = format!(
        "it is {:?} here and {:?} in {}: all instances that name a group name the same one",
        theirs.name,
        group.name,
        first.path.display()
    );
    Err(ConfigError::Setting { path: other.path.clone(), setting: "group", reason })
}

#[cfg(test)]
mod tests;
