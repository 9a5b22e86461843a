//! Everything that anybody is told of the second update, and that no secret is in it.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use surefoot_tests::notes::World;

use super::{CANARY, Outcome};

/// Everything that anybody is told of the second update.
pub(super) struct Told {
    short: String,
    full: String,
    pub(super) json: serde_json::Value,
    pub(super) file: String,
    all: Vec<(&'static str, String)>,
}

pub(super) fn told(world: &World) -> anyhow::Result<Told> {
    let say = |arguments: &[&str]| -> anyhow::Result<String> {
        let answer = world.client.surefoot(arguments)?;
        Ok(answer.out + &answer.err)
    };
    let path = world.client.root().join("support.txt");
    let saved = world.client.surefoot(&["log", "2", "--save", path.to_str().unwrap()])?.well()?;
    let (short, full) = (say(&["log", "2"])?, say(&["log", "2", "--full"])?);
    let json = say(&["log", "2", "--json"])?;
    let file = std::fs::read_to_string(&path)?;
    let all = vec![
        ("log", short.clone()),
        ("log --full", full.clone()),
        ("log --json", json.clone()),
        ("log --save", saved.out),
        ("log --save -", say(&["log", "2", "--save", "-"])?),
        ("the file", file.clone()),
        ("status", say(&["status"])?),
        ("status --json", say(&["status", "--json"])?),
        ("history", say(&["history"])?),
        ("history --json", say(&["history", "--json"])?),
        ("the daemon's log", world.client.log()),
        ("the state", state(world)?),
    ];
    Ok(Told { short, full, json: serde_json::from_str(&json)?, file, all })
}

/// What the agent itself wrote of the update. Plan and manifest must hold what is run, and a service writes its own log.
fn state(world: &World) -> anyhow::Result<String> {
    let update = world.client.state().join("updates/0002-1.1.0");
    let mut text = std::fs::read_to_string(world.client.state().join("last-check.json"))?;
    for path in files(&update) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let content = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        match name.as_str() {
            "journal.jsonl" => text.extend(content.lines().skip(1)),
            name if name.starts_with("service-") || name == "manifest.json" => {}
            _ => text.push_str(&content),
        }
    }
    Ok(text)
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

impl Told {
    pub(super) fn keeps_secrets(&self) -> Outcome {
        for (what, text) in &self.all {
            let line = text.lines().find(|line| line.contains(CANARY));
            ensure!(line.is_none(), "{what} tells a secret: {}", line.unwrap_or_default());
        }
        Ok(())
    }

    pub(super) fn has(&self, all: &[&str]) -> Outcome {
        for wanted in all {
            for (what, text) in [("log", &self.short), ("log --full", &self.full), ("the file", &self.file)] {
                ensure!(flat(text).contains(&flat(wanted)), "{what} lacks {wanted:?}:\n{text}");
            }
        }
        Ok(())
    }
}

/// As if lines had no end, and without the marks of quoted lines.
pub(super) fn flat(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ")
}
