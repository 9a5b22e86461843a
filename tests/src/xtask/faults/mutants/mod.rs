//! The mutation check: whether the tests see what they are there to see. Each mistake of the list is made in a copy of the
//! workspace, and its tests must fail.

mod copy;
mod list;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use anyhow::{Context, ensure};

use self::copy::Copy;
use self::list::{MUTANTS, Mutant, Tests};

/// What became of a mistake.
enum Fate {
    /// The test that failed.
    Caught(String),
    Survived,
    /// What the compiler says.
    NotCompiled(String),
}

/// Makes each mistake, or only the one of this name, and tells by which test it was caught.
///
/// # Errors
/// When one survives or does not compile.
pub fn mutants(only: Option<&str>) -> anyhow::Result<()> {
    let chosen: Vec<&Mutant> = MUTANTS.iter().filter(|mutant| only.is_none_or(|only| only == mutant.name)).collect();
    ensure!(!chosen.is_empty(), "there is no mutant of this name");
    let copy = Copy::make()?;
    // The tests start the built program; no mistake is in what they start.
    copy.cargo(&["build", "--quiet", "--package", "surefoot"])?;
    println!("{:25}{:45}{:>10}", "mistake", "caught by", "s");
    let mut bad = Vec::new();
    for mutant in &chosen {
        let start = Instant::now();
        let words = match fate(mutant, &copy)? {
            Fate::Caught(test) => test,
            Fate::Survived => {
                bad.push(format!("{} survived: {}", mutant.name, mutant.breaks));
                "SURVIVED".to_owned()
            }
            Fate::NotCompiled(error) => {
                bad.push(format!("{} does not compile: {error}", mutant.name));
                "DOES NOT COMPILE".to_owned()
            }
        };
        println!("{:25}{:45}{:>10.0}", mutant.name, short(&words), start.elapsed().as_secs_f64());
    }
    ensure!(bad.is_empty(), "{}", bad.join("\n"));
    println!("{} mistakes, all of them caught", chosen.len());
    Ok(())
}

fn fate(mutant: &Mutant, copy: &Copy) -> anyhow::Result<Fate> {
    let path = copy.path(mutant.file);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    ensure!(text.matches(mutant.from).count() == 1, "{}: {} has changed", mutant.name, mutant.file);
    std::fs::write(&path, text.replace(mutant.from, mutant.to))?;
    let fate = judge(mutant, copy);
    std::fs::write(&path, text)?;
    fate
}

fn judge(mutant: &Mutant, copy: &Copy) -> anyhow::Result<Fate> {
    let built = copy.run(&["test", "--quiet", "--package", "surefoot", "--lib", "--no-run"])?;
    if !built.status.success() {
        return Ok(Fate::NotCompiled(String::from_utf8_lossy(&built.stderr).into_owned()));
    }
    let ran = copy.run(&["nextest", "run", "--package", "surefoot", "--lib", "-E", &mutant.tests.filter()])?;
    if ran.status.success() {
        return Ok(Fate::Survived);
    }
    failed_test(&ran).map(Fate::Caught).with_context(|| {
        format!("{}: no test failed, and they ended with {}:\n{}", mutant.name, ran.status, text_of(&ran))
    })
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `FAIL [ 1.234s] (1/2) surefoot update::tests::…`
fn failed_test(output: &Output) -> Option<String> {
    let text = text_of(output);
    let line = text.lines().find(|line| line.trim_start().starts_with("FAIL ["))?;
    line.split_whitespace().last().map(str::to_owned)
}

/// The test's name without the rooms that all of them share.
fn short(test: &str) -> String {
    let test = test.trim_start_matches("update::tests::").trim_start_matches("faults::");
    let (module, name) = test.rsplit_once("::").unwrap_or(("", test));
    let module = match module {
        "a_blow_at_every_point_and_another_in_the_recovery" => "blows",
        "a_disk_that_refuses_from_any_point_on" => "denials",
        other => other,
    };
    let words = if module.is_empty() { name.to_owned() } else { format!("{module}: {name}") };
    words.chars().take(44).collect::<String>().replace('_', " ")
}

impl Tests {
    fn filter(&self) -> String {
        let faults = "update::tests::faults";
        match self {
            Self::Blows(name) => format!("test(={faults}::a_blow_at_every_point_and_another_in_the_recovery::{name})"),
            Self::Disk(name) => format!("test(={faults}::a_disk_that_refuses_from_any_point_on::{name})"),
            Self::Of(filter) => (*filter).to_owned(),
        }
    }
}

/// A place below the workspace's target directory.
fn below(top: &Path, name: &str) -> PathBuf {
    top.join("target/mutants").join(name)
}
