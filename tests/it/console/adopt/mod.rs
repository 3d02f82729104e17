//! Adoption: an existing group is linked to a team, and both sides are merged.

mod groups;
mod offboarding;
mod races;
mod scene;
mod union;

pub(super) use self::scene::Scene;
