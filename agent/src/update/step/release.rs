//! Release: a managed directory becomes plain again, as if it had never been adopted. The twin of [`super::adopt`].

use super::{StepError, adopt};
use crate::update::Walk;

/// Gives the directory back with what survives an update in it.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    adopt::revert(walk)
}

/// Adopts it again, as far as it was given back.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    adopt::apply(walk)
}
