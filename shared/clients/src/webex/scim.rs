//! Users by SCIM 2, the only API that shows a user's `externalId`. Ids are plain uuids here.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Webex, WebexId};
use crate::http::{Access, Answer, Call, CallError, UnreadableItem};
use crate::wire::{RawItems, lenient, lenient_flag, lenient_text};
use domain::ids::{ObjectId, OrgId, PersonId};

/// Schema of a PATCH body. <https://www.rfc-editor.org/rfc/rfc7644#section-3.5.2>
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// User of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "UserAsSent")]
pub struct ScimUser {
    /// Id of the person.
    pub person: PersonId,
    /// Id in the directory. For synchronized users, the Entra user's object id. Never empty.
    pub external_id: Option<String>,
    /// Sign-in name, an address. Empty if the service does not say it.
    pub user_name: String,
    /// Display name.
    pub name: Option<String>,
    /// `true` if the person is allowed to sign in. `true` if the service does not say.
    pub is_active: bool,
    /// `user`, `room`, ... `None` if the service does not say.
    pub user_type: Option<String>,
    /// Account states: `active`, `pending`, `transient`, `disabled`, ...
    pub account_status: Vec<String>,
    /// Time of the last change.
    pub last_modified: Option<Timestamp>,
}

/// Ability of a user to be on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimState {
    /// The person has signed in, and can sign in.
    SignedIn,
    /// The person has never signed in.
    NotSignedIn,
    /// The person can no longer sign in.
    Inactive,
    /// A room device or similar.
    NotAPerson,
}

impl ScimUser {
    /// Returns the ability of the user to be on both sides.
    ///
    /// `active` says who may sign in, `accountStatus` who did. The documentation requires the
    /// latter. Without any status only `active` decides, since otherwise no one in such an
    /// organization would be eligible. A status without `active`, even an unknown one, is no proof
    /// of a sign-in.
    pub fn state(&self) -> ScimState {
        let has =
            |matches: fn(&str) -> bool| self.account_status.iter().any(|status| matches(status));
        if self.user_type.as_ref().is_some_and(|kind| !kind.eq_ignore_ascii_case("user")) {
            ScimState::NotAPerson
        } else if !self.is_active
            // A fraud state has several spellings, and each blocks the account.
            || has(|status| status == "disabled" || status.starts_with("fraud"))
        {
            ScimState::Inactive
        } else if self.account_status.is_empty() || has(|status| status == "active") {
            ScimState::SignedIn
        } else {
            ScimState::NotSignedIn
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserAsSent {
    id: WebexId<PersonId>,
    #[serde(default, deserialize_with = "lenient")]
    external_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    user_name: String,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient_flag")]
    active: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    user_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    meta: Option<Meta>,
    #[serde(
        default,
        rename = "urn:scim:schemas:extension:cisco:webexidentity:2.0:User",
        deserialize_with = "lenient"
    )]
    extension: Option<Extension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default, deserialize_with = "lenient")]
    last_modified: Option<Timestamp>,
}

/// Webex's extension of a user. Its documentation describes a list of states, its schema a text,
/// and its examples show both. Other forms were seen as objects with a `value`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    #[serde(default, deserialize_with = "states")]
    account_status: Vec<String>,
}

fn states<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let state = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Object(mut fields) => match fields.remove("value") {
            Some(Value::String(text)) => Some(text),
            // A state that cannot be read is not "active": it is no proof of a sign-in.
            _ => Some("unreadable".into()),
        },
        Value::Null => None,
        _ => Some("unreadable".into()),
    };
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(values) => values.into_iter().filter_map(state).collect(),
        value => state(value).into_iter().collect(),
    })
}

