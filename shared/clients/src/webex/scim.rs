//! Users as SCIM 2 shows them: the only place where a user's `externalId` can be read. Ids are plain uuids here.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::wire::lenient;
use super::{Webex, WebexId};
use crate::http::{Access, Call, CallError};
use domain::ids::{ObjectId, OrgId, PersonId};

/// What a change of a user calls itself. <https://www.rfc-editor.org/rfc/rfc7644#section-3.5.2>
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A user of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "UserAsSent")]
pub struct ScimUser {
    /// The person.
    pub person: PersonId,
    /// Whom the directory takes the person for: for synchronized users, the Entra user's object id. Never empty.
    pub external_id: Option<String>,
    /// The name to sign in with, an address.
    pub user_name: String,
    /// What the person is called.
    pub name: Option<String>,
    /// Whether the person is allowed to sign in: no more than that. Yes where it is not said.
    pub is_active: bool,
    /// `user`, `room`, ...; missing where it is not said.
    pub user_type: Option<String>,
    /// What became of the account: `active`, `pending`, `transient`, `disabled`, ...
    pub account_status: Vec<String>,
    /// When the user was last changed.
    pub last_modified: Option<Timestamp>,
}

/// Whether a user can take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimState {
    /// A person who has signed in and may.
    SignedIn,
    /// A person who has never signed in.
    NotSignedIn,
    /// A person who may not sign in any more.
    Inactive,
    /// A room's device or the like.
    NotAPerson,
}

impl ScimUser {
    /// Whether the user can take part.
    ///
    /// `active` says who is allowed to sign in, `accountStatus` who has. Webex's page makes the latter required; an organization whose users come without any status at all
    /// can only be gone by the former, since otherwise nobody in it could ever take part. A status that is there and does not say `active` (also one that is new to us) is no proof of a sign-in.
    pub fn state(&self) -> ScimState {
        let has = |wanted: fn(&str) -> bool| self.account_status.iter().any(|status| wanted(status));
        if self.user_type.as_ref().is_some_and(|kind| !kind.eq_ignore_ascii_case("user")) {
            ScimState::NotAPerson
        } else if !self.is_active || has(|status| status == "disabled" || status.starts_with("fraud")) {
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
    user_name: String,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    user_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    meta: Option<Meta>,
    #[serde(default, rename = "urn:scim:schemas:extension:cisco:webexidentity:2.0:User")]
    extension: Option<Extension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default, deserialize_with = "lenient")]
    last_modified: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    #[serde(default)]
    account_status: Option<OneOrMany>,
}

/// Webex's page describes an array, its schema a text, and its examples show both.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<UserAsSent> for ScimUser {
    fn from(sent: UserAsSent) -> Self {
        let status = match sent.extension.and_then(|extension| extension.account_status) {
            None => vec![],
            Some(OneOrMany::One(status)) => vec![status],
            Some(OneOrMany::Many(status)) => status,
        };
        Self {
            person: sent.id.id,
            external_id: sent.external_id.filter(|id| !id.trim().is_empty()),
            user_name: sent.user_name,
            name: sent.display_name,
            is_active: sent.active.unwrap_or(true),
            user_type: sent.user_type.filter(|kind| !kind.is_empty()),
            account_status: status.iter().map(|status| status.to_lowercase()).filter(|s| !s.is_empty()).collect(),
            last_modified: sent.meta.and_then(|meta| meta.last_modified),
        }
    }
}

/// In what order users are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimOrder {
    /// By id: for a pass over all of them.
    ById,
    /// The last changed first: for finding what changed.
    NewestFirst,
}

/// Some of an organization's users. Who is not on it is not gone: between two pages, people move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimPage {
    /// The users.
    pub users: Vec<ScimUser>,
    /// How many users there are in all.
    pub total: usize,
    /// The index of the first of them; the first of all is 1.
    pub start_index: usize,
    /// How many came, however many were asked for: the next page starts this much later.
    pub items_per_page: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageAsSent {
    total_results: usize,
    // SCIM leaves it out where there are none.
    #[serde(default, rename = "Resources", alias = "resources")]
    users: Vec<ScimUser>,
}

