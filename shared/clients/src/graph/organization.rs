//! Profile of a directory. <https://learn.microsoft.com/graph/api/organization-list>

use serde::Deserialize;

use super::Graph;
use crate::http::{Access, Call, CallError};
use domain::ids::DirectoryId;

/// Profile of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryProfile {
    /// Id of the directory.
    pub id: DirectoryId,
    /// Display name.
    pub display_name: Option<String>,
    /// Verified domains of the directory.
    #[serde(default)]
    pub verified_domains: Vec<VerifiedDomain>,
}

/// Domain of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedDomain {
    /// Name of the domain.
    pub name: String,
    /// `true` for the default domain of new users.
    #[serde(default)]
    pub is_default: bool,
}

#[derive(Deserialize)]
struct Listing {
    value: Vec<DirectoryProfile>,
}

impl Graph {
    /// Returns the directory of the token. A user's `User.Read` is enough. The app alone would need
    /// `Organization.Read.All`.
    pub async fn directory_profile(
        &self,
        access: &Access,
    ) -> Result<Option<DirectoryProfile>, CallError> {
        let call = Call::get("/organization").query("$select", "id,displayName,verifiedDomains");
        Ok(self.caller.call(access, call).await?.json::<Listing>()?.value.into_iter().next())
    }
}
