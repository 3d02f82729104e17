//! `/room/linkedFolders`: one folder a space, for who is in it.

use domain::ids::{PersonId, RoomId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::seats::Standing;
use super::{Caller, LinkedFolder, Webex, ids, not_found, page, refused};
use crate::wire::{Answer, Outcome, Request};
use crate::world::{State, World};

const FIELDS: [&str; 4] = ["contentUrl", "displayName", "driveId", "itemId"];

#[derive(Clone)]
pub(super) struct Folder {
    room: RoomId,
    /// contentUrl, displayName, driveId, itemId: taken as they come, as Webex validates nothing.
    fields: [String; 4],
    default: String,
    creator: PersonId,
    created: Timestamp,
}

impl Webex {
    /// The space's folder.
    pub(super) fn folder_of(&self, room: RoomId) -> Option<LinkedFolder> {
        let folder = self.folders.values().find(|folder| folder.room == room)?;
        let [_, name, drive, item] = folder.fields.clone();
        Some(LinkedFolder { name, drive, item, default: folder.default.clone() })
    }
}

impl Folder {
    pub(super) fn is_of(&self, room: RoomId) -> bool {
        self.room == room
    }
}

impl World {
    /// Somebody in a space removes the link to its folder.
    pub fn unlink_folder(&self, room: RoomId) {
        self.lock().webex.folders.retain(|_, folder| folder.room != room);
    }

    /// Somebody in a space links it to a folder, in the place of the one that it had.
    pub fn link_folder(&self, room: RoomId, drive: &str, item: &str) {
        let mut state = self.lock();
        state.webex.folders.retain(|_, folder| folder.room != room);
        let Some(creator) = state.webex.rooms.get(&room).map(|entry| entry.creator) else { return };
        let fields = state.corrected(["https://somewhere.example", "Shared", drive, item].map(String::from));
        let folder = Folder { room, fields, default: "true".into(), creator, created: state.now };
        let id = state.uuid();
        state.webex.folders.insert(id, folder);
    }
}

impl State {
    fn needs_participant(&self, caller: &Caller, room: RoomId, scope: &str) -> Result<(), Answer> {
        match self.standing(caller, room, scope, "spark-compliance:rooms_read")? {
            Standing::Inside(_) => Ok(()),
            Standing::InTeam | Standing::Officer => Err(refused(403, "You are not a participant of the space.")),
        }
    }

    fn folder_json(&self, id: Uuid, folder: &Folder) -> Value {
        let mut shown = json!({
            "id": ids::encode("us", "TABS", id),
            "roomId": self.webex.of_room(folder.room),
            "roomType": "group",
            "defaultFolder": folder.default,
            "creatorId": ids::of_person(folder.creator),
            "created": format!("{:.3}", folder.created),
        });
        for (name, value) in FIELDS.iter().zip(&folder.fields) {
            shown[*name] = value.as_str().into();
        }
        shown
    }

    /// Webex asks SharePoint what it is told to link, and corrects name and address; what SharePoint does not know stays as it was said.
    fn corrected(&self, [url, name, drive, item]: [String; 4]) -> [String; 4] {
        match self.shown_in_drive(&drive, &item) {
            Some((name, url)) => [url, name, drive, item],
            None => [url, name, drive, item],
        }
    }

    fn folder_fields(body: &Value) -> Result<([String; 4], String), Answer> {
        let text = |name: &str| {
            let text = body[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            text.ok_or_else(|| refused(400, &format!("{name} is required and a string.")))
        };
        let [content_url, display_name, drive, item] = FIELDS.map(text);
        let default = text("defaultFolder")?;
        if !["true", "false"].contains(&default.as_str()) {
            return Err(refused(400, "defaultFolder is \"true\" or \"false\"."));
        }
        Ok(([content_url?, display_name?, drive?, item?], default))
    }

    pub(super) fn list_folders(&self, caller: &Caller, call: &Request) -> Outcome {
        let room = call.query("roomId").ok_or_else(|| refused(400, "roomId is required."))?;
        let room = self.webex.room_named(room)?;
        self.needs_participant(caller, room, "spark:rooms_read")?;
        let of_room = self.webex.folders.iter().filter(|(_, folder)| folder.room == room);
        let items = of_room.map(|(id, folder)| self.folder_json(*id, folder)).collect();
        Ok(page(call, &self.webex.settings, 100, items))
    }

    pub(super) fn post_folder(&mut self, caller: &Caller, body: &Value) -> Outcome {
        let room = self.webex.room_named(body["roomId"].as_str().unwrap_or_default())?;
        self.needs_participant(caller, room, "spark:rooms_write")?;
        let (fields, default) = Self::folder_fields(body)?;
        if self.webex.folders.values().any(|folder| folder.room == room) {
            return Err(refused(409, "The space has a linked folder already."));
        }
        let (id, fields) = (self.uuid(), self.corrected(fields));
        let folder = Folder { room, fields, default, creator: caller.person, created: self.now };
        let shown = self.folder_json(id, &folder);
        self.webex.folders.insert(id, folder);
        Ok(Answer::ok(shown))
    }

    fn folder_named(&self, caller: &Caller, id: &str, scope: &str) -> Result<Uuid, Answer> {
        let id = ids::uuid_of(id, "TABS")?;
        let folder = self.webex.folders.get(&id).ok_or_else(not_found)?;
        self.needs_participant(caller, folder.room, scope)?;
        Ok(id)
    }

    pub(super) fn get_folder(&self, caller: &Caller, id: &str) -> Outcome {
        let id = self.folder_named(caller, id, "spark:rooms_read")?;
        Ok(Answer::ok(self.webex.folders.get(&id).map(|folder| self.folder_json(id, folder)).unwrap_or_default()))
    }

    pub(super) fn put_folder(&mut self, caller: &Caller, id: &str, body: &Value) -> Outcome {
        let id = self.folder_named(caller, id, "spark:rooms_write")?;
        let (fields, default) = Self::folder_fields(body)?;
        let fields = self.corrected(fields);
        if let Some(folder) = self.webex.folders.get_mut(&id) {
            (folder.fields, folder.default) = (fields, default);
        }
        Ok(Answer::ok(self.webex.folders.get(&id).map(|folder| self.folder_json(id, folder)).unwrap_or_default()))
    }

    pub(super) fn delete_folder(&mut self, caller: &Caller, id: &str) -> Outcome {
        let id = self.folder_named(caller, id, "spark:rooms_write")?;
        self.webex.folders.remove(&id);
        Ok(Answer::empty(204))
    }
}
