//! What a directory says of itself. <https://learn.microsoft.com/graph/api/organization-list>

use serde::Deserialize;

use super::Graph;
use crate::http::{Access, Call, CallError};
use domain::ids::DirectoryId;

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Its id.
    pub id: DirectoryId,
    /// What it is called.
    pub display_name: Option<String>,
    /// The domains that are proven to be its own.
    #[serde(default)]
    pub verified_domains: Vec<VerifiedDomain>,
}

/// A domain of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedDomain {
    /// Its name.
    pub name: String,
    /// Whether new users get it.
    #[serde(default)]
    pub is_default: bool,
}

#[derive(Deserialize)]
struct Listing {
    value: Vec<Organization>,
}

impl Graph {
    /// The directory that the token is for. A signed-in user's `User.Read` is enough; the app by itself would need `Organization.Read.All`.
    pub async fn organization(&self, access: &Access) -> Result<Option<Organization>, CallError> {
        let call = Call::get("/organization").query("$select", "id,displayName,verifiedDomains");
        Ok(self.caller.call(access, call).await?.json::<Listing>()?.value.into_iter().next())
    }
}
