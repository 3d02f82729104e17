//! Messages with cards, and what people press on them.

use domain::ids::{PersonId, RoomId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Caller, Role, RoomEntry, Seat, ids, not_found, refused};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

const CARD: &str = "application/vnd.microsoft.card.adaptive";

/// A message as its reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The message's uuid, for [`World::answer_card`](crate::World::answer_card).
    pub message: Uuid,
    /// The text.
    pub markdown: String,
    /// The card's content; `Null` where the message has no card.
    pub content: Value,
    /// When it was sent.
    pub at: Timestamp,
}

#[derive(Clone)]
pub(super) struct Message {
    author: PersonId,
    room: RoomId,
    markdown: String,
    card: Option<Value>,
    at: Timestamp,
}

#[derive(Clone)]
pub(super) struct Action {
    message: Uuid,
    room: RoomId,
    author: PersonId,
    person: PersonId,
    inputs: Value,
    at: Timestamp,
}

impl State {
    pub(super) fn post_message(&mut self, caller: &Caller, body: &Value) -> Outcome {
        caller.needs(&["spark:messages_write"])?;
        let room = match (body["roomId"].as_str(), body["toPersonId"].as_str(), body["toPersonEmail"].as_str()) {
            (Some(room), None, None) => self.webex.room_named(room)?,
            (None, Some(person), None) => self.direct_room(caller.person, ids::person(person)?)?,
            (None, None, Some(email)) => {
                let person = self.person_of(&json!({ "personEmail": email }))?;
                self.direct_room(caller.person, person)?
            }
            _ => return Err(refused(400, "One of roomId, toPersonId and toPersonEmail is required.")),
        };
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        if !entry.seats.contains_key(&caller.person) {
            return Err(not_found());
        }
        let attachments = body["attachments"].as_array().map(Vec::as_slice).unwrap_or_default();
        let card = match attachments {
            [] => None,
            [card] if card["contentType"] == CARD && card["content"]["type"] == "AdaptiveCard" => {
                Some(card["content"].clone())
            }
            _ => return Err(refused(400, "A message carries one adaptive card at most.")),
        };
        let markdown = body["markdown"].as_str().or(body["text"].as_str()).unwrap_or_default();
        if markdown.is_empty() {
            return Err(refused(400, "A message needs a text, also beside a card."));
        }
        let id = self.uuid();
        let message = Message { author: caller.person, room, markdown: markdown.into(), card, at: self.now };
        self.webex.messages.insert(id, message);
        Ok(Answer::ok(self.message_json(id)))
    }

    /// The space of two, made when first used.
    fn direct_room(&mut self, one: PersonId, other: PersonId) -> Result<RoomId, Answer> {
        if !self.webex.accounts.contains_key(&other) {
            return Err(refused(404, "The person was not found."));
        }
        let both = |entry: &RoomEntry| entry.direct && [one, other].iter().all(|p| entry.seats.contains_key(p));
        if let Some((room, _)) = self.webex.rooms.iter().find(|(_, entry)| both(entry)) {
            return Ok(*room);
        }
        let room = RoomId(self.uuid());
        let owner = self.webex.accounts.get(&one).ok_or_else(not_found)?.org;
        let seat = Seat { role: Role::Member, created: self.now };
        let entry = RoomEntry {
            title: String::new(),
            team: None,
            owner,
            creator: one,
            created: self.now,
            archived: false,
            migrated: None,
            direct: true,
            seats: [(one, seat.clone()), (other, seat)].into(),
        };
        self.webex.rooms.insert(room, entry);
        Ok(room)
    }

    fn message_json(&self, id: Uuid) -> Value {
        let Some(message) = self.webex.messages.get(&id) else { return Value::Null };
        let direct = self.webex.rooms.get(&message.room).is_some_and(|room| room.direct);
        let mut shown = json!({
            "id": ids::encode("us", "MESSAGE", id),
            "roomId": self.webex.of_room(message.room),
            "roomType": if direct { "direct" } else { "group" },
            "text": message.markdown,
            "markdown": message.markdown,
            "personId": ids::of_person(message.author),
            "personEmail": self.webex.accounts.get(&message.author).map(|account| &account.email),
            "created": format!("{:.3}", message.at),
        });
        if let Some(card) = &message.card {
            shown["attachments"] = json!([{"contentType": CARD, "content": card}]);
        }
        shown
    }

