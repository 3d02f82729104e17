//! Who is in a space. Through its General space's memberships a team is managed, also from outside.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::client::is_not_found;
use super::paging::PAGE;
use super::wire::{ItemErrors, lenient};
use super::{MembershipId, RoomKind, Webex, WebexId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError, Repeat};
use domain::ids::{OrgId, PersonId, RoomId};

/// Somebody's being in a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// The space.
    pub room: RoomId,
    /// Who is in it.
    pub person: PersonId,
    /// The organization of whoever it is; missing where that cannot be told.
    pub org: Option<OrgId>,
    /// As what.
    pub role: Role,
    /// What the person is called.
    pub name: Option<String>,
    /// The person's address.
    pub email: Option<String>,
    /// Since when.
    pub created: Option<Timestamp>,
}

/// As what somebody is in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// As one of its people.
    Member,
    /// As a moderator: of a General space this means of the team.
    Moderator,
}

/// Where a person's list of spaces is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpacesFrom {
    /// Its first page.
    First(WebexId<PersonId>),
    /// The page that this link of the one before leads to.
    Link(String),
}

/// A page of the spaces that somebody is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacesPage {
    /// Spaces for several people.
    pub spaces: Vec<WebexId<RoomId>>,
    /// Where the next page is; `None` at the end.
    pub next: Option<String>,
}

/// What became of an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The person is in now.
    Added,
    /// The person was in before (409), perhaps in another role.
    AlreadyThere,
}

/// What became of joining a space for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The account is in now, by this membership.
    Now(MembershipId),
    /// It was in before (409).
    Before,
}

/// What became of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone now.
    Removed,
    /// There is none (404, 410), or none that this account may see.
    NotFound,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MembershipAsSent {
    id: Option<MembershipId>,
    room_id: Option<WebexId<RoomId>>,
    person_id: Option<WebexId<PersonId>>,
    #[serde(default, deserialize_with = "lenient")]
    person_org_id: Option<WebexId<OrgId>>,
    is_moderator: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    person_display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    person_email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    created: Option<Timestamp>,
    errors: Option<ItemErrors>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpaceAsSent {
    #[serde(default, deserialize_with = "lenient")]
    room_id: Option<WebexId<RoomId>>,
    #[serde(default, deserialize_with = "lenient")]
    room_type: Option<RoomKind>,
}

impl SpaceAsSent {
    fn read(self) -> Result<Option<WebexId<RoomId>>, &'static str> {
        Ok(self.room_id.filter(|_| self.room_type != Some(RoomKind::Direct)))
    }
}

impl MembershipAsSent {
    fn read(self) -> Result<Option<Membership>, &'static str> {
        if ItemErrors::is_some(self.errors.as_ref()) {
            return Err("a membership that carries errors");
        }
        let (Some(id), Some(room), Some(person)) = (self.id, self.room_id, self.person_id) else {
            return Err("a membership without its ids");
        };
        // Taken for a member's, a missing role would demote somebody on the other side.
        let role = match self.is_moderator.ok_or("a membership without its role")? {
            true => Role::Moderator,
            false => Role::Member,
        };
        Ok(Some(Membership {
            id,
            room: room.id,
            person: person.id,
            org: self.person_org_id.map(|id| id.id),
            role,
            name: self.person_display_name,
            email: self.person_email,
            created: self.created,
        }))
    }
}

impl Webex {
    /// Everybody who is in a space. Of a moderated space that it has not joined, an account inside of the team sees only the moderators; this does not happen with a General space.
    ///
    /// # Errors
    /// 404 and 403 are errors here, too, and so is a single item that cannot be used: no shorter list than the space's comes out of this.
    pub async fn memberships(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
    ) -> Result<Complete<Vec<Membership>>, CallError> {
        let call = Call::get("/memberships").query("roomId", room.to_string()).query("max", PAGE);
        self.list(access, call, MembershipAsSent::read).await
    }

    /// Every space of the organization's that somebody is in. A compliance officer's call.
    ///
    /// # Errors
    /// As with [`memberships`](Self::memberships).
    pub async fn memberships_of(
        &self,
        access: &Access,
        person: &WebexId<PersonId>,
    ) -> Result<Complete<Vec<Membership>>, CallError> {
        let call = Call::get("/memberships").query("personId", person.to_string()).query("max", PAGE);
        self.list(access, call, MembershipAsSent::read).await
    }

