//! Overrides: roles that an admin decided on.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::membership::{Aspect, Role, Side, Sides};

/// Role that an admin decided on, for both sides.
///
/// It is valid for a day, and only while each side still shows what the admin saw or what they
/// want. So it never overrules a person who acts in the meantime, or who comes back much later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Role that the person should get on both sides.
    pub to: Role,
    /// Roles that the admin saw.
    pub shown: Sides<Role>,
    /// Time of the decision.
    pub at: Timestamp,
}

impl Override {
    /// Time for which an override is valid.
    pub const VALID_FOR: SignedDuration = SignedDuration::from_hours(24);

    /// Returns the side to change next, if the override is valid and not yet done.
    pub(super) fn next_side(&self, seen: Sides<Role>, now: Timestamp) -> Option<Side> {
        let is_between = |side: Side, aspect: Aspect| {
            [self.shown[side], self.to]
                .iter()
                .any(|one| one.says(aspect) == seen[side].says(aspect))
        };
        let stands = now.duration_since(self.at) < Self::VALID_FOR
            && Side::BOTH
                .iter()
                .all(|&side| Aspect::BOTH.iter().all(|&aspect| is_between(side, aspect)));
        // The group first: if the override ends after one side, the group's change syncs in every
        // direction.
        [Side::Group, Side::Team].into_iter().find(|&side| stands && seen[side] != self.to)
    }
}
