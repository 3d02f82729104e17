//! Memberships of spaces. The memberships of the General space are those of the team, and observers
//! can change them too.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::client::is_not_found;
use super::paging::{PAGE, every, readable};
use super::wire::ItemErrors;
use super::{MembershipId, RoomKind, Webex, WebexId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError, Repeat};
use crate::wire::{lenient, lenient_flag};
use domain::ids::{OrgId, PersonId, RoomId};

/// Membership of a person in a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Id of the membership.
    pub id: MembershipId,
    /// Space of the membership.
    pub room: RoomId,
    /// Person of the membership.
    pub person: PersonId,
    /// Organization of the person, if Webex shows it.
    pub org: Option<OrgId>,
    /// Role in the space.
    pub role: MembershipRole,
    /// Display name of the person.
    pub name: Option<String>,
    /// Address of the person.
    pub email: Option<String>,
    /// Time of the addition.
    pub created: Option<Timestamp>,
}

/// Everyone in a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipListing {
    /// Memberships that can be read.
    pub members: Vec<Membership>,
    /// People who are in the space, but whose membership cannot be read. Nothing else is known of
    /// them.
    pub unreadable: Vec<PersonId>,
}

/// Role of a person in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MembershipRole {
    /// Member without further rights.
    Member,
    /// Moderator. In a General space, moderator of the team.
    Moderator,
}

/// Page to read of a person's list of spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpacesFrom {
    /// First page.
    First(WebexId<PersonId>),
    /// Next page, by the link of the previous one.
    Link(String),
}

/// Page of the spaces of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacesPage {
    /// Group spaces.
    pub spaces: Vec<WebexId<RoomId>>,
    /// Link to the next page. `None` on the last one.
    pub next: Option<String>,
}

/// Outcome of an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// The person was added.
    Added,
    /// A rule of the service is in the way (409). One such rule is that the person is a member
    /// already. The answer does not name the rule, so only a reading decides.
    Conflict {
        /// The refusal in the service's words, with the call and its request id.
        said: String,
    },
}

/// Outcome of joining a space for a short time.
#[derive(Debug, Clone, PartialEq)]
pub enum JoinOutcome {
    /// The account joined, with this membership.
    Now(MembershipId),
    /// A rule of the service is in the way, as in [`Added::Conflict`].
    Conflict(CallError),
}

/// Outcome of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It was removed.
    Removed,
    /// It does not exist (404, 410) or is not visible to this account.
    NotFound,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MembershipAsSent {
    // Each field on its own: a row with an odd one still says who is there.
    #[serde(default, deserialize_with = "lenient")]
    id: Option<MembershipId>,
    #[serde(default, deserialize_with = "lenient")]
    room_id: Option<WebexId<RoomId>>,
    #[serde(default, deserialize_with = "lenient")]
    person_id: Option<WebexId<PersonId>>,
    #[serde(default, deserialize_with = "lenient")]
    person_org_id: Option<WebexId<OrgId>>,
    #[serde(default, deserialize_with = "lenient_flag")]
    is_moderator: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    person_display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    person_email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    created: Option<Timestamp>,
    errors: Option<ItemErrors>,
}

/// One item of a listing.
enum Row {
    Readable(Membership),
    Unreadable(PersonId),
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
        match (self.room_type, self.room_id) {
            // A space of two people has no team.
            (Some(RoomKind::Direct), _) => Ok(None),
            (_, Some(room)) => Ok(Some(room)),
            (_, None) => Err("a membership without its space"),
        }
    }
}

impl MembershipAsSent {
    /// Reads an item of the listing of `room`.
    ///
    /// # Errors
    /// Fails for an item of another space, and for one without its person: a person is there, and
    /// no one knows who.
    fn row(self, room: RoomId) -> Result<Option<Row>, &'static str> {
        // If Webex ignored the filter, strangers would join this team's group.
        if self.room_id.as_ref().is_some_and(|found| found.id != room) {
            return Err("a membership of another space");
        }
        let person = self.person_id.as_ref().map(|person| person.id);
        let person = person.ok_or("a membership without its person")?;
        Ok(Some(self.read().map_or(Row::Unreadable(person), Row::Readable)))
    }

    fn read(self) -> Option<Membership> {
        if ItemErrors::is_some(self.errors.as_ref()) {
            return None;
        }
        // A missing role read as a member's would demote the person on the other side.
        let role = match self.is_moderator? {
            true => MembershipRole::Moderator,
            false => MembershipRole::Member,
        };
        Some(Membership {
            id: self.id?,
            room: self.room_id?.id,
            person: self.person_id?.id,
            org: self.person_org_id.map(|id| id.id),
            role,
            name: self.person_display_name,
            email: self.person_email,
            created: self.created,
        })
    }
}

impl Webex {
    /// Returns everyone in a space. In a moderated space that it has not joined, a member of the
    /// team sees only the moderators. This does not happen in a General space.
    ///
    /// # Errors
    /// Fails for 404, 403 and any item without a readable person, so the listing is never shorter
    /// than the space's.
    pub async fn memberships(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
    ) -> Result<Complete<MembershipListing>, CallError> {
        let call = Call::get("/memberships").query("roomId", room.to_string()).query("max", PAGE);
        let items = every(|item: MembershipAsSent| item.row(room.id));
        let mut listing = MembershipListing::default();
        for row in self.list(access, call, &items).await?.into_inner() {
            match row {
                Row::Readable(membership) => listing.members.push(membership),
                Row::Unreadable(person) => listing.unreadable.push(person),
            }
        }
        Ok(Complete::new(listing))
    }

