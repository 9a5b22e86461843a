//! `publish verify`.

use super::{Failure, Verify};

pub(super) fn run(_: &Verify) -> Result<(), Failure> {
    Ok(())
}
