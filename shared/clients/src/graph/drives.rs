//! A group's document library and the folders in it: SharePoint, through Graph. <https://learn.microsoft.com/graph/api/resources/driveitem>
//!
//! It has limits, refusals and a consent of its own, so these calls are made with the access of the app for files. What was deleted cannot be brought back from here: to
//! restore an item is for personal drives only. <https://learn.microsoft.com/graph/api/driveitem-restore>

use std::fmt;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Graph;
use crate::http::{Access, Call, CallError, Repeat};
use domain::ids::GroupId;

const SELECT: &str = "id,name,webUrl,eTag,folder,root,parentReference";

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'!');

/// A text that cannot be part of a path, so that it is no id of SharePoint's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of SharePoint's: {0:?}")]
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
                let is_of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'!' | b'=');
                let is_one = !text.is_empty() && text.len() <= 500 && text.bytes().all(is_of_an_id);
                if is_one { Ok(Self(text)) } else { Err(InvalidDriveId(text.chars().take(200).collect())) }
            }
        }
        impl $name {
            /// As SharePoint spells it.
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
    /// A document library.
    DriveId;
    /// A folder, which keeps its id when it is renamed or moved within its library.
    ItemId;
}

/// A group's document library.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drive {
    /// Its id.
    pub id: DriveId,
    /// Where people open it.
    #[serde(default)]
    pub web_url: String,
}

/// Something in a library.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriveItem {
    /// Its id.
    pub id: ItemId,
    /// What it is called now.
    pub name: String,
    /// Where people open it; it goes with the name.
    #[serde(default)]
    pub web_url: String,
    /// Which version this is, for [`Graph::rename_item`].
    #[serde(default)]
    pub e_tag: Option<String>,
    folder: Option<Facet>,
    root: Option<Facet>,
    #[serde(default)]
    parent_reference: ParentReference,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Facet {}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct ParentReference {
    id: Option<ItemId>,
}

impl DriveItem {
    /// Whether it is a folder that can be a space's: no file, and not the library itself.
    pub fn is_folder(&self) -> bool {
        self.folder.is_some() && self.root.is_none()
    }

    /// The folder in which it is; `None` where that was not said.
    pub fn parent(&self) -> Option<&ItemId> {
        self.parent_reference.id.as_ref()
    }
}

/// What became of making a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// It was made.
    Made(DriveItem),
    /// Something of this name is there already (409 `nameAlreadyExists`), whatever the case.
    NameTaken,
}

/// What became of giving something another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It has the name.
    Renamed(DriveItem),
    /// Something else has it.
    NameTaken,
    /// Somebody changed it since it was read (412): read it again.
    Changed,
    /// It is gone.
    NotFound,
}

impl Graph {
    /// What keeps Graph from taking this token for files, if anything does: it is asked for the library of a group that does not exist, and who may not ask is told so (401, 403) before who asks in vain.
    pub async fn refusal_of_files(&self, access: &Access) -> Result<Option<CallError>, CallError> {
        let nobody = GroupId(uuid::Uuid::nil());
        match self.files.call(access, Call::get(format!("/groups/{nobody}/drive"))).await {
            Ok(_) => Ok(None),
            Err(error) => match error.status() {
                Some(401 | 403) => Ok(Some(error)),
                Some(400 | 404) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// The default library of a group; `None` while the group's site is not there: minutes to hours after the group was made, it answers 404.
    pub async fn group_drive(&self, access: &Access, group: GroupId) -> Result<Option<Drive>, CallError> {
        let call = Call::get(format!("/groups/{group}/drive")).query("$select", "id,webUrl");
        self.file(access, call).await
    }

    /// Something in a library; `None` where it is not, or not any more.
    pub async fn drive_item(
        &self,
        access: &Access,
        drive: &DriveId,
        item: &ItemId,
    ) -> Result<Option<DriveItem>, CallError> {
        self.file(access, Call::get(path_of(drive, item)).query("$select", SELECT)).await
    }

    /// What has this name at the root of a library, whatever the case.
    pub async fn item_at_root(
        &self,
        access: &Access,
        drive: &DriveId,
        name: &str,
    ) -> Result<Option<DriveItem>, CallError> {
        let path = format!("/drives/{}/root:/{}", encoded(&drive.0), encoded(name));
        self.file(access, Call::get(path).query("$select", SELECT)).await
    }

    /// Makes a folder at the root of a library. One that is there already is never replaced, and never gets a sibling "Name 1".
    pub async fn make_folder(&self, access: &Access, drive: &DriveId, name: &str) -> Result<Made, CallError> {
        let body = json!({"name": name, "folder": {}, "@microsoft.graph.conflictBehavior": "fail"});
        // A second one does nothing but answer 409.
        let call = Call::new(Method::POST, format!("/drives/{}/root/children", encoded(&drive.0)));
        match self.files.call(access, call.json(&body).repeat(Repeat::Safe)).await {
            Ok(answer) => answer.json().map(Made::Made),
            Err(error) if is_taken(&error) => Ok(Made::NameTaken),
            Err(error) => Err(error),
        }
    }

    /// Gives something in a library another name, if it is still as it was read.
    pub async fn rename_item(
        &self,
        access: &Access,
        drive: &DriveId,
        item: &DriveItem,
        name: &str,
    ) -> Result<Moved, CallError> {
        let mut call = Call::new(Method::PATCH, path_of(drive, &item.id)).json(&json!({"name": name}));
        if let Some(e_tag) = &item.e_tag {
            call = call.header_value("if-match", e_tag);
        }
        match self.files.call(access, call).await {
            Ok(answer) => answer.json().map(Moved::Renamed),
            Err(error) if is_taken(&error) => Ok(Moved::NameTaken),
            Err(error) if error.status() == Some(412) => Ok(Moved::Changed),
            Err(error) if error.status() == Some(404) => match self.drive_item(access, drive, &item.id).await? {
                Some(_) => Err(error.contradicted()),
                None => Ok(Moved::NotFound),
            },
            Err(error) => Err(error),
        }
    }

    async fn file<T: serde::de::DeserializeOwned>(&self, access: &Access, call: Call) -> Result<Option<T>, CallError> {
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

/// Final, whereas another 409 of Graph's is worth a second try.
fn is_taken(error: &CallError) -> bool {
    matches!(error.refusal(), Some((409, "nameAlreadyExists", _)))
}
