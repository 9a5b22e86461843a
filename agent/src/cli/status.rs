//! (being written)

use super::{Format, Which};
use crate::exit::{Exit, Failure};
use crate::layout::Layout;

pub(super) fn run(_layout: &Layout, _which: &Which, _format: Format) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Unexpected, "not yet"))
}
