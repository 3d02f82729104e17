//! Folders of SharePoint that are linked to spaces. <https://developer.webex.com/docs/api/v1/ecm-folder-linking>
//!
//! # Assumptions
//! Only who is in a space sees and changes what is linked to it. Webex checks nothing of what it is told, and may correct name and address: what counts is what is read back.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::memberships::{Removal, removal};
use super::wire::lenient;
use super::{LinkedFolderId, Webex, WebexId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError};
use domain::ids::RoomId;

/// A folder that a space is linked to; a space has one at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedFolder {
    /// Its id.
    pub id: LinkedFolderId,
    /// The library, as SharePoint calls it.
    pub drive: String,
    /// The folder in it, as SharePoint calls it.
    pub item: String,
    /// What Webex calls it.
    pub name: String,
    /// Whether what people share in the space is kept there.
    pub storage: Storage,
}

/// What a linked folder is to its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Files that are shared in the space are kept in it.
    Default,
    /// It can be opened from the space.
    Reference,
}

/// A folder to be linked as a space's default storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderToLink<'a> {
    /// Where people open it.
    pub url: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// The library.
    pub drive: &'a str,
    /// The folder.
    pub item: &'a str,
}

impl FolderToLink<'_> {
    /// All fields are required, by PUT too, and `defaultFolder` is a text.
    fn body(&self, room: &WebexId<RoomId>) -> Value {
        let Self { url, name, drive, item } = self;
        json!({
            "roomId": room, "contentUrl": url, "displayName": name, "driveId": drive, "itemId": item,
            "defaultFolder": "true",
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkedFolderAsSent {
    id: LinkedFolderId,
    drive_id: String,
    item_id: String,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    default_folder: Option<String>,
}

impl LinkedFolderAsSent {
    fn read(self) -> Result<Option<LinkedFolder>, &'static str> {
        let storage = match self.default_folder.as_deref() {
            Some("false") => Storage::Reference,
            _ => Storage::Default,
        };
        let name = self.display_name.unwrap_or_default();
        Ok(Some(LinkedFolder { id: self.id, drive: self.drive_id, item: self.item_id, name, storage }))
    }
}

impl Webex {
    /// The folder that a space is linked to, if it is.
    ///
    /// # Errors
    /// Also for whoever is not in the space.
    pub async fn linked_folder(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
    ) -> Result<Option<LinkedFolder>, CallError> {
        let call = Call::get("/room/linkedFolders").query("roomId", room.to_string());
        let linked: Complete<Vec<LinkedFolder>> = self.list(access, call, LinkedFolderAsSent::read).await?;
        Ok(linked.into_inner().into_iter().next())
    }

    /// Links a folder to a space that has none. Not repeated when the answer is lost: read what is linked.
    pub async fn link_folder(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
        folder: FolderToLink<'_>,
    ) -> Result<(), CallError> {
        let call = Call::new(Method::POST, "/room/linkedFolders").json(&folder.body(room));
        self.0.call(access, call).await.map(drop)
    }

    /// Puts another folder in the place of the one that is linked.
    pub async fn relink_folder(
        &self,
        access: &Access,
        (room, linked): (&WebexId<RoomId>, &LinkedFolderId),
        folder: FolderToLink<'_>,
    ) -> Result<(), CallError> {
        let call = Call::new(Method::PUT, format!("/room/linkedFolders/{linked}")).json(&folder.body(room));
        self.0.call(access, call).await.map(drop)
    }

    /// Unlinks a folder; its files stay.
    pub async fn unlink_folder(&self, access: &Access, linked: &LinkedFolderId) -> Result<Removal, CallError> {
        removal(self.0.call(access, Call::new(Method::DELETE, format!("/room/linkedFolders/{linked}"))).await.map(drop))
    }
}
