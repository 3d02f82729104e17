//! Which teams that nothing is known of are new, and so get a link; while it is tried out, only those of people in the pilot.

use jiff::Timestamp;

use super::{Desk, Sync, SyncError};
use crate::link::Phase;
use crate::people::{Known, PersonIndex};
use crate::tenant::NewTeams;
use clients::webex::WebexId;
use domain::ids::{GroupId, ObjectId, OrgId, PersonId, RoomId};
use domain::membership::Participation;

/// Moderators who are asked about where Webex does not name a creator.
const MOST_CREATORS: usize = 10;

/// What decides whether a team is new.
pub(super) struct Origin {
    pub(super) owner: Option<OrgId>,
    pub(super) created: Option<Timestamp>,
    pub(super) creator: Option<PersonId>,
}

impl Sync {
    /// How a link begins, for a team that is new and this organization's. What is decided here is remembered with the team's space, and never asked again.
    pub(super) async fn phase_of_new(
        &self,
        desk: &Desk,
        space: &WebexId<RoomId>,
        origin: &Origin,
    ) -> Result<Option<Phase>, SyncError> {
        let is_new = desk.settings.switched_on_at.is_some_and(|switched_on_at| origin.created >= Some(switched_on_at));
        if origin.owner != Some(desk.tenant.org) || !is_new {
            return Ok(None);
        }
        let phase = match desk.settings.new_teams {
            NewTeams::Every => Phase::Creating { request: None },
            NewTeams::Ask => Phase::Asked { card: None },
            NewTeams::Selected => return Ok(None),
        };
        match desk.settings.pilot_group {
            Some(pilot) if !self.is_of_the_pilot(desk, space, origin.creator, pilot).await? => Ok(None),
            _ => Ok(Some(phase)),
        }
    }

    /// Whether the team's creator is in the pilot. Whoever cannot be linked to a user of the directory is not.
    async fn is_of_the_pilot(
        &self,
        desk: &Desk,
        space: &WebexId<RoomId>,
        named: Option<PersonId>,
        pilot: GroupId,
    ) -> Result<bool, SyncError> {
        let calls = self.calls(desk).await?;
        let index = PersonIndex::new(self.store.as_ref(), desk.tenant.tenant);
        let creators = self.creators(desk, &calls.webex, space, named).await?;
        for creator in creators.into_iter().take(MOST_CREATORS) {
            let mut user = index.people([creator]).await?.remove(&creator).and_then(user_of);
            if user.is_none() {
                // It is decided once and for all: what the index says may be hours old.
                user = self.look_up_person(desk, &calls, creator).await?.and_then(user_of);
            }
            if let Some(user) = user
                && self.graph.is_member(&calls.graph, user, pilot).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn user_of(known: Known) -> Option<ObjectId> {
    known.object.filter(|_| matches!(known.participation, Participation::TakesPart { .. }))
}
