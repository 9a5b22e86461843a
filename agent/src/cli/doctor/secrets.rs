//! Whether those can read the application's secrets who should: its own user and root.
//!
//! A file that others can read works; somebody should know. One that the agent would refuse to read stops an update. The token
//! for a private repository is the agent's own, and looked at where it is read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use manifest_schema::profile::{DatabaseKind, KeptType, Profile};

use crate::cli::finding::Finding;
use crate::config::Settings;
use crate::durable;
use crate::host;
use crate::plan::User;

pub(super) fn look(settings: &Settings, profile: &Profile) -> Vec<Finding> {
    let shared = settings.app().shared();
    let user = settings.instance.user.as_ref();
    let there = files(profile).into_iter().map(|file| shared.join(file));
    there.filter(|path| std::fs::symlink_metadata(path).is_ok()).map(|path| judge(&path, user)).collect()
}

/// Where settings are: what a database's URL is in, and what survives and is named like an environment.
fn files(profile: &Profile) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for database in &profile.databases {
        match &database.kind {
            DatabaseKind::Postgresql { url } => files.push(AsRef::<Path>::as_ref(&url.file).to_owned()),
            DatabaseKind::Sqlite { .. } | DatabaseKind::Command { .. } => {}
        }
    }
    let kept = profile.keep.iter().filter(|kept| kept.kind == KeptType::File && kept.path.as_str().contains(".env"));
    files.extend(kept.map(|kept| AsRef::<Path>::as_ref(&kept.path).to_owned()));
    files.sort();
    files.dedup();
    files
}

fn judge(path: &Path, user: Option<&User>) -> Finding {
    let what = path.display().to_string();
    let is = match durable::open_file(path).and_then(|file| file.metadata()) {
        Ok(is) => is,
        Err(error) => {
            return Finding::missing(what, format!("it cannot be used: {error}"), "Put the file itself there");
        }
    };
    let own = user.map_or_else(|| nix::unistd::geteuid().as_raw(), |user| user.uid);
    if is.nlink() > 1 {
        let says = format!("it has {} names (hard links): whoever has another one reads it there", is.nlink());
        let advice = "Find them with find -samefile, and make it a file of its own: cp --preserve, then mv";
        let is_refused = user.is_some() && is.uid() != own;
        let finding = if is_refused { Finding::missing } else { Finding::warning };
        return finding(what, says, advice.to_owned());
    }
    if let Ok(target) = std::fs::read_link(path) {
        let says = format!("it is a link to {}", target.display());
        return Finding::warning(what, says, "Nothing of it is backed up: put the file itself there");
    }
    match others(&is, own, user) {
        Some(says) => Finding::warning(what, says, format!("Run chmod 600 {0}, and chown if need be", path.display())),
        None => Finding::good(what, "nobody reads it who should not"),
    }
}

/// Who reads it that should not.
fn others(is: &Metadata, own: u32, user: Option<&User>) -> Option<String> {
    let mode = is.mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Some(format!("everybody on this machine can come at it (mode {mode:04o})"));
    }
    let is_own_group = is.gid() == 0 || user.is_some_and(|user| user.gid == is.gid());
    if mode & 0o070 != 0 && !is_own_group {
        return Some(format!("its group {} can come at it (mode {mode:04o})", group_name(is.gid())));
    }
    let is_own = is.uid() == 0 || is.uid() == own;
    (!is_own).then(|| format!("it belongs to {}", host::user_name(is.uid())))
}

fn group_name(gid: u32) -> String {
    let group = nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(gid)).ok().flatten();
    group.map_or_else(|| gid.to_string(), |group| group.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, lchown};

    use super::*;
    use crate::cli::finding::Mark;

    const USER: u32 = 65534;

    fn told(path: &Path) -> (Mark, String) {
        let user = User { name: "nobody".to_owned(), uid: USER, gid: USER };
        let finding = judge(path, Some(&user));
        (finding.mark, finding.says)
    }

    #[test]
    fn a_secret_that_others_read_is_a_link_or_has_two_names_is_told() {
        assert!(rustix::process::geteuid().is_root(), "this test gives files away, which only root can");
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32, uid: u32, gid: u32| {
            let path = dir.path().join(name);
            durable::write_atomic(&path, b"PASSWORD=x", mode).unwrap();
            chown(&path, Some(uid), Some(gid)).unwrap();
            path
        };
        assert_eq!(told(&file("good", 0o600, USER, USER)).0, Mark::Good);
        assert_eq!(told(&file("roots", 0o640, 0, USER)).0, Mark::Good);
        let (mark, says) = told(&file("open", 0o644, USER, USER));
        assert!(mark == Mark::Warning && says.contains("everybody") && says.contains("0644"), "{says}");
        assert!(told(&file("group", 0o640, USER, 1)).1.contains("its group daemon"));
        let token = judge(&file("token", 0o640, 0, USER), None);
        assert!(token.mark == Mark::Warning && token.says.contains("its group"), "{token:?}");
        assert!(told(&file("anothers", 0o600, 1, USER)).1.contains("belongs to daemon"));

        let link = dir.path().join("link");
        durable::replace_link(&link, &file("meant", 0o600, USER, USER)).unwrap();
        assert_eq!(told(&link), (Mark::Warning, format!("it is a link to {}", dir.path().join("meant").display())));
        let own = dir.path().join("home");
        durable::make_dir(&own, 0o755).unwrap();
        durable::replace_link(&own.join("link"), &file("secret", 0o600, 0, 0)).unwrap();
        lchown(own.join("link"), Some(USER), Some(USER)).unwrap();
        let (mark, says) = told(&own.join("link"));
        assert!(mark == Mark::Missing && says.contains("belongs to somebody else"), "{says}");

        for (name, uid, wanted) in [("his", USER, Mark::Warning), ("another", 0, Mark::Missing)] {
            let named = file(name, 0o600, uid, uid);
            rustix::fs::link(&named, own.join(name)).unwrap();
            let (mark, says) = told(&own.join(name));
            assert!(mark == wanted && says.contains("2 names (hard links)"), "{name}: {says}");
        }
    }
}
