//! Proof that a listing was read to its last page.

/// Listing that was read to its last page. Only such a listing proves absence. Only the clients
/// make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete<T>(T);

impl<T> Complete<T> {
    /// Wraps a listing whose last page was read.
    pub(crate) fn new(listing: T) -> Self {
        Self(listing)
    }

    /// Returns the listing by reference.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Returns the listing by value.
    pub fn into_inner(self) -> T {
        self.0
    }
}
