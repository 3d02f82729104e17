//! Accounts, from `/people`. Only SCIM shows their `externalId`.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::{Webex, WebexId};
use crate::http::{Access, Call, CallError};
use crate::wire::{lenient, lenient_flag, lenient_texts};
use domain::ids::{OrgId, PersonId};

const ROLE_ID: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Account of a person or bot. Only admins see all fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "AccountAsSent")]
pub struct Account {
    /// Id of the account.
    pub id: WebexId<PersonId>,
    /// Organization, if Webex shows it.
    pub org: Option<OrgId>,
    /// Display name.
    pub name: Option<String>,
    /// Addresses.
    pub emails: Vec<String>,
    /// Ids of the administrative roles.
    pub roles: Vec<String>,
    /// Kind of account.
    pub kind: AccountKind,
    /// Presence. `pending` means never signed in, `None` means unknown.
    pub status: Option<String>,
    /// `true` while an invitation is not accepted.
    pub invite_pending: Option<bool>,
    /// `true` if the account can sign in.
    pub login_enabled: Option<bool>,
}

impl Account {
    /// Returns `true` if the account has this role, such as `id_full_admin`. A role's id is the
    /// base64 of `ciscospark://<region>/ROLE/<name>`. Only admins and the account itself see roles.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|id| {
            let decoded = ROLE_ID.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let segment = decoded
                .as_deref()
                .and_then(|id| id.strip_prefix("ciscospark://")?.rsplit_once("/ROLE/"));
            // The whole segment: another role can contain the name of this one.
            segment.is_some_and(|(_, role)| role == name)
        })
    }
}

/// Kind of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// A human.
    Person,
    /// A bot.
    Bot,
    /// A guest of an application.
    AppUser,
    /// Another kind, or a missing one.
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
    #[serde(default, deserialize_with = "lenient_texts")]
    emails: Vec<String>,
    #[serde(default, deserialize_with = "lenient_texts")]
    roles: Vec<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<AccountKind>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient_flag")]
    invite_pending: Option<bool>,
    #[serde(default, deserialize_with = "lenient_flag")]
    login_enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrganizationAsSent {
    display_name: String,
}

impl From<AccountAsSent> for Account {
    fn from(sent: AccountAsSent) -> Self {
        // Webex's example has several roles in one text, separated by commas.
        let roles = sent.roles;
        Self {
            id: sent.id,
            org: sent.org_id.map(|id| id.id),
            name: sent.display_name,
            emails: sent.emails,
            roles: roles
                .iter()
                .flat_map(|roles| roles.split(','))
                .map(|role| role.trim().into())
                .collect(),
            // A missing kind must not make an admin of a bot.
            kind: sent.kind.unwrap_or(AccountKind::Other),
            status: sent.status,
            invite_pending: sent.invite_pending,
            login_enabled: sent.login_enabled,
        }
    }
}

impl Webex {
    /// Returns an account, if this account can see it.
    pub async fn person(
        &self,
        access: &Access,
        person: &WebexId<PersonId>,
    ) -> Result<Option<Account>, CallError> {
        let answer = self.find(access, Call::get(format!("/people/{person}"))).await?;
        let Some(answer) = answer else { return Ok(None) };
        let found: Account = answer.json()?;
        if found.id.id == person.id {
            Ok(Some(found))
        } else {
            // A cache in between answered for someone else.
            Err(answer.unreadable("another account"))
        }
    }

    /// Returns the display name of an organization that this account administers.
    pub async fn organization_name(
        &self,
        access: &Access,
        org: &WebexId<OrgId>,
    ) -> Result<String, CallError> {
        let answer = self.0.call(access, Call::get(format!("/organizations/{org}"))).await?;
        Ok(answer.json::<OrganizationAsSent>()?.display_name)
    }

    /// Returns the account of the token.
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
    fn role_is_the_whole_last_segment() {
        let encoded = |text: &str| ROLE_ID.encode(text);
        assert!(account(&encoded("ciscospark://us/ROLE/id_full_admin")).has_role("id_full_admin"));
        for other in [
            "ciscospark://us/ROLE/not_id_full_admin",
            "ciscospark://us/ROLE/id_full_admin_2",
            "id_full_admin",
        ] {
            assert!(!account(&encoded(other)).has_role("id_full_admin"), "{other}");
        }
        assert!(!account("id_full_admin").has_role("id_full_admin"));
        assert!(!account("").has_role("id_full_admin"));
    }
}
