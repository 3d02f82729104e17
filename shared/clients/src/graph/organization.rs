//! Profile of a directory. <https://learn.microsoft.com/graph/api/organization-list>

use serde::{Deserialize, Deserializer};

use super::Graph;
use crate::http::{Access, Call, CallError, UnreadableItem};
use crate::wire::{RawItems, lenient, lenient_flag, lenient_text};
use domain::ids::DirectoryId;

/// Profile of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryProfile {
    /// Id of the directory.
    pub id: DirectoryId,
    /// Display name.
    #[serde(default, deserialize_with = "lenient")]
    pub display_name: Option<String>,
    /// Verified domains of the directory.
    #[serde(default, deserialize_with = "domains")]
    pub verified_domains: Vec<VerifiedDomain>,
}

/// Domain of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedDomain {
    /// Name of the domain.
    #[serde(default, deserialize_with = "lenient_text")]
    pub name: String,
    /// `true` for the default domain of new users.
    #[serde(default, deserialize_with = "flag")]
    pub is_default: bool,
}

fn domains<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<VerifiedDomain>, D::Error> {
    Ok(lenient(deserializer)?.unwrap_or_default())
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(lenient_flag(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Listing {
    value: RawItems,
}

impl Graph {
    /// Returns the directory of the token. A user's `User.Read` is enough. The app alone would need
    /// `Organization.Read.All`.
    pub async fn directory_profile(
        &self,
        access: &Access,
    ) -> Result<Option<DirectoryProfile>, CallError> {
        let call = Call::get("/organization").query("$select", "id,displayName,verifiedDomains");
        let answer = self.caller.call(access, call).await?;
        let listed: Listing = answer.json()?;
        // A token is for one directory, so the list has one item.
        Ok(answer.items(&listed.value, UnreadableItem::Fails)?.into_iter().next())
    }
}
