//! Deliveries of webhooks. A delivery is a hint, and only its ids are used.

use serde::Deserialize;

use super::opaque::is_id;
use super::{WebexId, WebhookEvent, WebhookResource};
use crate::wire::lenient;
use domain::ids::RoomId;

/// The type of a space of two people.
pub(super) const DIRECT: &str = "direct";

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
    /// `true` if the event says that its space is one of two people, which no team has.
    pub is_direct: bool,
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
}

impl Notification {
    /// Parses a delivery. The caller verifies the signature first.
    ///
    /// # Errors
    /// Fails if the body is no JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidNotification> {
        let NotificationAsSent { resource, event, data } = serde_json::from_slice(body)?;
        let Data { id, room_id, room_type, kind } = data.unwrap_or_default();
        // The id becomes part of a path, so any other text counts as missing.
        let data_id = id.filter(|id| is_id(id));
        let room = match resource {
            // An event of a space has the space's id as its own.
            Some(WebhookResource::Rooms) => room_id.or_else(|| data_id.as_ref()?.parse().ok()),
            _ => room_id,
        };
        // Webex names the type of a space differently in events of its members.
        let kind = if resource == Some(WebhookResource::Rooms) { kind } else { room_type };
        let is_direct = kind.as_deref() == Some(DIRECT);
        Ok(Self { resource, event, room, is_direct, data_id })
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
    fn space_of_two_people_is_direct() {
        for (resource, data, direct) in [
            ("memberships", json!({ "roomId": ROOM, "roomType": "direct" }), true),
            ("memberships", json!({ "roomId": ROOM, "roomType": "group" }), false),
            ("memberships", json!({ "roomId": ROOM, "type": "direct" }), false),
            ("rooms", json!({ "id": ROOM, "type": "direct" }), true),
            ("rooms", json!({ "id": ROOM, "type": 7 }), false),
            ("rooms", json!({ "id": ROOM }), false),
        ] {
            let read = read(&json!({ "resource": resource, "event": "created", "data": data }));
            assert_eq!(read.is_direct, direct, "{data}");
        }
    }

    #[test]
    fn missing_and_unknown_fields_are_none() {
        let nothing = Notification {
            resource: None,
            event: None,
            room: None,
            is_direct: false,
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
