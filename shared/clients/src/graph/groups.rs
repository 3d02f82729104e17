//! Groups: create, find, read, rename.

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::client::Listing;
use super::error::{NameFault, is_already_there, is_reference_missing, name_fault};
use super::{Graph, NewGroup};
use crate::complete::Complete;
use crate::http::{Access, Answer, Call, CallError, Repeat};
use crate::wire::{lenient, lenient_flag, lenient_text, lenient_texts};
use domain::ids::{GroupId, ObjectId};
use domain::merge::display_name;

pub(super) const SELECT: &str = "id,displayName,mailNickname,mail,createdDateTime,\
    expirationDateTime,groupTypes,onPremisesSyncEnabled,isAssignableToRole,visibility";

const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Id of the group.
    pub id: GroupId,
    /// Display name, decorated by the organization's naming policy. Empty if the service does not
    /// say it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub display_name: String,
    /// Address before the `@`, as requested. Empty if the service does not say it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub mail_nickname: String,
    /// Address, which can begin differently from the nickname.
    #[serde(default, deserialize_with = "lenient")]
    pub mail: Option<String>,
    /// Time of creation.
    #[serde(default, rename = "createdDateTime", deserialize_with = "lenient")]
    pub created: Option<Timestamp>,
    /// Time when the expiration policy deletes the group.
    #[serde(default, rename = "expirationDateTime", deserialize_with = "lenient")]
    pub expires: Option<Timestamp>,
    /// `Unified` for a Microsoft 365 group. `DynamicMembership` if a rule sets the members, so that
    /// they cannot be changed.
    #[serde(default, deserialize_with = "lenient_texts")]
    pub group_types: Vec<String>,
    /// `true` if an on-premises directory owns the group, so that it cannot be changed here.
    #[serde(default, rename = "onPremisesSyncEnabled", deserialize_with = "lenient_flag")]
    pub is_on_premises_synced: Option<bool>,
    /// `true` if directory roles can be assigned to the group. Its members are protected.
    #[serde(default, deserialize_with = "lenient_flag")]
    pub is_assignable_to_role: Option<bool>,
    /// `Private`, `Public`, or `HiddenMembership`, which hides the members.
    #[serde(default, deserialize_with = "lenient")]
    pub visibility: Option<String>,
}

/// Outcome of creating a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Upserted {
    /// It was created.
    Created(Group),
    /// A group with this unique name existed. The service gave it the properties of the request.
    Existed,
    /// The naming policy of the organization refuses the name.
    NeedsName {
        /// Name that the policy accepts.
        suggested: String,
    },
    /// Another object of the directory has this address, perhaps a deleted group.
    NicknameTaken,
    /// An owner or member does not exist, or not yet on all replicas. Nothing was created.
    BindRefused(CallError),
}

/// Outcome of renaming a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renamed {
    /// It was renamed.
    Renamed,
    /// The naming policy of the organization refuses the name.
    NeedsName {
        /// Name that the policy accepts.
        suggested: String,
    },
}

/// Kind of a member or owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A user.
    User,
    /// A service principal, a device, a group, ...
    Other,
}

/// A member or owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectoryObject {
    /// Id of the object.
    pub id: ObjectId,
    /// Kind of the object.
    pub kind: ObjectKind,
}

/// A group with all its members and owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReading {
    /// The group; `None` if the directory lists its people, but does not find the group.
    pub group: Option<Group>,
    /// Direct members, sorted by id. A Microsoft 365 group has no others.
    pub members: Complete<Vec<DirectoryObject>>,
    /// Owners, sorted by id.
    pub owners: Complete<Vec<DirectoryObject>>,
}

#[derive(Deserialize)]
struct ListedObject {
    id: ObjectId,
    #[serde(default, rename = "@odata.type", deserialize_with = "lenient")]
    kind: Option<String>,
}

impl ListedObject {
    /// Returns the kind. An object without a type counts as a user, since skipping it would look
    /// like a removal.
    fn kind(&self) -> ObjectKind {
        match &self.kind {
            // Without a type the row counts as a user, which only adds a question about them.
            Some(kind) if !kind.eq_ignore_ascii_case("#microsoft.graph.user") => ObjectKind::Other,
            _ => ObjectKind::User,
        }
    }
}

