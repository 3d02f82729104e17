//! Clues of an event about the kind of its space.

use serde::{Deserialize, Serialize};

/// The type of a space of two people.
const DIRECT: &str = "direct";

/// Clue of an event about its space. It only orders the readings, which decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceClue {
    /// The space is one of two people, which no team has.
    Direct,
    /// The space probably belongs to a team.
    LikelyTeam,
    /// The space can be any.
    #[default]
    Unclear,
}

impl SpaceClue {
    /// Returns the clue of a membership's event.
    pub(super) fn of_membership(room_type: Option<&str>, is_moderator: Option<bool>) -> Self {
        match (room_type, is_moderator) {
            (Some(DIRECT), _) => Self::Direct,
            // The creator of a team is its moderator; that of another space only if it is locked.
            (_, Some(true)) => Self::LikelyTeam,
            _ => Self::Unclear,
        }
    }

    /// Returns the clue of a space's own event.
    pub(super) fn of_room(room_type: Option<&str>, team: Option<&str>) -> Self {
        match (room_type, team) {
            (Some(DIRECT), _) => Self::Direct,
            (_, Some(_)) => Self::LikelyTeam,
            _ => Self::Unclear,
        }
    }

    /// Returns `true` if the space can belong to a team.
    pub fn can_have_team(self) -> bool {
        self != Self::Direct
    }
}
