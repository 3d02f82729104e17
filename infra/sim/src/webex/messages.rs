//! Messages with cards, and the buttons that people press on them.

use domain::ids::{PersonId, RoomId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Caller, error, ids, not_found, spaces, webhooks};
use crate::state::State;
use crate::state::webex::{Action, Membership, MembershipRole, Message, RoomEntry};
use crate::wire::{Outcome, Request, Response};

const CARD: &str = "application/vnd.microsoft.card.adaptive";

/// Maximum length of a message in bytes.
const LONGEST: usize = 7_439;

/// A message as its reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Uuid of the message, for [`World::submit_card`](crate::World::submit_card).
    pub message: Uuid,
    /// Text of the message.
    pub markdown: String,
    /// Content of the card; `Null` without a card.
    pub content: Value,
    /// Moment of sending.
    pub at: Timestamp,
}

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Outcome {
    caller.require(&["spark:messages_write"])?;
    let room = match (
        body["roomId"].as_str(),
        body["toPersonId"].as_str(),
        body["toPersonEmail"].as_str(),
    ) {
        (Some(room), None, None) => state.webex.room_named(room)?,
        (None, Some(person), None) => {
            direct_room(state, caller.person, ids::parse_person(person)?)?
        }
        (None, None, Some(email)) => {
            let person = spaces::person_named(state, &json!({ "personEmail": email }))?;
            direct_room(state, caller.person, person)?
        }
        _ => {
            return Err(error(400, "One of roomId, toPersonId and toPersonEmail is required."));
        }
    };
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    if !entry.has(caller.person) {
        return Err(not_found());
    }
    let attachments = body["attachments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let card = match attachments {
        [] => None,
        [card] if card["contentType"] == CARD && card["content"]["type"] == "AdaptiveCard" => {
            Some(card["content"].clone())
        }
        _ => return Err(error(400, "A message carries one adaptive card at most.")),
    };
    let markdown = body["markdown"].as_str().or(body["text"].as_str()).unwrap_or_default();
    if markdown.is_empty() {
        return Err(error(400, "A message needs a text, also beside a card."));
    }
    if markdown.len() > LONGEST {
        return Err(error(400, "The message is too long."));
    }
    let id = state.uuid();
    let message =
        Message { author: caller.person, room, markdown: markdown.into(), card, at: state.now };
    state.webex.messages.insert(id, message);
    Ok(Response::ok(json(state, id)))
}

/// Returns the space of two people, and creates it at its first use.
fn direct_room(state: &mut State, one: PersonId, other: PersonId) -> Result<RoomId, Response> {
    if !state.webex.accounts.contains_key(&other) {
        return Err(error(404, "The person was not found."));
    }
    let both = |entry: &RoomEntry| entry.direct && [one, other].iter().all(|p| entry.has(*p));
    if let Some((room, _)) = state.webex.rooms.iter().find(|(_, entry)| both(entry)) {
        return Ok(*room);
    }
    let room = RoomId(state.uuid());
    let owner = state.webex.accounts.get(&one).ok_or_else(not_found)?.org;
    let membership = Membership { role: MembershipRole::Member, created: state.now };
    let entry = RoomEntry {
        title: String::new(),
        team: None,
        owner,
        creator: one,
        created: state.now,
        archived: false,
        migrated: None,
        direct: true,
        memberships: [(one, membership.clone()), (other, membership)].into(),
    };
    state.webex.rooms.insert(room, entry);
    Ok(room)
}

fn json(state: &State, id: Uuid) -> Value {
    let Some(message) = state.webex.messages.get(&id) else {
        return Value::Null;
    };
    let direct = state.webex.rooms.get(&message.room).is_some_and(|room| room.direct);
    let mut shown = json!({
        "id": ids::encode("us", "MESSAGE", id),
        "roomId": state.webex.room_id(message.room),
        "roomType": if direct { "direct" } else { "group" },
        "text": message.markdown,
        "markdown": message.markdown,
        "personId": ids::person_id(message.author),
        "personEmail": state.webex.accounts.get(&message.author).map(|account| &account.email),
        "created": format!("{:.3}", message.at),
    });
    if let Some(card) = &message.card {
        shown["attachments"] = json!([{"contentType": CARD, "content": card}]);
    }
    shown
}

fn visible(state: &State, caller: &Caller, id: &str) -> Result<Uuid, Response> {
    let id = ids::uuid_of(id, "MESSAGE")?;
    let room =
        state.webex.messages.get(&id).and_then(|message| state.webex.rooms.get(&message.room));
    let visible = room.is_some_and(|room| room.has(caller.person));
    if visible { Ok(id) } else { Err(not_found()) }
}