impl Webex {
    /// Some of an organization's users, from the one at `start_index` (at least 1) on, and at most `count`. The service may give fewer: how many it gives at most is not known.
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
        let start_index = start_index.max(1);
        let call = Call::get(users_of(org)).query("startIndex", start_index.to_string());
        let call = call.query("count", count.to_string()).query("sortBy", by).query("sortOrder", direction);
        let page: PageAsSent = self.0.call(access, call).await?.json()?;
        Ok(ScimPage { items_per_page: page.users.len(), users: page.users, total: page.total_results, start_index })
    }

    /// One user; `None` where there is none that this account may see.
    pub async fn scim_user(
        &self,
        access: &Access,
        org: OrgId,
        person: PersonId,
    ) -> Result<Option<ScimUser>, CallError> {
        let answer = self.find(access, Call::get(format!("{}/{person}", users_of(org)))).await?;
        answer.map(|answer| answer.json()).transpose()
    }

    /// Writes a user's `externalId`, and says what the user is after that. It takes the scope `identity:people_rw` and an administrator who may change people.
    ///
    /// Webex has no way to say "only if there is none yet": whoever calls reads the user right before.
    /// <https://developer.webex.com/docs/api/v1/scim-2-users/update-a-user-with-patch>: `add` also replaces.
    pub async fn set_external_id(
        &self,
        access: &Access,
        org: OrgId,
        person: PersonId,
        object: ObjectId,
    ) -> Result<ScimUser, CallError> {
        let operation = json!({"op": "add", "path": "externalId", "value": object});
        let call = Call::new(Method::PATCH, format!("{}/{person}", users_of(org)));
        self.0.call(access, call.json(&json!({"schemas": [PATCH], "Operations": [operation]}))).await?.json()
    }

    /// The user with this name. It proves nothing about who that is: compare the `externalId`.
    pub async fn scim_user_by_name(
        &self,
        access: &Access,
        org: OrgId,
        user_name: &str,
    ) -> Result<Option<ScimUser>, CallError> {
        let quoted = user_name.replace('\\', r"\\").replace('"', "\\\"");
        let call = Call::get(users_of(org)).query("filter", format!("userName eq \"{quoted}\""));
        let page: PageAsSent = self.0.call(access, call).await?.json()?;
        // A filter that the service did not heed would otherwise hand out anybody.
        let wanted = user_name.to_lowercase();
        Ok(page.users.into_iter().find(|user| user.user_name.to_lowercase() == wanted))
    }
}

fn users_of(org: OrgId) -> String {
    format!("/identity/scim/{org}/v2/Users")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn user(with: &Value) -> ScimUser {
        let mut user = json!({ "id": "b5717a4a-0169-43b2-ac3c-db20ba4e72cd", "userName": "a@b.example", "active": true, "userType": "user" });
        user.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        serde_json::from_value(user).unwrap()
    }

    fn state_by_status(status: &Value) -> ScimState {
        user(&json!({ "urn:scim:schemas:extension:cisco:webexidentity:2.0:User": { "accountStatus": status } })).state()
    }

    #[test]
    fn a_status_is_read_in_both_its_forms() {
        assert_eq!(state_by_status(&json!("active")), ScimState::SignedIn);
        assert_eq!(state_by_status(&json!(["active"])), ScimState::SignedIn);
        assert_eq!(state_by_status(&json!("Active")), ScimState::SignedIn);
    }

    #[test]
    fn who_is_active_but_has_not_signed_in_does_not_count_as_signed_in() {
        for status in ["pending", "transient", "pending_transient", "compliance_transient", "unheard_of"] {
            assert_eq!(state_by_status(&json!(status)), ScimState::NotSignedIn, "{status}");
            assert_eq!(state_by_status(&json!([status])), ScimState::NotSignedIn, "{status}");
        }
    }

    #[test]
    fn who_is_shut_out_is_inactive_whatever_else_is_said() {
        for status in [json!("disabled"), json!(["active", "disabled"]), json!("fraud"), json!(["fraud_transient"])] {
            assert_eq!(state_by_status(&status), ScimState::Inactive, "{status}");
        }
        assert_eq!(user(&json!({ "active": false })).state(), ScimState::Inactive);
    }

    #[test]
    fn without_any_status_active_decides() {
        assert_eq!(state_by_status(&json!(null)), ScimState::SignedIn);
        assert_eq!(state_by_status(&json!([])), ScimState::SignedIn);
        assert_eq!(user(&json!({})).state(), ScimState::SignedIn);
        assert_eq!(user(&json!({ "active": null })).state(), ScimState::SignedIn);
    }

    #[test]
    fn a_room_is_no_person_and_an_unnamed_kind_is_one() {
        assert_eq!(user(&json!({ "userType": "room" })).state(), ScimState::NotAPerson);
        assert_eq!(user(&json!({ "userType": "User" })).state(), ScimState::SignedIn);
        assert_eq!(user(&json!({ "userType": null })).state(), ScimState::SignedIn);
    }

    #[test]
    fn an_empty_external_id_is_none() {
        assert_eq!(user(&json!({ "externalId": "" })).external_id, None);
        assert_eq!(user(&json!({ "externalId": "x" })).external_id.as_deref(), Some("x"));
    }
}
