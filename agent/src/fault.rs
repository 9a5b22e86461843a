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

/// Passes a point in the middle of removing a tree.
///
/// # Errors
/// Only in a test that asked for it; part of the tree is gone then.
#[cfg(not(test))]
#[inline]
pub(crate) fn halfway(_tree: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}

/// Tells that the disk was changed, for the ledger of what is not yet durable.
#[cfg(not(test))]
#[inline]
pub(crate) fn changed(_act: &'static str, _path: &std::path::Path) {}

/// Tells that a journal is about to say something.
#[cfg(not(test))]
#[inline]
pub(crate) fn says(_record: &'static str) {}

/// An error of the system as this disk would say it.
#[cfg(not(test))]
#[inline]
pub(crate) fn as_felt(error: std::io::Error) -> std::io::Error {
    error
}

#[cfg(test)]
pub(crate) mod ledger;
#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
pub(crate) use ledger::{changed, says};
#[cfg(test)]
pub(crate) use testing::{as_felt, halfway};