    /// Returns all memberships of a person in the organization that can be read. Requires a
    /// compliance officer. It proves no absence.
    ///
    /// # Errors
    /// Fails for 404 and 403.
    pub async fn memberships_of(
        &self,
        access: &Access,
        person: &WebexId<PersonId>,
    ) -> Result<Vec<Membership>, CallError> {
        let call =
            Call::get("/memberships").query("personId", person.to_string()).query("max", PAGE);
        let items = readable(|item: MembershipAsSent| match item.read() {
            Some(membership) if membership.person == person.id => Ok(Some(membership)),
            // If Webex ignored the filter, these are memberships of someone else.
            Some(_) => Err("a membership of another person"),
            None => Err("a membership without id, space, person or role"),
        });
        Ok(self.list(access, call, &items).await?.into_inner())
    }

    /// Returns a page of a person's spaces in the organization, for callers that count their calls.
    /// Requires a compliance officer. Skips direct spaces and unreadable ids, so it proves no
    /// absence.
    pub async fn spaces_of(
        &self,
        access: &Access,
        from: &SpacesFrom,
    ) -> Result<SpacesPage, CallError> {
        let call = match from {
            SpacesFrom::First(person) => {
                Call::get("/memberships").query("personId", person.to_string()).query("max", PAGE)
            }
            SpacesFrom::Link(link) => Call::page(link.clone(), "/memberships"),
        };
        let (_, spaces, next) = self.page(access, call, &readable(SpaceAsSent::read)).await?;
        Ok(SpacesPage { spaces, next })
    }

    /// Adds a person to a space.
    pub async fn add_membership(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        person: &WebexId<PersonId>,
        role: MembershipRole,
    ) -> Result<Added, CallError> {
        let is_moderator = role == MembershipRole::Moderator;
        let body = json!({ "roomId": room, "personId": person, "isModerator": is_moderator });
        // A second call has no effect, and returns 409.
        let call = Call::new(Method::POST, "/memberships").json(&body).repeat(Repeat::Safe);
        match self.0.call(access, call).await {
            Ok(_) => Ok(Added::Added),
            Err(error) if error.status() == Some(409) => {
                Ok(Added::Conflict { said: error.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    /// Joins a space as a member, to leave it again. Requires a compliance officer. Not repeated
    /// when the answer is lost, because the second answer hides an earlier membership.
    pub async fn join(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        person: &WebexId<PersonId>,
    ) -> Result<JoinOutcome, CallError> {
        #[derive(Deserialize)]
        struct Made {
            id: MembershipId,
        }
        let body = json!({ "roomId": room, "personId": person, "isModerator": false });
        let call = Call::new(Method::POST, "/memberships").json(&body);
        match self.0.call(access, call).await {
            Ok(answer) => answer.json().map(|Made { id }| JoinOutcome::Now(id)),
            Err(error) if error.status() == Some(409) => Ok(JoinOutcome::Conflict(error)),
            Err(error) => Err(error),
        }
    }

    /// Returns a person's membership of a space.
    ///
    /// # Errors
    /// Fails if it cannot be read, or if an item names no one.
    pub async fn membership_in(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        person: &WebexId<PersonId>,
    ) -> Result<Option<Membership>, CallError> {
        let call = Call::get("/memberships")
            .query("roomId", room.to_string())
            .query("personId", person.to_string());
        // Strict, because an empty answer counts as proof of an absence.
        let items = every(|item: MembershipAsSent| match item.row(room.id)? {
            Some(Row::Unreadable(found)) if found == person.id => {
                Err("a membership without id or role")
            }
            row => Ok(row),
        });
        let found = self.list(access, call, &items).await?.into_inner();
        Ok(found.into_iter().find_map(|row| match row {
            Row::Readable(membership) if membership.person == person.id => Some(membership),
            // If Webex ignored the filter, the row of someone else is no answer about this person.
            _ => None,
        }))
    }

    /// Sets the role of a membership.
    ///
    /// # Errors
    /// 404 if the membership no longer exists.
    pub async fn set_role(
        &self,
        access: &Access,
        membership: &MembershipId,
        role: MembershipRole,
    ) -> Result<(), CallError> {
        let call = Call::new(Method::PUT, format!("/memberships/{membership}"));
        // The documentation also requires isRoomHidden, which is for direct spaces. The call always
        // worked without it.
        self.0
            .call(access, call.json(&json!({ "isModerator": role == MembershipRole::Moderator })))
            .await
            .map(drop)
    }

    /// Removes a person from a space, or from the team if it is a General space. A "not found"
    /// counts only if a read confirms it.
    ///
    /// # Errors
    /// Webex refuses to remove the last moderator. Promote another first.
    pub async fn remove_membership(
        &self,
        access: &Access,
        membership: &MembershipId,
    ) -> Result<Removal, CallError> {
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

/// Returns the outcome of a DELETE.
pub(super) fn removal(outcome: Result<(), CallError>) -> Result<Removal, CallError> {
    match outcome {
        Ok(()) => Ok(Removal::Removed),
        Err(error) if is_not_found(&error) => Ok(Removal::NotFound),
        Err(error) => Err(error),
    }
}
