//! Teams that existed before the integration: finding them, selecting them, and adopting existing
//! groups for them.

pub(crate) mod adopt;
pub(crate) mod search;
pub(crate) mod selection;
