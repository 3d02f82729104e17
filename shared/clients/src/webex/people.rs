//! Accounts as `/people` shows them. Their `externalId` is not here, but in SCIM.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::wire::{Flag, lenient};
use super::{Webex, WebexId};
use crate::http::{Access, Call, CallError};
use domain::ids::{OrgId, PersonId};

const ROLE_ID: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An account. What only an administrator sees is missing for everybody else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "AccountAsSent")]
pub struct Account {
    /// Its id.
    pub id: WebexId<PersonId>,
    /// Its organization; missing where that cannot be told.
    pub org: Option<OrgId>,
    /// What it is called.
    pub name: Option<String>,
    /// Its addresses.
    pub emails: Vec<String>,
    /// The ids of its administrative roles.
    pub roles: Vec<String>,
    /// Who or what it is.
    pub kind: AccountKind,
    /// Its presence; `pending` is never signed in, missing is unknown.
    pub status: Option<String>,
    /// Whether it was invited and has not followed.
    pub invite_pending: Option<bool>,
    /// Whether it may sign in.
    pub login_enabled: Option<bool>,
}

impl Account {
    /// Whether the account has the role of this name, such as `id_full_admin`. A role's id is the base64 of `ciscospark://<region>/ROLE/<name>`; only an administrator, and
    /// the account itself, are shown roles.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|id| {
            let decoded = ROLE_ID.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let segment = decoded.as_deref().and_then(|id| id.strip_prefix("ciscospark://")?.rsplit_once("/ROLE/"));
            segment.is_some_and(|(_, role)| role == name)
        })
    }
}

/// Who or what an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// A human being.
    Person,
    /// A bot.
    Bot,
    /// A guest that an application brought.
    AppUser,
    /// Something else, or not said.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountAsSent {
    id: WebexId<PersonId>,
    #[serde(default, deserialize_with = "lenient")]
    org_id: Option<WebexId<OrgId>>,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    emails: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    roles: Option<Vec<String>>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<AccountKind>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    invite_pending: Option<Flag>,
    #[serde(default, deserialize_with = "lenient")]
    login_enabled: Option<Flag>,
}

impl From<AccountAsSent> for Account {
    fn from(sent: AccountAsSent) -> Self {
        // Webex's example has several roles in one text, with commas between them.
        let roles = sent.roles.unwrap_or_default();
        Self {
            id: sent.id,
            org: sent.org_id.map(|id| id.id),
            name: sent.display_name,
            emails: sent.emails.unwrap_or_default(),
            roles: roles.iter().flat_map(|roles| roles.split(',')).map(|role| role.trim().into()).collect(),
            kind: sent.kind.unwrap_or(AccountKind::Other),
            status: sent.status,
            invite_pending: sent.invite_pending.and_then(Flag::value),
            login_enabled: sent.login_enabled.and_then(Flag::value),
        }
    }
}

impl Webex {
    /// An account; `None` where there is none that this account may see.
    pub async fn person(&self, access: &Access, person: &WebexId<PersonId>) -> Result<Option<Account>, CallError> {
        let answer = self.find(access, Call::get(format!("/people/{person}"))).await?;
        answer.map(|answer| answer.json()).transpose()
    }

    /// Whose token it is.
    pub async fn me(&self, access: &Access) -> Result<Account, CallError> {
        self.0.call(access, Call::get("/people/me")).await?.json()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(role: &str) -> Account {
        let id = "Y2lzY29zcGFyazovL3VzL1BFT1BMRS8xM2UxOGY0MC00MmZjLTExZTYtYTlkOC0yMTFhMGRjNzk3Njk";
        serde_json::from_value(json!({"id": id, "roles": [role]})).unwrap()
    }

    #[test]
    fn a_role_is_the_last_segment_of_its_id_whole_and_nothing_else() {
        let spelt = |text: &str| ROLE_ID.encode(text);
        assert!(account(&spelt("ciscospark://us/ROLE/id_full_admin")).has_role("id_full_admin"));
        for other in ["ciscospark://us/ROLE/not_id_full_admin", "ciscospark://us/ROLE/id_full_admin_2", "id_full_admin"]
        {
            assert!(!account(&spelt(other)).has_role("id_full_admin"), "{other}");
        }
        assert!(!account("id_full_admin").has_role("id_full_admin"));
        assert!(!account("").has_role("id_full_admin"));
    }
}
