//! Lag overlay: corrects a reading with the values of the lag window, and settles open intents.

use jiff::Timestamp;

use super::{LAG_WINDOW, LagEntry, PersonState};
use crate::membership::{Aspect, Role, Side, Sides};

/// Roles of a person as the merge takes them, and their state after settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlaidReading {
    /// Roles: the team as read, the group with the lag overlay.
    pub roles: Sides<Role>,
    /// State without lag entries that ended and intents that were settled.
    pub state: PersonState,
}

/// Overlays a reading and settles intents.
///
/// An intent whose value the reading shows was our own write. An intent it does not show never took
/// effect: at once for the team, where readings are immediate, and after [`LAG_WINDOW`] for the
/// group.
pub fn apply_overlay(state: &PersonState, read: Sides<Role>, now: Timestamp) -> OverlaidReading {
    let mut state = state.clone();
    for aspect in Aspect::BOTH {
        state.lag[aspect] = state.lag[aspect].filter(|lag| lag.is_active(now));
    }
    let roles = overlaid(&state, read);
    for intent in std::mem::take(&mut state.intents) {
        if roles[intent.side].says(intent.aspect) == intent.to.says(intent.aspect) {
            let other = intent.side.other();
            state.baseline[intent.side] =
                state.baseline[intent.side].with(intent.aspect, intent.to);
            // An owner may have been added as a member because there was no room: then ownership
            // stays a difference.
            if intent.to.says(intent.aspect) == intent.read[other].says(intent.aspect) {
                state.baseline[other] =
                    state.baseline[other].with(intent.aspect, intent.read[other]);
            }
            if intent.side == Side::Group {
                let value = intent.to.says(intent.aspect);
                // A newer entry may be why the reading shows the value. That entry must not end
                // sooner.
                let younger =
                    state.lag[intent.aspect].filter(|lag| lag.value == value && lag.at > intent.at);
                state.lag[intent.aspect] = younger
                    .or(Some(LagEntry { value, at: intent.at }))
                    .filter(|lag| lag.is_active(now));
            }
        } else if intent.side == Side::Group && now.duration_since(intent.at) < LAG_WINDOW {
            state.intents.push(intent);
        }
    }
    state.been_equal |= state.baseline.are_equal() && state.baseline.team.is_present();
    OverlaidReading { roles: overlaid(&state, read), state }
}

fn overlaid(state: &PersonState, read: Sides<Role>) -> Sides<Role> {
    let present = state.lag.presence.map_or(read.group.is_present(), |lag| lag.value);
    // This replica lacks a member that we know is there, so it cannot tell their role either.
    let read_role = if read.group.is_present() { read.group } else { state.baseline.group };
    let owner = state.lag.ownership.map_or(read_role == Role::Owner, |lag| lag.value);
    let group = match (present, owner) {
        (false, _) => Role::None,
        (true, false) => Role::Member,
        (true, true) => Role::Owner,
    };
    Sides { team: read.team, group }
}
