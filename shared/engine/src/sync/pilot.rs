//! Says which unknown teams are new and get a link. During a pilot, only those of its people do.

use jiff::Timestamp;

use super::card::creators;
use super::resolve::find_person;
use super::types::TenantContext;
use super::{Deps, SyncError};
use crate::link::Phase;
use crate::people::{IndexedPerson, PersonIndex};
use crate::tenant::NewTeams;
use clients::webex::WebexId;
use domain::ids::{GroupId, ObjectId, OrgId, PersonId, RoomId};
use domain::membership::Eligibility;

/// Moderators that are checked where Webex does not name a creator.
const MOST_CREATORS: usize = 10;

/// Facts that decide if a team is new.
pub(super) struct Origin {
    pub(super) owner: Option<OrgId>,
    pub(super) created: Option<Timestamp>,
    pub(super) creator: Option<PersonId>,
}

/// The phase in which the link of a new team begins; `None` where the team gets no link.
///
/// The decision is stored with the team's space, and never made again.
pub(super) async fn phase_of_new(
    deps: &Deps,
    context: &TenantContext,
    space: &WebexId<RoomId>,
    origin: &Origin,
) -> Result<Option<Phase>, SyncError> {
    let settings = &context.settings;
    // A team without a date is not new: `None` is less than every moment.
    let is_new = settings.switched_on_at.is_some_and(|at| origin.created >= Some(at));
    if origin.owner != Some(context.tenant.org) || !is_new {
        return Ok(None);
    }
    let phase = match settings.new_teams {
        NewTeams::Every => Phase::Creating { request: None },
        NewTeams::Ask => Phase::Asked { card: None },
        NewTeams::Selected => return Ok(None),
    };
    let is_piloted = match settings.pilot_group {
        Some(pilot) => is_in_pilot(deps, context, space, origin.creator, pilot).await?,
        None => true,
    };
    Ok(is_piloted.then_some(phase))
}

/// Returns `true` if a creator of the team is a user of the directory and in the pilot.
async fn is_in_pilot(
    deps: &Deps,
    context: &TenantContext,
    space: &WebexId<RoomId>,
    named: Option<PersonId>,
    pilot: GroupId,
) -> Result<bool, SyncError> {
    let access = deps.api_access(context).await?;
    let index = PersonIndex::new(deps.store.as_ref(), context.tenant.tenant);
    let creators = creators(deps, context, &access.webex, space, named).await?;
    for creator in creators.into_iter().take(MOST_CREATORS) {
        let mut user = index.people([creator]).await?.remove(&creator).and_then(user_of);
        if user.is_none() {
            // The decision is final, and the index may be hours old.
            user = find_person(deps, context, &access, creator).await?.and_then(user_of);
        }
        if let Some(user) = user
            && deps.graph.is_member(&access.graph, user, pilot).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn user_of(known: IndexedPerson) -> Option<ObjectId> {
    known.object.filter(|_| matches!(known.eligibility, Eligibility::Eligible { .. }))
}
