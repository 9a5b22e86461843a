//! What differs between two Debian packages, down to the section of a program and the words in it.
//!
//! A person who reads "the packages differ" cannot mend anything; one who reads a path of their own home in `.rodata` can.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// How many words of each side are shown.
const SHOWN: usize = 12;

/// What differs, a line each; nothing if the files are the same, byte for byte.
pub(super) fn packages(one: &Path, other: &Path) -> Result<Vec<String>> {
    if read(one)? == read(other)? {
        return Ok(Vec::new());
    }
    let mut found = listing(one, other)?;
    found.extend(files(one, other)?);
    if found.is_empty() {
        found.push(
            "only the archives around the files differ: the order, the times of members, the compression".to_owned(),
        );
    }
    Ok(found)
}

/// The SHA-256 of a file, in hex.
pub(super) fn digest(path: &Path) -> Result<String> {
    Ok(hex::encode(Sha256::digest(read(path)?)))
}

/// Names, modes, owners, sizes, times.
fn listing(one: &Path, other: &Path) -> Result<Vec<String>> {
    let list = |package: &Path| said(Command::new("dpkg-deb").args(["--contents"]).arg(package));
    Ok(only_in_each(&list(one)?, &list(other)?))
}

/// The files of both, with those that steer dpkg.
fn files(one: &Path, other: &Path) -> Result<Vec<String>> {
    let [ours, theirs] = [one, other].map(|package| {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        said(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(directory.path()))?;
        anyhow::Ok(directory)
    });
    let (ours, theirs) = (ours?, theirs?);
    let list = said(Command::new("find").args([".", "-type", "f"]).current_dir(ours.path()))?;
    let both = list.lines().map(|name| (name, ours.path().join(name), theirs.path().join(name)));
    let mut found = Vec::new();
    for (name, ours, theirs) in both.filter(|(_, _, theirs)| theirs.exists()) {
        let (one, other) = (read(&ours)?, read(&theirs)?);
        if one == other {
            continue;
        }
        let lines = if one.starts_with(b"\x7fELF") {
            program(&ours, &theirs)?
        } else {
            only_in_each(&text(&one), &text(&other))
        };
        found.push(format!("{name} differs"));
        found.extend(lines.into_iter().map(|line| format!("{name}: {line}")));
    }
    Ok(found)
}

/// The sections of two programs that are not the same, and their words.
fn program(one: &Path, other: &Path) -> Result<Vec<String>> {
    let (ours, theirs) = (sections(one)?, sections(other)?);
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut found = Vec::new();
    for name in names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)) {
        let (one, other) = (ours.get(name).cloned().unwrap_or_default(), theirs.get(name).cloned().unwrap_or_default());
        let offset = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
        found.push(format!("section {name}: {} and {} bytes, first differing at {offset}", one.len(), other.len()));
        found.extend(
            [("first", &one), ("second", &other)]
                .map(|(which, bytes)| format!("section {name}: there the {which} says {:?}", around(bytes, offset))),
        );
        let lines = only_in_each(&words(&one), &words(&other));
        found.extend(lines.into_iter().map(|line| format!("section {name}: {line}")));
    }
    Ok(found)
}

/// The bytes of each section, by its name (`readelf --sections --wide`: number, name, type, address, offset, size).
fn sections(program: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let bytes = read(program)?;
    let table = said(Command::new("readelf").args(["--sections", "--wide"]).arg(program).env("LC_ALL", "C"))?;
    let rows = table.lines().filter_map(|line| line.trim_start().strip_prefix('[')?.split_once(']'));
    let rows = rows.map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>());
    let number = |text: &str| usize::from_str_radix(text, 16).ok();
    let section = |row: Vec<&str>| {
        let (name, kind) = (*row.first()?, *row.get(1)?);
        let (start, size) = (number(row.get(3)?)?, number(row.get(4)?)?);
        // What is only room in memory has no bytes in the file.
        let end = if kind == "NOBITS" { start } else { start + size };
        Some((name.to_owned(), bytes.get(start..end)?.to_vec()))
    };
    Ok(rows.filter_map(section).collect())
}

/// What stands before and after a place, as far as it can be read.
fn around(bytes: &[u8], offset: usize) -> String {
    let (start, end) = (offset.saturating_sub(60).min(bytes.len()), (offset + 100).min(bytes.len()));
    String::from_utf8_lossy(bytes.get(start..end).unwrap_or_default()).into_owned()
}

/// What can be read in binary data, a line each, as strings(1) finds it.
fn words(bytes: &[u8]) -> String {
    let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let words = bytes.split(|byte| !printable(byte)).filter(|word| word.len() >= 6);
    words.map(|word| format!("{}\n", String::from_utf8_lossy(word))).collect()
}

fn only_in_each(one: &str, other: &str) -> Vec<String> {
    let (ours, theirs): (BTreeSet<&str>, BTreeSet<&str>) = (one.lines().collect(), other.lines().collect());
    let side = |which: &str, lines: Vec<&&str>| {
        let cut = |line: &str| line.chars().take(200).collect::<String>();
        lines.into_iter().take(SHOWN).map(|line| format!("only in the {which}: {}", cut(line))).collect::<Vec<_>>()
    };
    [side("first", ours.difference(&theirs).collect()), side("second", theirs.difference(&ours).collect())].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|error| words(error.as_bytes()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {complaints}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package with this program and this text; cargo is not needed to show what is found.
    fn package(directory: &Path, name: &str, program: &[u8], note: &str) -> std::path::PathBuf {
        let tree = directory.join(name);
        let control = "Package: it\nVersion: 1\nArchitecture: all\nMaintainer: who <a@example.org>\nDescription: it\n";
        for (path, bytes) in
            [("DEBIAN/control", control.as_bytes()), ("usr/it", program), ("usr/note", note.as_bytes())]
        {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let output = directory.join(format!("{name}.deb"));
        let mut build = Command::new("dpkg-deb");
        build.args(["--root-owner-group", "--build"]).arg(&tree).arg(&output).env("SOURCE_DATE_EPOCH", "1");
        said(&mut build).unwrap();
        output
    }

    #[test]
    fn what_differs_is_named_down_to_the_section_and_the_words_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let ours = fs::read("/usr/bin/dpkg-deb").unwrap();
        let word = b"debian-binary";
        let at = ours.windows(word.len()).position(|window| window == word).expect("dpkg-deb knows its own format");
        let mut theirs = ours.clone();
        theirs[at..at + 5].copy_from_slice(b"/home");
        let one = package(directory.path(), "one", &ours, "built at noon\n");
        let other = package(directory.path(), "other", &theirs, "built at night\n");
        let found = packages(&one, &other).unwrap();
        let has = |start: &str, word: &str| found.iter().any(|line| line.starts_with(start) && line.contains(word));
        assert!(has("./usr/it: section .rodata: there the second says", "/homen-binary"), "{found:#?}");
        assert!(has("./usr/note: only in the first", "built at noon"), "{found:#?}");
    }

    #[test]
    fn the_same_twice_is_the_same_and_a_mode_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let one = package(directory.path(), "one", b"it", "note\n");
        let same = package(directory.path(), "same", b"it", "note\n");
        assert_eq!(packages(&one, &same).unwrap(), [""; 0]);
        let note = directory.path().join("same/usr/note");
        fs::set_permissions(note, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let other = package(directory.path(), "same", b"it", "note\n");
        let found = packages(&one, &other).unwrap();
        assert!(found.iter().any(|line| line.contains("only in the second: -rw-------")), "{found:#?}");
    }
}