impl Graph {
    /// Creates the group with this unique name unless it exists. Not repeated when the answer is
    /// lost. The next call then returns [`Upserted::Existed`], and only the caller who stored the
    /// request knows the group as its own.
    pub async fn upsert_group(
        &self,
        access: &Access,
        unique_name: &str,
        group: &NewGroup,
    ) -> Result<Upserted, CallError> {
        let call = Call::new(Method::PATCH, by_unique_name(unique_name))
            .header("prefer", "create-if-missing");
        let call =
            // The body tells names that are taken from real faults, so it must be kept.
            call.json(&group.body(self.caller.base())).repeat(Repeat::Unsafe).accept(&[400, 422]);
        let answer = match self.caller.call(access, call).await {
            Ok(answer) => answer,
            // One person who is gone must not keep the whole group from being created.
            Err(error) if is_reference_missing(&error) => return Ok(Upserted::BindRefused(error)),
            Err(error) => return Err(error),
        };
        match answer.status {
            201 => return answer.json().map(Upserted::Created),
            // Graph answers 204 for an existing group, without its properties.
            200..300 => return Ok(Upserted::Existed),
            _ => {}
        }
        let error = self.refused(&answer);
        match name_fault(&answer.body, &group.display_name) {
            Some(NameFault::Policy(suggested)) => Ok(Upserted::NeedsName { suggested }),
            Some(NameFault::NicknameTaken) => Ok(Upserted::NicknameTaken),
            // Another call created it first, or its owners and members are there already.
            Some(NameFault::UniqueNameTaken) => Ok(Upserted::Existed),
            None if is_already_there(&error) => Ok(Upserted::Existed),
            None if is_reference_missing(&error) => Ok(Upserted::BindRefused(error)),
            None => Err(error),
        }
    }

    /// Returns the group with this unique name. A new one can be missing for seconds.
    pub async fn group_by_unique_name(
        &self,
        access: &Access,
        unique_name: &str,
    ) -> Result<Option<Group>, CallError> {
        self.get(access, Call::get(by_unique_name(unique_name)).query("$select", SELECT)).await
    }

    /// Returns the group without members.
    pub async fn group(&self, access: &Access, group: GroupId) -> Result<Option<Group>, CallError> {
        let call = Call::get(format!("/groups/{group}")).query("$select", SELECT);
        let answer = self.find(access, call).await?;
        answer.map(|answer| of_id(&answer, group)).transpose()
    }

    /// Returns the group with all its members and owners, read at about the same time; `None` only
    /// if all three are missing.
    ///
    /// # Errors
    /// Fails without both complete listings. A missing listing that another answer contradicts is
    /// transient.
    pub async fn read_group(
        &self,
        access: &Access,
        group: GroupId,
    ) -> Result<Option<GroupReading>, CallError> {
        let path = format!("/groups/{group}");
        // The plain listing: a cast or a filter would read an index that lags further behind.
        let listing = |relation| format!("{path}/{relation}?$select=id&$top=999");
        let urls = [format!("{path}?$select={SELECT}"), listing("members"), listing("owners")];
        let answers = self.read_batch(access, &urls).await?;
        // Never so: there is an answer, or its error, for each of the three.
        let Ok([found, members, owners]) = <[_; 3]>::try_from(answers) else { return Ok(None) };
        let found: Option<Group> = match found {
            Ok(answer) => Some(of_id(&answer, group)?),
            // People can still be listed, and they sync by the listings.
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(error),
        };
        let is_listing_missing =
            |listing: &Result<_, CallError>| listing.as_ref().is_err_and(is_missing);
        // One 404 of three can be a replica that lags. Only all three together count.
        if found.is_none() && is_listing_missing(&members) && is_listing_missing(&owners) {
            return Ok(None);
        }
        let members = self.read_relation(access, format!("{path}/members"), members).await?;
        let owners = self.read_relation(access, format!("{path}/owners"), owners).await?;
        Ok(Some(GroupReading { group: found, members, owners }))
    }

