//! Webex's webhooks: a signature over the raw body, and one thing to look at.

use clients::webex::{Notification, WebhookEvent, WebhookResource, signature};
use secrecy::{ExposeSecret, SecretString};
use store::message::{Ask, Cause};

use crate::answer::Refusal;

/// What a delivery comes to.
pub(crate) struct Hint {
    /// The webhook's resource, for the log.
    pub(crate) resource: Option<WebhookResource>,
    /// Where to look; nothing for resources that no team depends on.
    pub(crate) ask: Option<Ask>,
}

impl Hint {
    /// A space that is told of by itself may belong to another team now, or to one at all.
    pub(crate) fn cause(&self) -> Cause {
        match self.resource {
            Some(WebhookResource::Rooms) => Cause::SpaceWebhook,
            _ => Cause::WebexWebhook,
        }
    }
}

/// Whether one of the secrets signed the body. All are tried: how many generations there are is nobody's business.
pub(crate) fn is_signed(secrets: &[SecretString], raw: &[u8], header: &str) -> bool {
    secrets.iter().fold(false, |signed, secret| {
        signed | signature::verify(secret.expose_secret().as_bytes(), raw, header).is_ok()
    })
}

/// Reads a signed body.
pub(crate) fn read(raw: &[u8]) -> Result<Hint, Refusal> {
    let Notification { resource, event, room, data_id } =
        Notification::parse(raw).map_err(|_| Refusal::NotANotification)?;
    let ask = match (resource, event) {
        (None, None) => return Err(Refusal::NotANotification),
        (Some(WebhookResource::Memberships | WebhookResource::Rooms), _) => {
            let room = room.ok_or(Refusal::NotANotification)?;
            Some(Ask::Room { room: room.id, region: room.region })
        }
        (Some(WebhookResource::AttachmentActions), Some(WebhookEvent::Created)) => {
            Some(Ask::CardAnswered { action: data_id.ok_or(Refusal::NotANotification)? })
        }
        _ => None,
    };
    Ok(Hint { resource, ask })
}
