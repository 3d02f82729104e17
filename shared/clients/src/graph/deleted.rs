//! Groups that were deleted, and how others are kept from it.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Graph;
use crate::http::{Access, Call, CallError, Repeat};
use domain::ids::GroupId;

/// A deleted group. It can be restored for 30 days, with site and mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub display_name: String,
    /// When it was deleted, if the service says so.
    #[serde(rename = "deletedDateTime")]
    pub deleted_at: Option<Timestamp>,
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is deleted now.
    Deleted,
    /// It is not there (404), perhaps since it was deleted before.
    NotFound,
}

impl Graph {
    /// The group if it is deleted and can be restored.
    pub async fn deleted_group(&self, access: &Access, group: GroupId) -> Result<Option<DeletedGroup>, CallError> {
        // Without $select: the listing's type is directoryObject, which has no name.
        self.get(access, Call::get(format!("/directory/deletedItems/{group}"))).await
    }

    /// Deletes a group. For 30 days it can be restored, with site and mailbox.
    pub async fn delete_group(&self, access: &Access, group: GroupId) -> Result<Deletion, CallError> {
        let path = format!("/groups/{group}");
        match self.caller.call(access, Call::new(Method::DELETE, path.clone())).await {
            Ok(_) => Ok(Deletion::Deleted),
            Err(error) if error.status() == Some(404) => {
                let there: Option<IgnoredAny> = self.get(access, Call::get(path).query("$select", "id")).await?;
                if there.is_some() { Err(error.contradicted()) } else { Ok(Deletion::NotFound) }
            }
            Err(error) => Err(error),
        }
    }

    /// Restores a deleted group; its contents can take a day to come back.
    pub async fn restore_group(&self, access: &Access, group: GroupId) -> Result<(), CallError> {
        let call = Call::new(Method::POST, format!("/directory/deletedItems/{group}/restore"));
        self.caller.call(access, call).await.map(drop)
    }

    /// Puts off the expiration of a group by the policy's lifetime.
    pub async fn renew_group(&self, access: &Access, group: GroupId) -> Result<(), CallError> {
        let call = Call::new(Method::POST, format!("/groups/{group}/renew")).repeat(Repeat::Safe);
        self.caller.call(access, call).await.map(drop)
    }
}
