//! One target: libFuzzer's options (<https://llvm.org/docs/LibFuzzer.html>), and where its files lie.
//!
//! What it is fed with begins with `fuzz/corpus/TARGET`, which is small and committed. What it finds on its way grows in
//! `target/fuzz/corpus/TARGET`. What breaks it is made as short as it can be within some seconds and goes into the first, as
//! `found-` and the beginning of its hash, where the tests find it from then on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use manifest_schema::digest::Sha256;

use super::report::{Broke, Report};
use crate::xtask::test::workspace;

/// Memory that a target may take: the agent is to run on small machines.
const MEGABYTES: u32 = 1024;
/// Seconds for one input: whoever can make the agent think for longer can keep it from working.
const LONGEST: u32 = 10;
/// Seconds for making one input shorter.
const SHORTENING: u32 = 20;

/// Another seed of libFuzzer's each time, and always the same one.
pub(super) const ANY: u32 = 0;
pub(super) const SAME: u32 = 1;

/// Feeds a target for so long.
pub(super) fn feed(name: &str, time: Duration, seed: u32) -> Result<Report> {
    let (grown, found) = (made("corpus", name)?, made("found", name)?);
    let before = count(&grown)?;
    let mut command = program(name)?;
    command.arg(format!("-max_total_time={}", time.as_secs().max(1)));
    command.arg(format!("-artifact_prefix={}/", found.display()));
    command.arg(format!("-seed={seed}"));
    command.args(["-print_final_stats=1", "-reload=0"]).arg(&grown).arg(committed(name));
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let broke = if output.status.success() { None } else { Some(keep(name, &found, &said)?) };
    Ok(Report::read(name, &said, count(&grown)?.saturating_sub(before), broke))
}

/// The fewest of the files that have grown which reach as much as all of them.
pub(super) fn minimise(name: &str) -> Result<()> {
    let (grown, fewest) = (made("corpus", name)?, made("fewest", name)?);
    let before = count(&grown)?;
    let mut command = program(name)?;
    command.arg("-merge=1").arg(&fewest).arg(&grown);
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    std::fs::remove_dir_all(&grown).and_then(|()| std::fs::rename(&fewest, &grown)).context("cannot replace it")?;
    println!("{name}: {before} files, and {} that reach as much", count(&grown)?);
    Ok(())
}

/// Keeps what broke a target, made as short as it can be.
fn keep(name: &str, found: &Path, said: &str) -> Result<Broke> {
    let words = Report::words(said);
    let Some(path) = said.lines().find_map(|line| Some(PathBuf::from(line.split_once("Test unit written to ")?.1)))
    else {
        return Ok(Broke { words, kept: None });
    };
    let shorter = found.join("shorter");
    let mut command = program(name)?;
    command.args(["-minimize_crash=1".to_owned(), format!("-max_total_time={SHORTENING}")]);
    command.arg(format!("-exact_artifact_path={}", shorter.display())).arg(&path);
    // Nothing shorter may break it: then the file is kept as it was found.
    let _ = command.output();
    let bytes = std::fs::read(&shorter).or_else(|_| std::fs::read(&path)).context("what was found is gone")?;
    let _ = std::fs::remove_file(&shorter);
    let kept = committed(name).join(format!("found-{}", &Sha256::of(&bytes).to_string()[..12]));
    std::fs::write(&kept, bytes).with_context(|| format!("cannot write {}", kept.display()))?;
    Ok(Broke { words, kept: Some(kept) })
}

fn program(name: &str) -> Result<Command> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let path = workspace().join("target/fuzz").join(triple).join("debug").join(name);
    ensure!(path.exists(), "{} was not built", path.display());
    let mut command = Command::new("nice");
    command.arg(path).args([format!("-rss_limit_mb={MEGABYTES}"), format!("-timeout={LONGEST}")]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

/// The part of the corpus that is committed.
fn committed(name: &str) -> PathBuf {
    workspace().join("fuzz/corpus").join(name)
}

fn made(kind: &str, name: &str) -> Result<PathBuf> {
    let directory = workspace().join("target/fuzz").join(kind).join(name);
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}

fn count(directory: &Path) -> Result<usize> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    Ok(entries.count())
}