    fn own_message(&self, caller: &Caller, id: &str) -> Result<Uuid, Answer> {
        let id = ids::uuid_of(id, "MESSAGE")?;
        let room = self.webex.messages.get(&id).and_then(|message| self.webex.rooms.get(&message.room));
        let visible = room.is_some_and(|room| room.seats.contains_key(&caller.person));
        if visible { Ok(id) } else { Err(not_found()) }
    }

    pub(super) fn get_message(&self, caller: &Caller, id: &str) -> Outcome {
        caller.needs(&["spark:messages_read"])?;
        Ok(Answer::ok(self.message_json(self.own_message(caller, id)?)))
    }

    /// What the caller and one other wrote to each other, the newest first.
    pub(super) fn list_direct_messages(&self, caller: &Caller, call: &Request) -> Outcome {
        caller.needs(&["spark:messages_read"])?;
        let other = self.person_of(&json!({
            "personId": call.query("personId"),
            "personEmail": call.query("personEmail"),
        }))?;
        let is_theirs = |room: &RoomId| {
            let room = self.webex.rooms.get(room).filter(|room| room.direct);
            room.is_some_and(|room| [caller.person, other].iter().all(|one| room.seats.contains_key(one)))
        };
        let messages = self.webex.messages.iter().filter(|(_, message)| is_theirs(&message.room));
        let mut messages: Vec<_> = messages.map(|(id, message)| (message.at, *id)).collect();
        messages.sort_by(|one, other| other.cmp(one));
        let items: Vec<Value> = messages.into_iter().map(|(_, id)| self.message_json(id)).collect();
        Ok(Answer::ok(json!({ "items": items })))
    }

    pub(super) fn delete_message(&mut self, caller: &Caller, id: &str) -> Outcome {
        caller.needs(&["spark:messages_write"])?;
        let id = self.own_message(caller, id)?;
        if self.webex.messages.get(&id).is_some_and(|message| message.author != caller.person) {
            return Err(refused(403, "The message is somebody else's."));
        }
        self.webex.messages.remove(&id);
        Ok(Answer::empty(204))
    }

    pub(super) fn get_action(&self, caller: &Caller, id: &str) -> Outcome {
        caller.needs(&["spark:messages_read"])?;
        let uuid = ids::uuid_of(id, "ATTACHMENT_ACTION")?;
        let action = self.webex.actions.get(&uuid).filter(|action| action.author == caller.person);
        let action = action.ok_or_else(not_found)?;
        let mut shown = self.action_json(uuid, action);
        shown["inputs"] = action.inputs.clone();
        Ok(Answer::ok(shown))
    }

    /// Presses a button of a card that the caller sees.
    pub(super) fn post_action(&mut self, caller: &Caller, body: &Value) -> Outcome {
        caller.needs(&["spark:messages_write"])?;
        if body["type"] != "submit" {
            return Err(refused(400, "The type of an action is submit."));
        }
        let message = self.own_message(caller, body["messageId"].as_str().unwrap_or_default())?;
        let id = self.press(message, caller.person, body["inputs"].clone())?;
        let action = self.webex.actions.get(&id).ok_or_else(not_found)?;
        Ok(Answer::ok(self.action_json(id, action)))
    }

    fn action_json(&self, id: Uuid, action: &Action) -> Value {
        json!({
            "id": ids::encode("us", "ATTACHMENT_ACTION", id),
            "type": "submit",
            "messageId": ids::encode("us", "MESSAGE", action.message),
            "personId": ids::of_person(action.person),
            "roomId": self.webex.of_room(action.room),
            "created": format!("{:.3}", action.at),
        })
    }

    pub(super) fn cards_to(&self, person: PersonId) -> Vec<Card> {
        let seated = |room| self.webex.rooms.get(&room).is_some_and(|room| room.seats.contains_key(&person));
        let to_them = self.webex.messages.iter().filter(|(_, m)| m.author != person && seated(m.room));
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

    pub(super) fn press(&mut self, message: Uuid, person: PersonId, inputs: Value) -> Result<Uuid, Answer> {
        let found = self.webex.messages.get(&message).filter(|found| found.card.is_some()).ok_or_else(not_found)?;
        let (room, author) = (found.room, found.author);
        let seated = self.webex.rooms.get(&room).is_some_and(|room| room.seats.contains_key(&person));
        if !seated {
            return Err(not_found());
        }
        let id = self.uuid();
        let action = Action { message, room, author, person, inputs, at: self.now };
        let data = self.action_json(id, &action);
        self.webex.actions.insert(id, action);
        self.announce_to(author, "attachmentActions", person, &data);
        Ok(id)
    }
}
