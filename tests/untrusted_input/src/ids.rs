//! Ids of every kind.

use std::fmt::Display;
use std::str::FromStr;

use clients::graph::{DriveId, ItemId};
use clients::webex::{LinkedFolderId, MembershipId, WebexId, WebhookId};
use domain::ids::{GroupId, ObjectId, OrgId, PersonId, RoomId, TeamId, TenantId};
use engine::activity::EntryId;

/// Checks any text as an id: an accepted id is one path segment and parses back to itself; an error
/// is short.
pub fn ids(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    same::<TenantId>(text);
    same::<OrgId>(text);
    same::<GroupId>(text);
    same::<ObjectId>(text);
    same::<EntryId>(text);
    same::<WebexId<TeamId>>(text);
    same::<WebexId<RoomId>>(text);
    same::<WebexId<PersonId>>(text);
    same::<WebexId<OrgId>>(text);
    same::<MembershipId>(text);
    same::<WebhookId>(text);
    same::<LinkedFolderId>(text);
    for id in [
        DriveId::try_from(text.to_owned()).map(String::from),
        ItemId::try_from(text.to_owned()).map(String::from),
    ] {
        match id {
            Ok(id) => is_a_segment(&id),
            Err(error) => is_short(&error),
        }
    }
    if let Ok(team) = text.parse::<WebexId<TeamId>>() {
        assert_eq!(team.general_space().id.as_team(), team.id);
    }
}

fn same<T: FromStr<Err: Display> + Display + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(id) => {
            let spelt = id.to_string();
            is_a_segment(&spelt);
            assert!(spelt.parse::<T>().is_ok_and(|again| again == id), "{text:?} became {spelt:?}");
        }
        Err(error) => is_short(&error),
    }
}

fn is_a_segment(id: &str) {
    assert!(
        !id.is_empty() && !id.contains(['/', '\\', '?', '#', '%', '.', ' ']) && id.is_ascii(),
        "{id:?}"
    );
}

fn is_short(error: &impl Display) {
    assert!(error.to_string().chars().count() < 3_000);
}
