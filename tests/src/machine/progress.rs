//! Long commands of the host, told in words: what runs, now and then how far it is, and its last lines when it fails.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long the reader waits for the next word.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `command`, tells `title` and now and then its latest line; fails with its last lines.
pub(super) fn tell(title: &str, command: &mut Command) -> Result<()> {
    eprintln!("machine: {title}");
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    let stderr = child.stderr.take().expect("stderr is piped");
    let complaints = std::thread::spawn(move || last_lines(BufReader::new(stderr), |_| ()));
    let mut told = Instant::now();
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut last = last_lines(BufReader::new(stdout), |line| {
        if told.elapsed() > PATIENCE {
            eprintln!("machine:   … {line}");
            told = Instant::now();
        }
    });
    let status = child.wait().with_context(|| format!("cannot wait for {command:?}"))?;
    if !status.success() {
        last.extend(complaints.join().unwrap_or_default());
        bail!("{title}: {command:?} ended with {status}:\n{}", last.join("\n"));
    }
    eprintln!("machine:   done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn last_lines(reader: impl BufRead, mut each: impl FnMut(&str)) -> Vec<String> {
    let mut last = std::collections::VecDeque::new();
    for line in reader.lines().map_while(Result::ok) {
        each(&line);
        last.push_back(line);
        if last.len() > 20 {
            last.pop_front();
        }
    }
    last.into()
}
