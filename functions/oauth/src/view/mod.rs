//! Everything that people see: the frame of a page, assets, display names, and every sentence.

pub(crate) mod assets;
pub(crate) mod guide;
pub(crate) mod layout;
pub(crate) mod names;
pub(crate) mod phrases;
