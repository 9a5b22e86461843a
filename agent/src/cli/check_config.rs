//! (being written)

use super::Format;
use crate::exit::{Exit, Failure};
use crate::layout::Layout;

pub(super) fn run(_layout: &Layout, _format: Format) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Unexpected, "not yet"))
}
