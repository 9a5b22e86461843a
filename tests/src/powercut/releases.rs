//! What the vendor publishes, and what each release must look like on a machine, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::command::run;
use super::place;
use crate::notes::{Change, Vendor};

const PROFILE: &str = include_str!("../../apps/ledger/publish.toml");

/// A release: its version, the column that holds a row's text, the migrations that it brings.
struct Release {
    version: &'static str,
    column: &'static str,
    migrations: &'static [&'static str],
    is_compatible: bool,
    is_ill: bool,
}

const ENTRIES: &str = "create table entries (id serial primary key, text text not null, author text not null);\n";
const BODY: &str = "alter table entries rename column text to body;\n";
const TAGS: &str = "create table tags (name text primary key);\ninsert into tags values ('none');\n\
                    update entries set body = upper(body);\n";
const NOTE: &str = "alter table entries add column note text;\n";
const LINE: &str = "alter table entries rename column body to line;\n";

const RELEASES: [Release; 6] = [
    Release { version: "1.0.0", column: "text", migrations: &[], is_compatible: false, is_ill: false },
    // 1.0.0 cannot live with either of these.
    Release { version: "1.1.0", column: "body", migrations: &[BODY, TAGS], is_compatible: false, is_ill: false },
    Release { version: "1.1.1", column: "body", migrations: &[], is_compatible: false, is_ill: false },
    Release { version: "1.2.0", column: "body", migrations: &[NOTE], is_compatible: true, is_ill: false },
    Release { version: "1.3.0", column: "line", migrations: &[LINE], is_compatible: false, is_ill: true },
    Release { version: "1.3.1", column: "line", migrations: &[], is_compatible: false, is_ill: false },
];

/// Whether a release is older than another. No number has two digits.
pub(super) fn is_older(one: &str, other: &str) -> bool {
    one < other
}

/// Publishes all releases.
pub(super) fn publish() -> anyhow::Result<()> {
    fs::create_dir_all(place::vendor())?;
    fs::create_dir_all(place::trees())?;
    let mut vendor = Vendor::of(&place::vendor(), "ledger", PROFILE, fill)?;
    for release in &RELEASES {
        let edit = |checkout: &Path| release.write(checkout).expect("the checkout can be written");
        let words = if release.is_ill { "A mistake" } else { "Something new" };
        vendor.release(
            release.version,
            words,
            Change { edit: Some(&edit), ill: release.is_ill, ..Change::default() },
        )?;
        keep_tree(vendor.checkout(), release.version)?;
    }
    Ok(())
}

/// What is in every release: the application, and enough of other files to be cut off among.
fn fill(checkout: &Path) -> anyhow::Result<()> {
    run(Command::new("cp").arg("-a").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/apps/ledger/tree/.")).arg(checkout))?;
    fs::create_dir_all(checkout.join("sql"))?;
    fs::create_dir_all(checkout.join("static"))?;
    fs::write(checkout.join("migrations/100_entries.sql"), ENTRIES)?;
    Ok(())
}

impl Release {
    fn write(&self, checkout: &Path) -> anyhow::Result<()> {
        let Self { version, column, .. } = self;
        let text = if *version == "1.0.0" { ":'text'" } else { "upper(:'text')" };
        let tags = if *version == "1.0.0" { "" } else { "select name from tags limit 1;\n" };
        let note = if self.is_compatible { "select note from entries limit 1;\n" } else { "" };
        let insert = format!("insert into entries ({column}, author) values ({text}, :'author');\n");
        fs::write(checkout.join("sql/insert.sql"), insert)?;
        fs::write(checkout.join("sql/health.sql"), format!("select {column} from entries limit 1;\n{tags}{note}"))?;
        for number in 0..12 {
            let line = format!("{version}: page {number}, which differs in each release\n");
            fs::write(checkout.join(format!("static/{number}.txt")), line.repeat(40 * (number + 1)))?;
        }
        let mut profile = fs::read_to_string(checkout.join("publish.toml"))?;
        for (number, sql) in self.migrations.iter().enumerate() {
            let file = format!("migrations/{}_{number}.sql", version.replace('.', ""));
            fs::write(checkout.join(&file), sql)?;
            profile += &format!(
                "\n[[migrations]]\nversion = \"{version}\"\ntype = \"sql\"\nfile = \"{file}\"\n\
                 description = \"Migration {number} of {version}\"\ncompatible_with_previous = {}\n",
                self.is_compatible
            );
        }
        let (patient, quick) = ("start_within_seconds = 30", "start_within_seconds = 2");
        profile = match self.is_ill {
            true => profile.replace(patient, quick),
            false => profile.replace(quick, patient),
        };
        Ok(fs::write(checkout.join("publish.toml"), profile)?)
    }
}

fn keep_tree(checkout: &Path, version: &str) -> anyhow::Result<()> {
    let (tree, archive) = (place::trees().join(version), place::scratch().join("tree.tar"));
    fs::create_dir_all(&tree)?;
    let mut git = Command::new("git");
    run(git.arg("-C").arg(checkout).args(["archive", "--output"]).arg(&archive).arg(format!("v{version}")))?;
    run(Command::new("tar").arg("-C").arg(&tree).arg("-xf").arg(&archive)).map(drop)
}

/// Every file of a tree by its path: mode and content. Links lead to what survives and are no file.
fn files(top: &Path) -> anyhow::Result<BTreeMap<PathBuf, (u32, Vec<u8>)>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![top.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
            let (path, kind) =
                (entry.as_ref().map_or_else(|_| PathBuf::new(), fs::DirEntry::path), entry?.file_type()?);
            if kind.is_dir() {
                directories.push(path);
            } else if kind.is_file() {
                let executable = path.metadata()?.permissions().mode() & 0o111;
                found.insert(path.strip_prefix(top)?.to_owned(), (executable, fs::read(&path)?));
            }
        }
    }
    Ok(found)
}

/// Insists that what is installed in `directory` is this release, whole: every file as it was published.
pub(super) fn insist_whole(directory: &Path, version: &str) -> anyhow::Result<()> {
    let (wanted, found) = (files(&place::trees().join(version))?, files(directory)?);
    let is_published = |path: &Path| !IGNORED.iter().any(|name| path.starts_with(name));
    for (path, content) in wanted.iter().filter(|(path, _)| is_published(path)) {
        ensure!(found.contains_key(path), "{version} in {} lacks {}", directory.display(), path.display());
        ensure!(found.get(path) == Some(content), "{} of {version} is another file", path.display());
    }
    Ok(())
}

/// What the vendor's checkout holds and a release does not, if anything.
const IGNORED: [&str; 4] = [".gitignore", ".releaseignore", ".surefoot", "publish.toml"];