pub(super) fn get(state: &State, caller: &Caller, id: &str) -> Outcome {
    caller.require(&["spark:messages_read"])?;
    Ok(Response::ok(json(state, visible(state, caller, id)?)))
}

/// Lists the messages between the caller and one other person, newest first.
pub(super) fn list_direct(state: &State, caller: &Caller, call: &Request) -> Outcome {
    caller.require(&["spark:messages_read"])?;
    let other = spaces::person_named(
        state,
        &json!({
            "personId": call.query("personId"),
            "personEmail": call.query("personEmail"),
        }),
    )?;
    let is_theirs = |room: &RoomId| {
        let room = state.webex.rooms.get(room).filter(|room| room.direct);
        room.is_some_and(|room| [caller.person, other].iter().all(|one| room.has(*one)))
    };
    let messages = state.webex.messages.iter().filter(|(_, message)| is_theirs(&message.room));
    let mut messages: Vec<_> = messages.map(|(id, message)| (message.at, *id)).collect();
    messages.sort_by(|one, other| other.cmp(one));
    let items: Vec<Value> = messages.into_iter().map(|(_, id)| json(state, id)).collect();
    Ok(Response::ok(json!({ "items": items })))
}

pub(super) fn delete(state: &mut State, caller: &Caller, id: &str) -> Outcome {
    caller.require(&["spark:messages_write"])?;
    let id = visible(state, caller, id)?;
    if state.webex.messages.get(&id).is_some_and(|message| message.author != caller.person) {
        return Err(error(403, "The message belongs to another person."));
    }
    state.webex.messages.remove(&id);
    Ok(Response::empty(204))
}

pub(super) fn get_action(state: &State, caller: &Caller, id: &str) -> Outcome {
    caller.require(&["spark:messages_read"])?;
    let uuid = ids::uuid_of(id, "ATTACHMENT_ACTION")?;
    let action = state.webex.actions.get(&uuid).filter(|action| action.author == caller.person);
    let action = action.ok_or_else(not_found)?;
    let mut shown = action_json(state, uuid, action);
    shown["inputs"] = action.inputs.clone();
    Ok(Response::ok(shown))
}

/// Presses a button of a card that the caller sees.
pub(super) fn create_action(state: &mut State, caller: &Caller, body: &Value) -> Outcome {
    caller.require(&["spark:messages_write"])?;
    if body["type"] != "submit" {
        return Err(error(400, "The type of an action is submit."));
    }
    let message = visible(state, caller, body["messageId"].as_str().unwrap_or_default())?;
    let id = submit(state, message, caller.person, body["inputs"].clone())?;
    let action = state.webex.actions.get(&id).ok_or_else(not_found)?;
    Ok(Response::ok(action_json(state, id, action)))
}

fn action_json(state: &State, id: Uuid, action: &Action) -> Value {
    json!({
        "id": ids::encode("us", "ATTACHMENT_ACTION", id),
        "type": "submit",
        "messageId": ids::encode("us", "MESSAGE", action.message),
        "personId": ids::person_id(action.person),
        "roomId": state.webex.room_id(action.room),
        "created": format!("{:.3}", action.at),
    })
}

pub(crate) fn cards_to(state: &State, person: PersonId) -> Vec<Card> {
    let member = |room| state.webex.rooms.get(&room).is_some_and(|room| room.has(person));
    let to_them = state.webex.messages.iter().filter(|(_, m)| m.author != person && member(m.room));
    let mut cards: Vec<Card> = to_them
        .map(|(id, message)| Card {
            message: *id,
            markdown: message.markdown.clone(),
            content: message.card.clone().unwrap_or_default(),
            at: message.at,
        })
        .collect();
    cards.sort_by_key(|card| card.at);
    cards
}

pub(crate) fn submit(
    state: &mut State,
    message: Uuid,
    person: PersonId,
    inputs: Value,
) -> Result<Uuid, Response> {
    let found = state
        .webex
        .messages
        .get(&message)
        .filter(|found| found.card.is_some())
        .ok_or_else(not_found)?;
    let (room, author) = (found.room, found.author);
    let member = state.webex.rooms.get(&room).is_some_and(|room| room.has(person));
    if !member {
        return Err(not_found());
    }
    let id = state.uuid();
    let action = Action { message, room, author, person, inputs, at: state.now };
    let data = action_json(state, id, &action);
    state.webex.actions.insert(id, action);
    webhooks::announce_to(state, author, "attachmentActions", person, &data);
    Ok(id)
}
