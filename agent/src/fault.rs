//! Places where a test can stop the machine.
//!
//! In the shipped binary a point is nothing. Under `cfg(test)` each thread can ask for an error or a crash at its
//! n-th point; counting the points of one run and repeating it for each of them covers every boundary there is, those
//! of code written later included. In the program `surefoot-faults` (feature `faults`) a point can be chosen from outside,
//! so that a real process can be killed there and a real disk lose its power.

#[cfg(all(feature = "faults", not(test)))]
mod outside;

/// Passes a point. The name says what was about to become known, for the message of a failing test.
///
/// # Errors
/// Only in a test that asked for it.
#[cfg(not(any(test, feature = "faults")))]
#[inline]
pub(crate) fn point(_name: &'static str) -> std::io::Result<()> {
    Ok(())
}

/// Passes a boundary between two steps, when what it tells of is in the journal: `begun migrate`, `soaking`.
#[cfg(any(test, not(feature = "faults")))]
#[inline]
pub(crate) fn boundary(_record: &'static str, _step: Option<&'static str>) {}

#[cfg(all(feature = "faults", not(test)))]
pub(crate) use outside::{boundary, point};

#[cfg(test)]
pub(crate) use testing::point;

#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;

    /// What happens at the chosen point.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// The system call fails with `EIO`.
        Error,
        /// The process is gone: a panic that the test catches, nothing is cleaned up on the disk.
        Crash,
    }

    thread_local! {
        static PASSED: Cell<usize> = const { Cell::new(0) };
        static HIT: Cell<&'static str> = const { Cell::new("none") };
        static CHOSEN: Cell<Option<(usize, Fault)>> = const { Cell::new(None) };
    }

    /// The panic of [`Fault::Crash`].
    pub(crate) struct Crashed;

    pub(crate) fn point(name: &'static str) -> std::io::Result<()> {
        let number = PASSED.get();
        PASSED.set(number + 1);
        if CHOSEN.get().is_some_and(|(chosen, _)| chosen == number) {
            HIT.set(name);
        }
        match CHOSEN.get() {
            Some((chosen, Fault::Error)) if chosen == number => Err(std::io::Error::from_raw_os_error(5)),
            Some((chosen, Fault::Crash)) if chosen == number => std::panic::resume_unwind(Box::new(Crashed)),
            Some(_) | None => Ok(()),
        }
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
        PASSED.set(0);
        CHOSEN.set(fault);
        let outcome = std::panic::catch_unwind(act);
        CHOSEN.set(None);
        match outcome {
            Ok(value) => (Some(value), PASSED.get()),
            Err(panic) if panic.is::<Crashed>() => (None, PASSED.get()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
