//! Release: a managed directory becomes plain again, as if it had never been adopted. The twin of [`super::adopt`].

use super::{StepError, adopt};
use crate::update::Walk;

/// Gives the directory back with what survives an update in it.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    adopt::revert(walk)
}

/// Adopts it again, unless it still is a link.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    if walk.app.current().is_symlink() { adopt::again(walk) } else { adopt::apply(walk) }
}
