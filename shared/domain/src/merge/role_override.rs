//! Overrides: roles that an admin decided on.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::membership::{Aspect, Role, Side, Sides};

/// Roles that an admin decided on, one for each side. A side that is to stay keeps the shown one.
///
/// It is valid for a day, and only while each side still shows what the admin saw or what they
/// want. So it never overrules a person who acts in the meantime, or who comes back much later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Roles that the person should get.
    pub to: Sides<Role>,
    /// Roles that the admin saw.
    pub shown: Sides<Role>,
    /// Time of the decision.
    pub at: Timestamp,
}

impl Override {
    /// Time for which an override is valid.
    pub const VALID_FOR: SignedDuration = SignedDuration::from_hours(24);

    /// Returns `true` if the admin decided that the person leaves this side, and it still counts.
    pub fn removes_from(&self, side: Side, now: Timestamp) -> bool {
        self.is_valid(now) && self.shown[side].is_present() && !self.to[side].is_present()
    }

    /// Returns `true` until a day has passed.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < Self::VALID_FOR
    }

    /// Returns the side to change next, if the override is valid and not yet done.
    pub(super) fn next_side(&self, seen: Sides<Role>, now: Timestamp) -> Option<Side> {
        let is_between = |side: Side, aspect: Aspect| {
            [self.shown[side], self.to[side]]
                .iter()
                .any(|one| one.says(aspect) == seen[side].says(aspect))
        };
        let stands = self.is_valid(now)
            && Side::BOTH
                .iter()
                .all(|&side| Aspect::BOTH.iter().all(|&aspect| is_between(side, aspect)));
        // The group first: if the override ends after one side, the group's change syncs in every
        // direction.
        [Side::Group, Side::Team].into_iter().find(|&side| stands && seen[side] != self.to[side])
    }
}
