//! The proof that a listing was read to its last page.

/// A listing that was read to its last page: the only one that can be asked who is missing. Only the clients make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete<T>(T);

impl<T> Complete<T> {
    /// What was read to the end.
    pub(crate) fn read_to_the_end(listing: T) -> Self {
        Self(listing)
    }

    /// The listing.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The listing itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}
