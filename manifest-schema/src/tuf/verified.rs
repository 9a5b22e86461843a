//! The mark of what signed metadata vouches for.

use std::ops::Deref;

/// A `T` that signed metadata vouches for.
///
/// Only [`super::TrustedRepository`] makes one, so a function that takes a `Verified<Manifest>`
/// cannot be handed a manifest that nobody signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Only for what was verified in the caller, just before.
    pub(super) const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value without the mark.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl Verified<Vec<u8>> {
    /// Reads the verified bytes with `read`; what they say is verified too.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn parse<T, E>(&self, read: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<Verified<T>, E> {
        read(&self.0).map(Verified)
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