    /// A page of the organization's spaces that somebody is in, for whoever goes through many people and has to count his calls. A compliance officer's call. Spaces between two
    /// people, and those whose id cannot be read, are passed over: nobody may be taken for missing by it.
    pub async fn spaces_of(&self, access: &Access, from: &SpacesFrom) -> Result<SpacesPage, CallError> {
        let call = match from {
            SpacesFrom::First(person) => {
                Call::get("/memberships").query("personId", person.to_string()).query("max", PAGE)
            }
            SpacesFrom::Link(link) => Call::follow(link.clone()),
        };
        let (_, spaces, next) = self.page(access, call, SpaceAsSent::read).await?;
        Ok(SpacesPage { spaces, next })
    }

    /// Puts somebody into a space.
    pub async fn add_membership(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        person: &WebexId<PersonId>,
        role: Role,
    ) -> Result<Added, CallError> {
        let body = json!({ "roomId": room, "personId": person, "isModerator": role == Role::Moderator });
        // A second one does nothing but answer 409.
        let call = Call::new(Method::POST, "/memberships").json(&body).repeat(Repeat::Safe);
        match self.0.call(access, call).await {
            Ok(_) => Ok(Added::Added),
            Err(error) if error.status() == Some(409) => Ok(Added::AlreadyThere),
            Err(error) => Err(error),
        }
    }

    /// Joins a space as a mere member, to leave it again. A compliance officer's call, for a team's space that he is not in. Not repeated when the answer is lost: the second
    /// one could not say who was in before.
    pub async fn join(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        person: &WebexId<PersonId>,
    ) -> Result<Joined, CallError> {
        #[derive(Deserialize)]
        struct Made {
            id: MembershipId,
        }
        let body = json!({ "roomId": room, "personId": person, "isModerator": false });
        let call = Call::new(Method::POST, "/memberships").json(&body);
        match self.0.call(access, call).await {
            Ok(answer) => answer.json().map(|Made { id }| Joined::Now(id)),
            Err(error) if error.status() == Some(409) => Ok(Joined::Before),
            Err(error) => Err(error),
        }
    }

    /// Somebody's membership of a space, if there is one.
    pub async fn membership_in(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        person: &WebexId<PersonId>,
    ) -> Result<Option<Membership>, CallError> {
        let call = Call::get("/memberships").query("roomId", room.to_string()).query("personId", person.to_string());
        let found = self.list(access, call, MembershipAsSent::read).await?.into_inner();
        Ok(found.into_iter().find(|membership| membership.person == person.id))
    }

    /// Makes somebody a moderator of a space, or a moderator a member.
    ///
    /// # Errors
    /// 404 where there is no such membership any more.
    pub async fn set_role(&self, access: &Access, membership: &MembershipId, role: Role) -> Result<(), CallError> {
        let call = Call::new(Method::PUT, format!("/memberships/{membership}"));
        // The page also demands isRoomHidden, which is for direct spaces only; without it the call has always worked.
        self.0.call(access, call.json(&json!({ "isModerator": role == Role::Moderator }))).await.map(drop)
    }

    /// Takes somebody out of a space, and out of the team if it is a General space. That there is nothing to remove is believed only if it cannot be read, either.
    ///
    /// # Errors
    /// The last moderator's membership is refused: promote another first.
    pub async fn remove_membership(&self, access: &Access, membership: &MembershipId) -> Result<Removal, CallError> {
        let path = format!("/memberships/{membership}");
        match self.0.call(access, Call::new(Method::DELETE, path.clone())).await {
            Ok(_) => Ok(Removal::Removed),
            Err(error) if is_not_found(&error) => match self.find(access, Call::get(path)).await? {
                Some(_) => Err(error.contradicted()),
                None => Ok(Removal::NotFound),
            },
            Err(error) => Err(error),
        }
    }
}

/// What the answer to a DELETE means.
pub(super) fn removal(answered: Result<(), CallError>) -> Result<Removal, CallError> {
    match answered {
        Ok(()) => Ok(Removal::Removed),
        Err(error) if is_not_found(&error) => Ok(Removal::NotFound),
        Err(error) => Err(error),
    }
}
