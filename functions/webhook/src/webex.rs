//! Webex webhooks: a signature over the raw body, and one resource to sync.

use clients::webex::{Notification, SpaceClue, WebhookEvent, WebhookResource, signature};
use secrecy::{ExposeSecret, SecretString};
use store::message::{Job, Trigger};

use crate::response::Rejection;

/// Content of a delivery.
pub(crate) struct Hint {
    /// Resource of the webhook, for the log.
    pub(crate) resource: Option<WebhookResource>,
    /// Requested work. `None` for resources that no team depends on.
    pub(crate) job: Option<Job>,
}

impl Hint {
    /// Returns the trigger. A webhook about the space itself can mean that the space belongs to
    /// another team now.
    pub(crate) fn trigger(&self) -> Trigger {
        match self.resource {
            Some(WebhookResource::Rooms) => Trigger::SpaceWebhook,
            _ => Trigger::WebexWebhook,
        }
    }
}

/// Returns `true` if one of the secrets signed the body. All are tried, so that the time does not
/// tell how many there are.
pub(crate) fn is_signed(secrets: &[SecretString], raw: &[u8], header: &str) -> bool {
    secrets.iter().fold(false, |signed, secret| {
        signed | signature::verify(secret.expose_secret().as_bytes(), raw, header).is_ok()
    })
}

/// Parses a signed body.
pub(crate) fn read(raw: &[u8]) -> Result<Hint, Rejection> {
    let Notification { resource, event, room, clue, data_id } =
        Notification::parse(raw).map_err(|_| Rejection::NotANotification)?;
    let job = match (resource, event) {
        // One of the two can be new to us. Without both, it is no delivery.
        (None, None) => return Err(Rejection::NotANotification),
        // Said by the event, so that it costs no message: most spaces are such.
        (Some(WebhookResource::Memberships | WebhookResource::Rooms), _)
            if clue == SpaceClue::Direct =>
        {
            None
        }
        (Some(WebhookResource::Memberships | WebhookResource::Rooms), _) => {
            let room = room.ok_or(Rejection::NotANotification)?;
            Some(Job::Room { room: room.id, region: room.region, clue })
        }
        (Some(WebhookResource::AttachmentActions), Some(WebhookEvent::Created)) => {
            Some(Job::CardAnswered { action: data_id.ok_or(Rejection::NotANotification)? })
        }
        // Not an error: Webex disables a webhook after too many of them.
        _ => None,
    };
    Ok(Hint { resource, job })
}
