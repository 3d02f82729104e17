//! `/room/linkedFolders`: one folder for each space, for its members.

use domain::ids::RoomId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Scopes, SpaceAccess, access};
use super::{Caller, error, ids, not_found, page};
use crate::state::State;
use crate::state::webex::{FolderLink, Webex};
use crate::wire::{Outcome, Request, Response};

const READ: Scopes = Scopes { own: "spark:rooms_read", compliance: "spark-compliance:rooms_read" };
const WRITE: Scopes =
    Scopes { own: "spark:rooms_write", compliance: "spark-compliance:rooms_read" };

const FIELDS: [&str; 4] = ["contentUrl", "displayName", "driveId", "itemId"];

/// Returns the folder that a space is linked to.
pub(crate) fn of_room(webex: &Webex, room: RoomId) -> Option<&FolderLink> {
    webex.folders.values().find(|folder| folder.room == room)
}

/// Links a space to a folder, in place of the one that it had.
pub(crate) fn link(state: &mut State, room: RoomId, drive: &str, item: &str) {
    state.webex.folders.retain(|_, folder| folder.room != room);
    let Some(creator) = state.webex.rooms.get(&room).map(|entry| entry.creator) else {
        return;
    };
    let fields =
        corrected(state, ["https://somewhere.example", "Shared", drive, item].map(String::from));
    let folder = FolderLink { room, fields, default: "true".into(), creator, created: state.now };
    let id = state.uuid();
    state.webex.folders.insert(id, folder);
}

fn require_participant(
    state: &State,
    caller: &Caller,
    room: RoomId,
    scopes: &Scopes,
) -> Result<(), Response> {
    match access(state, caller, room, scopes)? {
        SpaceAccess::Participant(_) => Ok(()),
        SpaceAccess::TeamMember | SpaceAccess::ComplianceOfficer => {
            Err(error(403, "You are not a participant of the space."))
        }
    }
}

fn json(state: &State, id: Uuid, folder: &FolderLink) -> Value {
    let mut shown = json!({
        "id": ids::encode("us", "TABS", id),
        "roomId": state.webex.room_id(folder.room),
        "roomType": "group",
        "defaultFolder": folder.default,
        "creatorId": ids::person_id(folder.creator),
        "created": format!("{:.3}", folder.created),
    });
    for (name, value) in FIELDS.iter().zip(&folder.fields) {
        shown[*name] = value.as_str().into();
    }
    shown
}

/// Corrects name and address as Webex does, by asking SharePoint. Unknown folders stay as sent.
fn corrected(state: &State, [url, name, drive, item]: [String; 4]) -> [String; 4] {
    match crate::microsoft::drives::name_and_url(state, &drive, &item) {
        Some((name, url)) => [url, name, drive, item],
        None => [url, name, drive, item],
    }
}

fn fields_of(body: &Value) -> Result<([String; 4], String), Response> {
    let text = |name: &str| {
        let text = body[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        text.ok_or_else(|| error(400, &format!("{name} is required and a string.")))
    };
    let [content_url, display_name, drive, item] = FIELDS.map(text);
    let default = text("defaultFolder")?;
    if !["true", "false"].contains(&default.as_str()) {
        return Err(error(400, "defaultFolder is \"true\" or \"false\"."));
    }
    Ok(([content_url?, display_name?, drive?, item?], default))
}

pub(super) fn list(state: &State, caller: &Caller, call: &Request) -> Outcome {
    let room = call.query("roomId").ok_or_else(|| error(400, "roomId is required."))?;
    let room = state.webex.room_named(room)?;
    require_participant(state, caller, room, &READ)?;
    let of_room = state.webex.folders.iter().filter(|(_, folder)| folder.room == room);
    let items = of_room.map(|(id, folder)| json(state, *id, folder)).collect();
    Ok(page(call, &state.webex.settings, 100, items))
}

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Outcome {
    let room = state.webex.room_named(body["roomId"].as_str().unwrap_or_default())?;
    require_participant(state, caller, room, &WRITE)?;
    let (fields, default) = fields_of(body)?;
    if state.webex.folders.values().any(|folder| folder.room == room) {
        return Err(error(409, "The space has a linked folder already."));
    }
    let (id, fields) = (state.uuid(), corrected(state, fields));
    let folder = FolderLink { room, fields, default, creator: caller.person, created: state.now };
    let shown = json(state, id, &folder);
    state.webex.folders.insert(id, folder);
    Ok(Response::ok(shown))
}

fn find(state: &State, caller: &Caller, id: &str, scopes: &Scopes) -> Result<Uuid, Response> {
    let id = ids::uuid_of(id, "TABS")?;
    let folder = state.webex.folders.get(&id).ok_or_else(not_found)?;
    require_participant(state, caller, folder.room, scopes)?;
    Ok(id)
}

pub(super) fn get(state: &State, caller: &Caller, id: &str) -> Outcome {
    let id = find(state, caller, id, &READ)?;
    Ok(Response::ok(
        state.webex.folders.get(&id).map(|folder| json(state, id, folder)).unwrap_or_default(),
    ))
}

pub(super) fn update(state: &mut State, caller: &Caller, id: &str, body: &Value) -> Outcome {
    let id = find(state, caller, id, &WRITE)?;
    let (fields, default) = fields_of(body)?;
    let fields = corrected(state, fields);
    if let Some(folder) = state.webex.folders.get_mut(&id) {
        (folder.fields, folder.default) = (fields, default);
    }
    Ok(Response::ok(
        state.webex.folders.get(&id).map(|folder| json(state, id, folder)).unwrap_or_default(),
    ))
}

pub(super) fn delete(state: &mut State, caller: &Caller, id: &str) -> Outcome {
    let id = find(state, caller, id, &WRITE)?;
    state.webex.folders.remove(&id);
    Ok(Response::empty(204))
}
