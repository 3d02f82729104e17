//! Document library of a group and its folders: SharePoint, through Graph.
//! <https://learn.microsoft.com/graph/api/resources/driveitem>
//!
//! Limits, refusals and consent are separate, so these calls use the access of the app for files.
//! Deleted items cannot be restored here, since that API is for personal drives only.
//! <https://learn.microsoft.com/graph/api/driveitem-restore>

use std::fmt;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Graph;
use crate::http::{Access, Call, CallError, Repeat};
use crate::wire::{lenient, lenient_text};
use domain::ids::GroupId;

const SELECT: &str = "id,name,webUrl,eTag,folder,root,parentReference";

const SEGMENT: &AsciiSet =
    // An exclamation mark is part of most ids of SharePoint.
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'!');

/// Text that cannot be part of a path, so it is no SharePoint id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SharePoint id: {0:?}")]
pub struct InvalidDriveId(pub String);

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = InvalidDriveId;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                let is_allowed = |byte: u8| {
                    // The id becomes part of a path, so nothing else may be in it.
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'!' | b'=')
                };
                if (1..=500).contains(&text.len()) && text.bytes().all(is_allowed) {
                    return Ok(Self(text));
                }
                // Cut, because the text comes from outside and ends up in a log.
                Err(InvalidDriveId(text.chars().take(200).collect()))
            }
        }
        impl $name {
            /// Returns SharePoint's spelling.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )+};
}

opaque! {
    /// Id of a document library.
    DriveId;
    /// Id of a folder. It stays when the folder is renamed or moved within its library.
    ItemId;
}

/// Document library of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drive {
    /// Id of the library.
    pub id: DriveId,
    /// URL in the browser.
    #[serde(default, deserialize_with = "lenient_text")]
    pub web_url: String,
}

/// Item of a library.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriveItem {
    /// Id of the item.
    pub id: ItemId,
    /// Current name.
    pub name: String,
    /// URL in the browser. It changes with the name.
    #[serde(default, deserialize_with = "lenient_text")]
    pub web_url: String,
    /// Version, for [`Graph::rename_item`].
    #[serde(default, deserialize_with = "lenient")]
    pub e_tag: Option<String>,
    folder: Option<Facet>,
    root: Option<Facet>,
    #[serde(default, deserialize_with = "lenient")]
    parent_reference: Option<ParentReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
// Only its presence says something.
struct Facet {}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct ParentReference {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<ItemId>,
}

impl DriveItem {
    /// Returns `true` for a folder that a space can have: neither a file nor the library itself.
    pub fn is_folder(&self) -> bool {
        // The root of a drive is a folder, too, and must never be renamed.
        self.folder.is_some() && self.root.is_none()
    }

    /// Returns the parent folder, if the answer contains it.
    pub fn parent(&self) -> Option<&ItemId> {
        self.parent_reference.as_ref()?.id.as_ref()
    }
}

/// Outcome of creating a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderCreation {
    /// It was created.
    Created(DriveItem),
    /// The name is taken (409 `nameAlreadyExists`), ignoring case.
    NameTaken,
}

/// Outcome of renaming an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It was renamed.
    Renamed(DriveItem),
    /// Another item has the name.
    NameTaken,
    /// The item changed since it was read (412). Read it again.
    Changed,
    /// The item is gone.
    NotFound,
}

impl Graph {
    /// Returns Graph's refusal of this token for files, if any. Asks for the library of a group
    /// that does not exist: Graph checks permissions (401, 403) first.
    pub async fn refusal_of_files(&self, access: &Access) -> Result<Option<CallError>, CallError> {
        // A group that cannot exist: the answer tells of the right alone.
        let missing = GroupId(uuid::Uuid::nil());
        match self.files.call(access, Call::get(format!("/groups/{missing}/drive"))).await {
            Ok(_) => Ok(None),
            Err(error) => match error.status() {
                Some(401 | 403) => Ok(Some(error)),
                // The request passed the check of rights, and found no such group.
                Some(400 | 404) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Returns the default library of a group. `None` until the group's site exists, which takes
    /// minutes to hours (404).
    pub async fn group_drive(
        &self,
        access: &Access,
        group: GroupId,
    ) -> Result<Option<Drive>, CallError> {
        let call = Call::get(format!("/groups/{group}/drive")).query("$select", "id,webUrl");
        self.file(access, call).await
    }

    /// Returns an item of a library, if it still exists.
    pub async fn drive_item(
        &self,
        access: &Access,
        drive: &DriveId,
        item: &ItemId,
    ) -> Result<Option<DriveItem>, CallError> {
        self.file(access, Call::get(path_of(drive, item)).query("$select", SELECT)).await
    }

    /// Returns the item of this name at the root of a library, ignoring case.
    pub async fn item_at_root(
        &self,
        access: &Access,
        drive: &DriveId,
        name: &str,
    ) -> Result<Option<DriveItem>, CallError> {
        let path = format!("/drives/{}/root:/{}", encoded(&drive.0), encoded(name));
        self.file(access, Call::get(path).query("$select", SELECT)).await
    }

    /// Creates a folder at the root of a library. It never replaces an existing one, and never
    /// creates a sibling "Name 1".
    pub async fn make_folder(
        &self,
        access: &Access,
        drive: &DriveId,
        name: &str,
    ) -> Result<FolderCreation, CallError> {
        let body = json!({"name": name, "folder": {}, "@microsoft.graph.conflictBehavior": "fail"});
        // A second call has no effect, and returns 409.
        let call = Call::new(Method::POST, format!("/drives/{}/root/children", encoded(&drive.0)));
        match self.files.call(access, call.json(&body).repeat(Repeat::Safe)).await {
            Ok(answer) => answer.json().map(FolderCreation::Created),
            Err(error) if is_taken(&error) => Ok(FolderCreation::NameTaken),
            Err(error) => Err(error),
        }
    }

    /// Renames an item of a library, if it did not change since it was read.
    pub async fn rename_item(
        &self,
        access: &Access,
        drive: &DriveId,
        item: &DriveItem,
        name: &str,
    ) -> Result<Moved, CallError> {
        let mut call =
            Call::new(Method::PATCH, path_of(drive, &item.id)).json(&json!({"name": name}));
        // A person who renames the folder at the same time wins.
        if let Some(e_tag) = &item.e_tag {
            call = call.header_value("if-match", e_tag);
        }
        match self.files.call(access, call).await {
            Ok(answer) => answer.json().map(Moved::Renamed),
            Err(error) if is_taken(&error) => Ok(Moved::NameTaken),
            Err(error) if error.status() == Some(412) => Ok(Moved::Changed),
            Err(error) if error.status() == Some(404) => {
                match self.drive_item(access, drive, &item.id).await? {
                    // A 404 can come from a replica that lags behind the creation.
                    Some(_) => Err(error.contradicted()),
                    None => Ok(Moved::NotFound),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn file<T: serde::de::DeserializeOwned>(
        &self,
        access: &Access,
        call: Call,
    ) -> Result<Option<T>, CallError> {
        match self.files.call(access, call).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn path_of(drive: &DriveId, item: &ItemId) -> String {
    format!("/drives/{}/items/{}", encoded(&drive.0), encoded(&item.0))
}

fn encoded(segment: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(segment, SEGMENT)
}

/// Returns `true` for a taken name. It is final, while Graph's other 409 is worth a retry.
fn is_taken(error: &CallError) -> bool {
    matches!(error.refusal(), Some((409, "nameAlreadyExists", _)))
}