impl From<UserAsSent> for ScimUser {
    fn from(sent: UserAsSent) -> Self {
        let status = sent.extension.map(|extension| extension.account_status).unwrap_or_default();
        Self {
            // SCIM's ids are uuids without a region.
            person: sent.id.id,
            // An empty id would match every other empty one.
            external_id: sent.external_id.filter(|id| !id.trim().is_empty()),
            user_name: sent.user_name,
            name: sent.display_name,
            // SCIM makes the field optional. Only an explicit "false" takes someone out.
            is_active: sent.active.unwrap_or(true),
            user_type: sent.user_type.filter(|kind| !kind.is_empty()),
            account_status: status
                .iter()
                .map(|status| status.to_lowercase())
                .filter(|s| !s.is_empty())
                .collect(),
            last_modified: sent.meta.and_then(|meta| meta.last_modified),
        }
    }
}

/// Order of listed users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimOrder {
    /// Order by id, to read all users.
    ById,
    /// Last changed first, to find changes.
    NewestFirst,
}

/// Page of an organization's users. It proves no absence, because users move between pages, and
/// unreadable ones are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimPage {
    /// Users of the page that can be read.
    pub users: Vec<ScimUser>,
    /// Number of all users.
    pub total: usize,
    /// Index of the first user of the page, from 1.
    pub start_index: usize,
    /// Number of users of the page, also of unreadable ones. It can be less than requested, and the
    /// next page starts after it.
    pub items_per_page: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageAsSent {
    total_results: usize,
    // SCIM omits the field if no users are found.
    #[serde(default, rename = "Resources", alias = "resources")]
    users: Option<RawItems>,
}

impl PageAsSent {
    /// Returns the items of a page that starts at an index.
    ///
    /// # Errors
    /// Fails without any, if there must be some.
    fn items(self, answer: &Answer, start_index: usize) -> Result<RawItems, CallError> {
        match self.users {
            // People who are announced and not sent are not missing.
            None if start_index <= self.total_results => Err(answer.unreadable("no Resources")),
            users => Ok(users.unwrap_or_default()),
        }
    }
}

impl Webex {
    /// Returns up to `count` users of an organization, from `start_index` (at least 1) on. The
    /// service's own maximum is unknown.
    pub async fn scim_page(
        &self,
        access: &Access,
        org: OrgId,
        start_index: usize,
        count: usize,
        order: ScimOrder,
    ) -> Result<ScimPage, CallError> {
        let (by, direction) = match order {
            ScimOrder::ById => ("id", "ascending"),
            ScimOrder::NewestFirst => ("meta.lastModified", "descending"),
        };
        // SCIM counts from 1.
        let start_index = start_index.max(1);
        let call = Call::get(users_of(org)).query("startIndex", start_index.to_string());
        let call = call
            .query("count", count.to_string())
            .query("sortBy", by)
            .query("sortOrder", direction);
        let answer = self.0.call(access, call).await?;
        let page: PageAsSent = answer.json()?;
        let total = page.total_results;
        let items = page.items(&answer, start_index)?;
        let users = answer.items(&items, UnreadableItem::IsSkipped)?;
        Ok(ScimPage { items_per_page: items.len(), users, total, start_index })
    }

    /// Returns one user, if this account can see them.
    pub async fn scim_user(
        &self,
        access: &Access,
        org: OrgId,
        person: PersonId,
    ) -> Result<Option<ScimUser>, CallError> {
        let answer = self.find(access, Call::get(format!("{}/{person}", users_of(org)))).await?;
        let Some(answer) = answer else { return Ok(None) };
        let found: ScimUser = answer.json()?;
        if found.person == person {
            Ok(Some(found))
        } else {
            // A cache in between answered for someone else.
            Err(answer.unreadable("another user"))
        }
    }

    /// Sets a user's `externalId`, and returns the user after it. Requires the scope
    /// `identity:people_rw` and an admin who can change people.
    ///
    /// Webex has no conditional write, so the caller reads the user right before. `add` also
    /// replaces.
    /// <https://developer.webex.com/docs/api/v1/scim-2-users/update-a-user-with-patch>
    pub async fn set_external_id(
        &self,
        access: &Access,
        org: OrgId,
        person: PersonId,
        object: ObjectId,
    ) -> Result<ScimUser, CallError> {
        // "add" also replaces, and needs no earlier value.
        let operation = json!({"op": "add", "path": "externalId", "value": object});
        let call = Call::new(Method::PATCH, format!("{}/{person}", users_of(org)));
        self.0
            .call(access, call.json(&json!({"schemas": [PATCH], "Operations": [operation]})))
            .await?
            .json()
    }

