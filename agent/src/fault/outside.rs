//! Faults that are chosen from outside the process, in the program `surefoot-faults`. It is never shipped.
//!
//! The variable `SUREFOOT_FAULT` says where and what: `WHERE:WHAT`, or `@FILE`, a file that holds that and is read again at
//! each point (that it is not there means: nowhere). WHERE is a number, counted from 0 over all points of the process, or the
//! name of a point or boundary such as `begun migrate`, its first occurrence meant; `begun backup#2` is the second. WHAT is one of
//!
//! - `park`: the process stops (SIGSTOP), and whoever waits for it does what he came for;
//! - `kill`: it is gone (SIGKILL);
//! - `error=N`: the system call fails with this number (errno(3)); at a boundary that is nothing.
//!
//! `SUREFOOT_FAULT_TRACE` names a file to which the name of each point is appended, a line each.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Error, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Signal, getpid, kill_process};

static PASSED: AtomicUsize = AtomicUsize::new(0);
/// How often each name was passed.
static NAMES: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
static STRUCK: AtomicBool = AtomicBool::new(false);

pub(crate) fn point(name: &'static str) -> std::io::Result<()> {
    pass(name)
}

pub(crate) fn boundary(record: &'static str, step: Option<&'static str>) {
    let name = step.map_or_else(|| record.to_owned(), |step| format!("{record} {step}"));
    // Between two steps there is no system call that could fail.
    let _ = pass(&name);
}

fn pass(name: &str) -> std::io::Result<()> {
    trace(name);
    let number = PASSED.fetch_add(1, Ordering::Relaxed);
    let occurrence = count(name);
    match chosen() {
        Some((place, what)) if place.parse() == Ok(number) || is_here(&place, name, occurrence) => strike(&what),
        Some(_) | None => Ok(()),
    }
}

fn count(name: &str) -> usize {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let count = names.entry(name.to_owned()).or_default();
    *count += 1;
    *count
}

fn is_here(place: &str, name: &str, occurrence: usize) -> bool {
    match place.split_once('#') {
        Some((wanted, which)) => wanted == name && which.parse() == Ok(occurrence),
        None => place == name,
    }
}

/// Only once: whoever goes on after it must come to an end.
fn strike(what: &str) -> std::io::Result<()> {
    if STRUCK.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    match what {
        "park" => Ok(kill_process(getpid(), Signal::STOP)?),
        "kill" => Ok(kill_process(getpid(), Signal::KILL)?),
        other => match other.strip_prefix("error=").and_then(|number| number.parse().ok()) {
            Some(number) => Err(Error::from_raw_os_error(number)),
            None => Err(Error::other(format!("SUREFOOT_FAULT: {other:?} is none of park, kill, error=N"))),
        },
    }
}

fn chosen() -> Option<(String, String)> {
    let text = std::env::var("SUREFOOT_FAULT").ok()?;
    let text = match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).ok()?,
        None => text,
    };
    let (place, what) = text.trim().rsplit_once(':')?;
    Some((place.to_owned(), what.to_owned()))
}

/// A trace that cannot be written is missed by whoever reads it.
fn trace(name: &str) {
    let Ok(path) = std::env::var("SUREFOOT_FAULT_TRACE") else { return };
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
        let _ = writeln!(file, "{name}");
    }
}
