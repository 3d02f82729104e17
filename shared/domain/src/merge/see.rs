//! A reading as it is to be taken: overlaid with what is recent, and with old intents settled by it.

use jiff::Timestamp;

use super::{Memory, RECENT, Recent};
use crate::membership::{Side, Sides, Standing, Truth};

/// A person's standing on both sides as the merge takes it, and the memory after settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The standings: the team's as read, the group's overlaid with what is recent.
    pub standing: Sides<Standing>,
    /// The memory without what has ended or been settled.
    pub memory: Memory,
}

/// Overlays a reading and settles intents. An intent whose value the reading shows was our own write; one that it does not show never happened,
/// at once on the team's side, where readings are immediate, and after [`RECENT`] on the group's.
pub fn see(memory: &Memory, read: Sides<Standing>, now: Timestamp) -> Seen {
    let mut memory = memory.clone();
    for truth in Truth::BOTH {
        memory.recent[truth] = memory.recent[truth].filter(|recent| recent.stands(now));
    }
    let standing = overlaid(&memory, read);
    for intent in std::mem::take(&mut memory.intents) {
        if standing[intent.side].says(intent.truth) == intent.to.says(intent.truth) {
            let other = intent.side.other();
            memory.agreed[intent.side] = memory.agreed[intent.side].with(intent.truth, intent.to);
            // An addition without room for its role made only presence equal: the role stays a change.
            if intent.to.says(intent.truth) == intent.read[other].says(intent.truth) {
                memory.agreed[other] = memory.agreed[other].with(intent.truth, intent.read[other]);
            }
            if intent.side == Side::Group {
                let value = intent.to.says(intent.truth);
                // The reading may show it only because of a younger entry, which is not to end sooner for that.
                let younger =
                    memory.recent[intent.truth].filter(|recent| recent.value == value && recent.at > intent.at);
                memory.recent[intent.truth] =
                    younger.or(Some(Recent { value, at: intent.at })).filter(|recent| recent.stands(now));
            }
        } else if intent.side == Side::Group && now.duration_since(intent.at) < RECENT {
            memory.intents.push(intent);
        }
    }
    memory.been_equal |= memory.agreed.are_equal() && memory.agreed.team.is_present();
    Seen { standing: overlaid(&memory, read), memory }
}

fn overlaid(memory: &Memory, read: Sides<Standing>) -> Sides<Standing> {
    let present = memory.recent.presence.map_or(read.group.is_present(), |recent| recent.value);
    // Whoever is known to be there although this replica does not show it has no readable role, either.
    let read_role = if read.group.is_present() { read.group } else { memory.agreed.group };
    let owner = memory.recent.role.map_or(read_role == Standing::Owner, |recent| recent.value);
    let group = match (present, owner) {
        (false, _) => Standing::Absent,
        (true, false) => Standing::Member,
        (true, true) => Standing::Owner,
    };
    Sides { team: read.team, group }
}
