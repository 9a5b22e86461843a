//! Faults of a test: each thread counts the points that it passes, and has one of them strike.

use std::cell::{Cell, RefCell};
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// What happens at the chosen point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The system call fails with `EIO`.
    Error,
    /// The process is gone: a panic that the test catches, nothing is cleaned up on the disk.
    Crash,
}

/// What happens at the chosen point and at each one after it.
pub(crate) trait Lasting {
    /// Passes a point.
    ///
    /// # Errors
    /// When the system call failed.
    fn pass(&mut self) -> Result<()>;

    /// What the system says, as this fault has it said.
    fn felt(&self, error: Error) -> Error {
        error
    }
}

/// What this thread is in for.
enum Chosen {
    Nothing,
    Once(usize, Fault),
    From(usize, Box<dyn Lasting>),
}

thread_local! {
    static IN_ONE_PROCESS: Cell<bool> = const { Cell::new(false) };
    static PASSED: Cell<usize> = const { Cell::new(0) };
    static HIT: Cell<&'static str> = const { Cell::new("none") };
    static CHOSEN: RefCell<Chosen> = const { RefCell::new(Chosen::Nothing) };
}

/// The panic of [`Fault::Crash`].
pub(crate) struct Crashed;

pub(crate) fn point(name: &'static str) -> Result<()> {
    point_after(name, || {})
}

/// A tree is removed name by name: where this point strikes, the first of its files is gone and the rest is there.
#[expect(clippy::disallowed_methods, reason = "it stands for a part of what the disk's one writer does")]
pub(crate) fn halfway(tree: &Path) -> Result<()> {
    let Some(first) = first_file(tree) else { return Ok(()) };
    point_after("remove directory halfway", || {
        let _ = std::fs::remove_file(first);
    })
}

fn first_file(tree: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(tree).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let is_directory = |path: &PathBuf| path.is_dir() && !path.is_symlink();
    entries.into_iter().find_map(|path| if is_directory(&path) { first_file(&path) } else { Some(path) })
}

/// Passes a point at which `part` has happened already if it strikes.
fn point_after(name: &'static str, part: impl FnOnce()) -> Result<()> {
    let number = PASSED.get();
    PASSED.set(number + 1);
    let fault = CHOSEN.with_borrow_mut(|chosen| match chosen {
        Chosen::Once(at, fault) if *at == number => {
            HIT.set(name);
            part();
            Some(*fault)
        }
        Chosen::From(at, lasting) if *at <= number => {
            if *at == number {
                HIT.set(name);
            }
            lasting.pass().err().map(|_| Fault::Error)
        }
        Chosen::Nothing | Chosen::Once(..) | Chosen::From(..) => None,
    });
    match fault {
        Some(Fault::Error) => Err(Errno::IO.into()),
        Some(Fault::Crash) => crash(),
        None => Ok(()),
    }
}

/// Ends the agent here, as a kill does.
pub(crate) fn crash() -> ! {
    std::panic::resume_unwind(Box::new(Crashed))
}

pub(crate) fn as_felt(error: Error) -> Error {
    CHOSEN.with_borrow(|chosen| match chosen {
        Chosen::From(_, lasting) => lasting.felt(error),
        Chosen::Nothing | Chosen::Once(..) => error,
    })
}

/// From now on this thread does by itself what it would have a child of this program do, as far as the outcome is the same:
/// lives that are lived through by the thousand would spend most of their time starting children.
pub(crate) fn stay_in_one_process() {
    IN_ONE_PROCESS.set(true);
}

/// And back: what matters is with whose rights something is done.
pub(crate) fn have_children_again() {
    IN_ONE_PROCESS.set(false);
}

pub(crate) fn is_in_one_process() -> bool {
    IN_ONE_PROCESS.get()
}

/// The name of the point at which the last fault happened on this thread.
pub(crate) fn hit() -> &'static str {
    HIT.get()
}

/// Runs `act` with a fault at point `number` of this thread, or with none; answers what came of it (`None`: crashed) and
/// how many points were passed.
pub(crate) fn with<T>(
    fault: Option<(usize, Fault)>,
    act: impl FnOnce() -> T + std::panic::UnwindSafe,
) -> (Option<T>, usize) {
    run(fault.map_or(Chosen::Nothing, |(number, fault)| Chosen::Once(number, fault)), act)
}

/// Runs `act` with a fault that lasts from point `number` to its end.
pub(crate) fn with_lasting<T>(
    number: usize,
    fault: Box<dyn Lasting>,
    act: impl FnOnce() -> T + std::panic::UnwindSafe,
) -> T {
    run(Chosen::From(number, fault), act).0.expect("a lasting fault is no crash")
}

fn run<T>(chosen: Chosen, act: impl FnOnce() -> T + std::panic::UnwindSafe) -> (Option<T>, usize) {
    PASSED.set(0);
    CHOSEN.set(chosen);
    let outcome = std::panic::catch_unwind(act);
    CHOSEN.set(Chosen::Nothing);
    match outcome {
        Ok(value) => (Some(value), PASSED.get()),
        Err(panic) if panic.is::<Crashed>() => (None, PASSED.get()),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
