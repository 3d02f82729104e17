//! Deliveries of webhooks. A delivery is a hint, and only its ids are used.

use serde::Deserialize;

use super::opaque::is_id;
use super::{SpaceClue, WebexId, WebhookEvent, WebhookResource};
use crate::wire::lenient;
use domain::ids::RoomId;

/// Delivery of a webhook. It says what to read, not what is true. It has no id: the body's `id` is
/// the webhook's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Resource. `None` for one that we do not use.
    pub resource: Option<WebhookResource>,
    /// Event. `None` for one that we do not use.
    pub event: Option<WebhookEvent>,
    /// Space of the event. For events of a space, the space itself.
    pub room: Option<WebexId<RoomId>>,
    /// Clue about the space.
    pub clue: SpaceClue,
    /// Id of the resource. For an answer to a card, the argument of
    /// [`Webex::attachment_action`](super::Webex::attachment_action).
    pub data_id: Option<String>,
}

/// Body that is no delivery of a webhook.
#[derive(Debug, thiserror::Error)]
#[error("not a webhook delivery: {0}")]
pub struct InvalidNotification(#[from] serde_json::Error);

#[derive(Deserialize)]
struct NotificationAsSent {
    #[serde(default, deserialize_with = "lenient")]
    resource: Option<WebhookResource>,
    #[serde(default, deserialize_with = "lenient")]
    event: Option<WebhookEvent>,
    #[serde(default, deserialize_with = "lenient")]
    data: Option<Data>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    room_id: Option<WebexId<RoomId>>,
    #[serde(default, deserialize_with = "lenient")]
    room_type: Option<String>,
    /// Type of a space, in an event of the space itself.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    /// Team of a space, in an event of the space itself.
    #[serde(default, deserialize_with = "lenient")]
    team_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    is_moderator: Option<bool>,
}

impl Notification {
    /// Parses a delivery. The caller verifies the signature first.
    ///
    /// # Errors
    /// Fails if the body is no JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidNotification> {
        let NotificationAsSent { resource, event, data } = serde_json::from_slice(body)?;
        let Data { id, room_id, room_type, kind, team_id, is_moderator } = data.unwrap_or_default();
        // The id becomes part of a path, so any other text counts as missing.
        let data_id = id.filter(|id| is_id(id));
        let room = match resource {
            // An event of a space has the space's id as its own.
            Some(WebhookResource::Rooms) => room_id.or_else(|| data_id.as_ref()?.parse().ok()),
            _ => room_id,
        };
        // Webex names the type of a space differently in events of its members.
        let clue = match resource {
            Some(WebhookResource::Rooms) => SpaceClue::of_room(kind.as_deref(), team_id.as_deref()),
            _ => SpaceClue::of_membership(room_type.as_deref(), is_moderator),
        };
        Ok(Self { resource, event, room, clue, data_id })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROOM: &str =
        "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0";

    fn read(body: &Value) -> Notification {
        Notification::parse(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn membership_event_names_its_space() {
        let read = read(&json!({
            "id": "webhook", "resource": "memberships", "event": "deleted",
            "data": { "id": "abc", "roomId": ROOM },
        }));
        assert_eq!(read.resource, Some(WebhookResource::Memberships));
        assert_eq!(read.event, Some(WebhookEvent::Deleted));
        assert_eq!(read.room, ROOM.parse().ok());
        assert_eq!(read.data_id.as_deref(), Some("abc"));
    }

    #[test]
    fn room_event_names_its_own_space() {
        let read =
            read(&json!({ "resource": "rooms", "event": "migrated", "data": { "id": ROOM } }));
        assert_eq!(read.room, ROOM.parse().ok());
    }

    #[test]
    fn event_gives_a_clue_about_its_space() {
        use SpaceClue::{Direct, LikelyTeam, Unclear};
        for (resource, data, clue) in [
            ("memberships", json!({ "roomId": ROOM, "roomType": "direct" }), Direct),
            ("memberships", json!({ "roomId": ROOM, "roomType": "group" }), Unclear),
            ("memberships", json!({ "roomId": ROOM, "type": "direct" }), Unclear),
            ("memberships", json!({ "roomId": ROOM, "isModerator": true }), LikelyTeam),
            ("memberships", json!({ "roomId": ROOM, "isModerator": "yes" }), Unclear),
            ("rooms", json!({ "id": ROOM, "type": "direct" }), Direct),
            ("rooms", json!({ "id": ROOM, "type": "group", "teamId": ROOM }), LikelyTeam),
            ("rooms", json!({ "id": ROOM, "type": 7 }), Unclear),
            ("rooms", json!({ "id": ROOM }), Unclear),
        ] {
            let read = read(&json!({ "resource": resource, "event": "created", "data": data }));
            assert_eq!(read.clue, clue, "{data}");
        }
    }

    #[test]
    fn missing_and_unknown_fields_are_none() {
        let nothing = Notification {
            resource: None,
            event: None,
            room: None,
            clue: SpaceClue::Unclear,
            data_id: None,
        };
        assert_eq!(read(&json!({})), nothing);
        let strange =
            json!({ "resource": "teams", "event": 7, "data": { "id": "../me", "roomId": "x" } });
        assert_eq!(read(&strange), nothing);
        assert_eq!(read(&json!({ "data": [] })), nothing);
    }

    #[test]
    fn body_must_be_an_object() {
        for body in ["", "[]x", "7", "{"] {
            assert!(Notification::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
