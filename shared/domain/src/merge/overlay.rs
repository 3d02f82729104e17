//! Lag overlay: corrects a reading with the values of the lag window and with written ones, and
//! settles open intents.

use jiff::Timestamp;

use super::absence::{Certainty, Proof, judge};
use super::{LAG_WINDOW, LagEntry, PersonState, WriteIntent};
use crate::membership::{Aspect, Role, Side, Sides};

/// Roles of a person as the merge takes them, and their state after settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlaidReading {
    /// Roles: the team with unconfirmed values, the group with the lag overlay.
    pub roles: Sides<Role>,
    /// State without lag entries that ended and intents that were settled.
    pub state: PersonState,
    /// Certainty of the roles.
    pub certainty: Certainty,
}

/// Overlays a reading, judges absences, and settles intents and unconfirmed values.
///
/// An intent whose value the reading shows was our own write. An intent it does not show never took
/// effect: at once for the team, where readings are immediate, and after [`LAG_WINDOW`] for the
/// group. What is shown is settled before absences are judged, what is gone after that.
pub fn apply_overlay(
    state: &PersonState,
    read: Sides<Role>,
    proofs: Sides<Proof>,
    now: Timestamp,
) -> OverlaidReading {
    let mut state = state.begun(read, now);
    let (team, of_team) = judge(&mut state, Side::Team, read, proofs.team, now);
    let (group, of_group) = judge(&mut state, Side::Group, read, proofs.group, now);
    let row = Sides { team, group };
    let certainty = Sides { team: of_team, group: of_group };
    let is_unclear = |side: Side, aspect: Aspect| certainty[side][aspect] != Certainty::Certain;
    state.settle_intents(row, now, |intent| !is_unclear(intent.side, intent.aspect));
    state.settle_unconfirmed(row, is_unclear, now);
    state.been_equal |= state.baseline.are_equal() && state.baseline.team.is_present();
    let roles =
        Sides { team: state.team_with_unconfirmed(row.team), group: overlaid(&state, row).group };
    let of_side = |side: Side| certainty[side].presence.max(certainty[side].ownership);
    OverlaidReading { roles, state, certainty: of_side(Side::Team).max(of_side(Side::Group)) }
}

impl OverlaidReading {
    /// Returns the reading of a person who is in no step. Their baseline stays as it is.
    pub fn of_excluded(state: &PersonState, read: Sides<Role>, now: Timestamp) -> Self {
        let mut state = state.begun(read, now);
        state.settle_intents(read, now, |_| true);
        let roles = overlaid(&state, read);
        Self { roles, state, certainty: Certainty::Certain }
    }
}

impl PersonState {
    /// Returns the state without lag entries that ended, and with the intents settled whose value
    /// the reading shows as present.
    pub(super) fn begun(&self, read: Sides<Role>, now: Timestamp) -> Self {
        let mut state = self.clone();
        for aspect in Aspect::BOTH {
            state.lag[aspect] = state.lag[aspect].filter(|lag| lag.is_active(now));
        }
        let roles = overlaid(&state, read);
        let is_shown = |intent: &WriteIntent| {
            intent.to.says(intent.aspect) && roles[intent.side].says(intent.aspect)
        };
        state.settle_intents(read, now, is_shown);
        state
    }

    /// Settles the intents that are `ready`; the others stay.
    fn settle_intents(
        &mut self,
        read: Sides<Role>,
        now: Timestamp,
        is_ready: impl Fn(&WriteIntent) -> bool,
    ) {
        let roles = overlaid(self, read);
        for intent in std::mem::take(&mut self.intents) {
            // A replica can lag: only after the window does a missing value mean that nothing was
            // written.
            let is_open = intent.side == Side::Group && now.duration_since(intent.at) < LAG_WINDOW;
            if !is_ready(&intent) {
                self.intents.push(intent);
            } else if roles[intent.side].says(intent.aspect) == intent.to.says(intent.aspect) {
                self.settle(&intent, now);
            } else if is_open {
                self.intents.push(intent);
            }
        }
    }

    /// Records an intent whose value a reading shows.
    fn settle(&mut self, intent: &WriteIntent, now: Timestamp) {
        let (side, aspect) = (intent.side, intent.aspect);
        let other = side.other();
        self.unconfirmed[side][aspect] = None;
        self.baseline[side] = self.baseline[side].with(aspect, intent.to);
        // An owner may have been added as a member because there was no room: then ownership
        // stays a difference.
        if intent.to.says(aspect) == intent.read[other].says(aspect) {
            self.baseline[other] = self.baseline[other].with(aspect, intent.read[other]);
        }
        if side == Side::Group {
            let value = intent.to.says(aspect);
            // A newer entry may be why the reading shows the value. That entry must not end
            // sooner.
            let younger = self.lag[aspect].filter(|lag| lag.value == value && lag.at > intent.at);
            self.lag[aspect] = younger
                .or(Some(LagEntry { value, at: intent.at }))
                .filter(|lag| lag.is_active(now));
        }
    }
}

pub(super) fn overlaid(state: &PersonState, read: Sides<Role>) -> Sides<Role> {
    let present = state.lag.presence.map_or(read.group.is_present(), |lag| lag.value);
    // This replica lacks a member that we know is there, so it cannot tell their role either.
    let read_role = if read.group.is_present() { read.group } else { state.baseline.group };
    let owner = state.lag.ownership.map_or(read_role == Role::Owner, |lag| lag.value);
    Sides { team: read.team, group: Role::of(present, owner) }
}
