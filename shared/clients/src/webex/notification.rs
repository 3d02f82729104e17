//! Deliveries of webhooks. A delivery is a hint, and only its ids are used.

use serde::Deserialize;

use super::opaque::is_id;
use super::{WebexId, WebhookEvent, WebhookResource};
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
}

impl Notification {
    /// Parses a delivery. The caller verifies the signature first.
    ///
    /// # Errors
    /// Fails if the body is no JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidNotification> {
        let NotificationAsSent { resource, event, data } = serde_json::from_slice(body)?;
        let Data { id, room_id } = data.unwrap_or_default();
        let data_id = id.filter(|id| is_id(id));
        let room = match resource {
            Some(WebhookResource::Rooms) => room_id.or_else(|| data_id.as_ref()?.parse().ok()),
            _ => room_id,
        };
        Ok(Self { resource, event, room, data_id })
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
    fn missing_and_unknown_fields_are_none() {
        let nothing = Notification { resource: None, event: None, room: None, data_id: None };
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
