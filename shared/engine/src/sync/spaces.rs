//! Notes about spaces: which team a space belongs to, so that no space is asked about twice.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use crate::stored::readable;
use domain::ids::{RoomId, TeamId, TenantId};
use store::keys;
use store::pages;
use store::table::{Condition, EXPIRES_AT, Item, Key, Query, Store, StoreError, Write, to_item};

/// Time for which a space without a team is not asked about again.
// A space can move into a team, and the event of that can be lost.
pub(super) const NO_TEAM_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Items of one page of a query.
const PAGE: usize = 1000;

/// A note about a space.
///
/// A General space without a link was decided about: its team gets a group only if an
/// administrator selects it.
#[derive(Serialize, Deserialize)]
pub(super) struct RoomNote {
    pub(super) team: Option<TeamId>,
}

/// The key of a space's note.
pub(crate) fn room_key(tenant: TenantId, room: RoomId) -> Key {
    Key::new(keys::room_partition(tenant), room.to_string())
}

/// Part of a transaction: notes a space without a team, for a while, or a further space of a team.
///
/// Only a team sync decides about a General space.
pub(crate) fn note_of_space(
    tenant: TenantId,
    room: RoomId,
    team: Option<TeamId>,
    now: Timestamp,
) -> Result<Write, StoreError> {
    note(tenant, room, team, team.is_none().then_some(now + NO_TEAM_FOR))
}

pub(super) fn note(
    tenant: TenantId,
    room: RoomId,
    team: Option<TeamId>,
    expires: Option<Timestamp>,
) -> Result<Write, StoreError> {
    let mut item = to_item(&room_key(tenant, room), &RoomNote { team })?;
    if let Some(expires) = expires {
        let seconds = expires.as_second().to_string();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(seconds));
    }
    // A General space is found by the team's own id, and needs no place in the index.
    if let Some(team) = team.filter(|team| *team != room.as_team()) {
        item.insert("gsi2pk".into(), AttributeValue::S(spaces_of(tenant, team)));
        item.insert("gsi2sk".into(), AttributeValue::S(room.to_string()));
    }
    Ok(Write::Put(item, Condition::Any))
}

/// The index partition of a team's further spaces.
fn spaces_of(tenant: TenantId, team: TeamId) -> String {
    format!("LIST#{tenant}#spaces#{team}")
}

/// Further spaces of a team that were noted.
///
/// They include spaces without the service account, which no list of Webex shows.
pub(super) async fn known_spaces(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<Vec<RoomId>, StoreError> {
    let query = Query::Listed { pk: spaces_of(tenant, team), prefix: String::new() };
    let items = pages::all(store, &query, PAGE).await?;
    let keys = items.iter().filter_map(Key::of);
    Ok(keys.filter_map(|key| key.sk.parse().ok()).collect())
}

/// The space of a stored note, unless it is a General space.
pub(crate) fn no_general_space(note: Item) -> Option<RoomId> {
    let room: RoomId = Key::of(&note)?.sk.parse().ok()?;
    let note: RoomNote = readable(note)?;
    (note.team != Some(room.as_team())).then_some(room)
}