    async fn read_relation(
        &self,
        access: &Access,
        path: String,
        first: Result<Answer, CallError>,
    ) -> Result<Complete<Vec<DirectoryObject>>, CallError> {
        let call = Call::get(path).query("$select", "id").query("$top", "999");
        let listing = Listing::of_all(call).from(first.map_err(incomplete)?);
        let read: Complete<Vec<ListedObject>> =
            self.read_all_pages(access, listing).await.map_err(incomplete)?;
        let objects: BTreeMap<_, _> =
            // Two pages can repeat a row when the list changes between them.
            read.get().iter().map(|object| (object.id, object.kind())).collect();
        Ok(Complete::new(
            objects.into_iter().map(|(id, kind)| DirectoryObject { id, kind }).collect(),
        ))
    }

    /// Renames the group. A name that is too long is cut, as at the creation.
    pub async fn rename_group(
        &self,
        access: &Access,
        group: GroupId,
        name: &str,
    ) -> Result<Renamed, CallError> {
        // Graph refuses a name of more than 256 characters.
        let name = display_name(name);
        let call = Call::new(Method::PATCH, format!("/groups/{group}"))
            .json(&json!({"displayName": name}));
        let answer = self.caller.call(access, call.accept(&[400, 422])).await?;
        match name_fault(&answer.body, name) {
            // A success has no body that could name a fault.
            _ if answer.status < 300 => Ok(Renamed::Renamed),
            Some(NameFault::Policy(suggested)) => Ok(Renamed::NeedsName { suggested }),
            _ => Err(self.refused(&answer)),
        }
    }

    /// Turns an answer that was accepted because of its body into its error.
    fn refused(&self, answer: &Answer) -> CallError {
        answer.failed(self.caller.refusal(answer.status, &answer.body))
    }

    /// Returns one object, or `None` for a 404.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        access: &Access,
        call: Call,
    ) -> Result<Option<T>, CallError> {
        self.find(access, call).await?.map(|answer| answer.json()).transpose()
    }

    /// Makes a call, and returns `None` for a 404.
    pub(super) async fn find(
        &self,
        access: &Access,
        call: Call,
    ) -> Result<Option<Answer>, CallError> {
        match self.caller.call(access, call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn by_unique_name(name: &str) -> String {
    // OData doubles quotes inside of a literal.
    format!("/groups(uniqueName='{}')", utf8_percent_encode(&name.replace('\'', "''"), KEY))
}

/// Reads a group, which must be the one that the call names.
fn of_id(answer: &Answer, group: GroupId) -> Result<Group, CallError> {
    let found: Group = answer.json()?;
    // A cache in between answered for someone else.
    if found.id == group { Ok(found) } else { Err(answer.unreadable("another group")) }
}

/// Turns a 404 of a listing into a transient error. Another answer found the group, so the replica
/// is late.
fn incomplete(error: CallError) -> CallError {
    // The group answers and its listing does not: no one may be removed for that.
    if is_missing(&error) { error.contradicted() } else { error }
}

fn is_missing(error: &CallError) -> bool {
    error.status() == Some(404)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_name_is_escaped() {
        assert_eq!(by_unique_name("webex-team-1"), "/groups(uniqueName='webex-team-1')");
        assert_eq!(
            by_unique_name("o'hara/x ü?"),
            "/groups(uniqueName='o%27%27hara%2Fx%20%C3%BC%3F')"
        );
    }

    #[test]
    fn object_without_type_is_a_user() {
        let kind = |kind: Option<&str>| {
            let id = "87d349ed-44d7-43e1-9a83-5f2406dee5bd".parse().unwrap();
            ListedObject { id, kind: kind.map(Into::into) }.kind()
        };
        assert_eq!(kind(None), ObjectKind::User);
        assert_eq!(kind(Some("#microsoft.graph.user")), ObjectKind::User);
        assert_eq!(kind(Some("#microsoft.graph.servicePrincipal")), ObjectKind::Other);
    }
}
