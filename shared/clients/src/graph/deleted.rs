//! Deletion, restoration and renewal of groups.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Graph;
use crate::http::{Access, Call, CallError, Repeat};
use crate::wire::{lenient, lenient_text};
use domain::ids::GroupId;

/// A deleted group. It can be restored for 30 days, with site and mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedGroup {
    /// Id of the group.
    pub id: GroupId,
    /// Name of the group. Empty if the service does not say it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub display_name: String,
    /// Time of the deletion, if the service says it.
    #[serde(default, rename = "deletedDateTime", deserialize_with = "lenient")]
    pub deleted_at: Option<Timestamp>,
}

/// Outcome of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It was deleted.
    Deleted,
    /// It does not exist (404), perhaps because of an earlier deletion.
    NotFound,
}

impl Graph {
    /// Returns the group if it is deleted and can be restored.
    pub async fn deleted_group(
        &self,
        access: &Access,
        group: GroupId,
    ) -> Result<Option<DeletedGroup>, CallError> {
        // Without $select: the listing's type is directoryObject, which has no name.
        let call = Call::get(format!("/directory/deletedItems/{group}"));
        let Some(answer) = self.find(access, call).await? else { return Ok(None) };
        let found: DeletedGroup = answer.json()?;
        // A cache in between can answer for another group, which no one may restore.
        if found.id == group { Ok(Some(found)) } else { Err(answer.unreadable("another group")) }
    }

    /// Deletes a group. It can be restored for 30 days, with site and mailbox.
    pub async fn delete_group(
        &self,
        access: &Access,
        group: GroupId,
    ) -> Result<Deletion, CallError> {
        let path = format!("/groups/{group}");
        match self.caller.call(access, Call::new(Method::DELETE, path.clone())).await {
            Ok(_) => Ok(Deletion::Deleted),
            Err(error) if error.status() == Some(404) => {
                // A 404 can come from a replica that lags behind the creation.
                let there: Option<IgnoredAny> =
                    self.get(access, Call::get(path).query("$select", "id")).await?;
                if there.is_some() { Err(error.contradicted()) } else { Ok(Deletion::NotFound) }
            }
            Err(error) => Err(error),
        }
    }

    /// Restores a deleted group. Its contents can take a day to return.
    pub async fn restore_group(&self, access: &Access, group: GroupId) -> Result<(), CallError> {
        let call = Call::new(Method::POST, format!("/directory/deletedItems/{group}/restore"));
        self.caller.call(access, call).await.map(drop)
    }

    /// Extends the expiration of a group by the policy's lifetime.
    pub async fn renew_group(&self, access: &Access, group: GroupId) -> Result<(), CallError> {
        // A second renewal begins the same lifetime again.
        let call = Call::new(Method::POST, format!("/groups/{group}/renew")).repeat(Repeat::Safe);
        self.caller.call(access, call).await.map(drop)
    }
}