    /// Returns the user with this name. A name proves no identity: compare the `externalId`.
    pub async fn scim_user_by_name(
        &self,
        access: &Access,
        org: OrgId,
        user_name: &str,
    ) -> Result<Option<ScimUser>, CallError> {
        // The name comes from a person, and becomes part of a filter.
        let quoted = user_name.replace('\\', r"\\").replace('"', "\\\"");
        let call = Call::get(users_of(org)).query("filter", format!("userName eq \"{quoted}\""));
        let answer = self.0.call(access, call).await?;
        let items = answer.json::<PageAsSent>()?.items(&answer, 1)?;
        // "No such user" decides, so every item must be readable.
        let users: Vec<ScimUser> = answer.items(&items, UnreadableItem::Fails)?;
        // A service that ignores the filter would otherwise return any user.
        let expected = user_name.to_lowercase();
        Ok(users.into_iter().find(|user| user.user_name.to_lowercase() == expected))
    }
}

fn users_of(org: OrgId) -> String {
    format!("/identity/scim/{org}/v2/Users")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(with: &Value) -> ScimUser {
        let id = "b5717a4a-0169-43b2-ac3c-db20ba4e72cd";
        let mut user = json!({
            "id": id, "userName": "a@b.example", "active": true, "userType": "user",
        });
        user.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        serde_json::from_value(user).unwrap()
    }

    fn state_by_status(status: &Value) -> ScimState {
        const EXTENSION: &str = "urn:scim:schemas:extension:cisco:webexidentity:2.0:User";
        user(&json!({ EXTENSION: { "accountStatus": status } })).state()
    }

    #[test]
    fn status_is_a_text_or_a_list() {
        assert_eq!(state_by_status(&json!("active")), ScimState::SignedIn);
        assert_eq!(state_by_status(&json!(["active"])), ScimState::SignedIn);
        assert_eq!(state_by_status(&json!("Active")), ScimState::SignedIn);
    }

    #[test]
    fn active_alone_is_not_signed_in() {
        for status in
            ["pending", "transient", "pending_transient", "compliance_transient", "unheard_of"]
        {
            assert_eq!(state_by_status(&json!(status)), ScimState::NotSignedIn, "{status}");
            assert_eq!(state_by_status(&json!([status])), ScimState::NotSignedIn, "{status}");
        }
    }

    #[test]
    fn disabled_and_fraud_are_inactive() {
        for status in [
            json!("disabled"),
            json!(["active", "disabled"]),
            json!("fraud"),
            json!(["fraud_transient"]),
        ] {
            assert_eq!(state_by_status(&status), ScimState::Inactive, "{status}");
        }
        assert_eq!(user(&json!({ "active": false })).state(), ScimState::Inactive);
    }

    #[test]
    fn active_decides_without_a_status() {
        assert_eq!(state_by_status(&json!(null)), ScimState::SignedIn);
        assert_eq!(state_by_status(&json!([])), ScimState::SignedIn);
        assert_eq!(user(&json!({})).state(), ScimState::SignedIn);
        assert_eq!(user(&json!({ "active": null })).state(), ScimState::SignedIn);
    }

    #[test]
    fn room_is_not_a_person_but_unknown_type_is() {
        assert_eq!(user(&json!({ "userType": "room" })).state(), ScimState::NotAPerson);
        assert_eq!(user(&json!({ "userType": "User" })).state(), ScimState::SignedIn);
        assert_eq!(user(&json!({ "userType": null })).state(), ScimState::SignedIn);
    }

    #[test]
    fn empty_external_id_is_none() {
        assert_eq!(user(&json!({ "externalId": "" })).external_id, None);
        assert_eq!(user(&json!({ "externalId": "x" })).external_id.as_deref(), Some("x"));
    }
}
