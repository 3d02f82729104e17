//! SharePoint folders that are linked to spaces.
//! <https://developer.webex.com/docs/api/v1/ecm-folder-linking>
//!
//! # Assumptions
//! Only members of a space see and change its linked folder. Webex checks no field and may correct
//! name and address, so only a later reading counts.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::memberships::{Removal, removal};
use super::paging::every;
use super::{LinkedFolderId, Webex, WebexId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError};
use crate::wire::{lenient, lenient_flag};
use domain::ids::RoomId;

/// Folder that is linked to a space. A space has at most one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedFolder {
    /// Id of the link.
    pub id: LinkedFolderId,
    /// SharePoint's id of the library.
    pub drive: String,
    /// SharePoint's id of the folder.
    pub item: String,
    /// Name in Webex.
    pub name: String,
    /// Use of the folder by the space.
    pub storage: Storage,
}

/// Use of a linked folder by its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// The space stores its shared files in the folder.
    Default,
    /// The space only shows a link to the folder.
    Reference,
}

/// Folder to link as a space's default storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderToLink<'a> {
    /// URL of the folder in the browser.
    pub url: &'a str,
    /// Name to show in Webex.
    pub name: &'a str,
    /// SharePoint's id of the library.
    pub drive: &'a str,
    /// SharePoint's id of the folder.
    pub item: &'a str,
}

impl FolderToLink<'_> {
    /// Returns the body for POST and PUT. Both require all fields, and `defaultFolder` as a text.
    fn body(&self, room: &WebexId<RoomId>) -> Value {
        let Self { url, name, drive, item } = self;
        json!({
            "roomId": room,
            "contentUrl": url,
            "displayName": name,
            "driveId": drive,
            "itemId": item,
            // Webex's reference has a text here, not a boolean.
            "defaultFolder": "true",
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkedFolderAsSent {
    id: LinkedFolderId,
    #[serde(default, deserialize_with = "lenient")]
    room_id: Option<WebexId<RoomId>>,
    drive_id: String,
    item_id: String,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient_flag")]
    default_folder: Option<bool>,
}

impl LinkedFolderAsSent {
    fn read(self) -> Result<Option<LinkedFolder>, &'static str> {
        let storage = match self.default_folder {
            Some(false) => Storage::Reference,
            // Our own links are default folders, so an answer without the field is one of them.
            Some(true) | None => Storage::Default,
        };
        let name = self.display_name.unwrap_or_default();
        Ok(Some(LinkedFolder {
            id: self.id,
            drive: self.drive_id,
            item: self.item_id,
            name,
            storage,
        }))
    }
}

impl Webex {
    /// Returns the folder that is linked to a space.
    ///
    /// # Errors
    /// Fails if the account is not a member of the space.
    pub async fn linked_folder(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
    ) -> Result<Option<LinkedFolder>, CallError> {
        let call = Call::get("/room/linkedFolders").query("roomId", room.to_string());
        let of_room = |folder: LinkedFolderAsSent| match &folder.room_id {
            // If Webex ignored the filter, this space would look linked.
            Some(found) if found.id != room.id => Err("a folder of another space"),
            _ => folder.read(),
        };
        // Strict: a link that is overlooked would be made a second time.
        let linked: Complete<Vec<LinkedFolder>> = self.list(access, call, &every(of_room)).await?;
        Ok(linked.into_inner().into_iter().next())
    }

    /// Links a folder to a space that has none. Not repeated when the answer is lost: the caller
    /// reads the link instead.
    pub async fn link_folder(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        folder: FolderToLink<'_>,
    ) -> Result<(), CallError> {
        let call = Call::new(Method::POST, "/room/linkedFolders").json(&folder.body(room));
        self.0.call(access, call).await.map(drop)
    }

    /// Replaces the folder of a link.
    pub async fn relink_folder(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        linked: &LinkedFolderId,
        folder: FolderToLink<'_>,
    ) -> Result<(), CallError> {
        let call = Call::new(Method::PUT, format!("/room/linkedFolders/{linked}"))
            .json(&folder.body(room));
        self.0.call(access, call).await.map(drop)
    }

    /// Unlinks a folder. Its files stay.
    pub async fn unlink_folder(
        &self,
        access: &Access,
        linked: &LinkedFolderId,
    ) -> Result<Removal, CallError> {
        removal(
            self.0
                .call(access, Call::new(Method::DELETE, format!("/room/linkedFolders/{linked}")))
                .await
                .map(drop),
        )
    }
}
