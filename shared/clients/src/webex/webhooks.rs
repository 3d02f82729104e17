//! Webhooks: list, create, update, delete.

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::memberships::{Removal, removal};
use super::paging::{PAGE, readable};
use super::{Webex, WebhookId};
use crate::http::{Access, Call, CallError};
use crate::wire::{lenient, lenient_text};

/// Resource of a webhook. Teams have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookResource {
    /// Spaces.
    Rooms,
    /// Memberships of spaces.
    Memberships,
    /// Messages.
    Messages,
    /// Answers to cards.
    AttachmentActions,
}

/// Event that triggers a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookEvent {
    /// It was created.
    Created,
    /// It changed.
    Updated,
    /// It was deleted.
    Deleted,
    /// A space moved to another geography, and its id changed.
    Migrated,
}

/// Scope of the events of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookOwner {
    /// Events that its creator can see.
    Creator,
    /// Events of the whole organization. Documented for some resources only, not for memberships.
    Org,
}

/// State of a webhook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookStatus {
    /// It delivers.
    #[default]
    Active,
    /// It stopped after 100 failed deliveries within 5 minutes. Only [`Webex::update_webhook`]
    /// starts it again.
    #[serde(other)]
    Inactive,
}

/// Reads a state in any form. A state that the service does not say is no reason for a repair.
fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WebhookStatus, D::Error> {
    // An unknown state must not make a webhook look broken, cycle after cycle.
    Ok(lenient(deserializer)?.unwrap_or_default())
}

/// An existing webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Id of the webhook.
    pub id: WebhookId,
    /// Name of the webhook.
    #[serde(default, deserialize_with = "lenient_text")]
    pub name: String,
    /// Target of the deliveries.
    #[serde(default, deserialize_with = "lenient_text")]
    pub target_url: String,
    /// Resource. `None` for one that we do not use.
    #[serde(default, deserialize_with = "lenient")]
    pub resource: Option<WebhookResource>,
    /// Event. `None` for one that we do not use.
    #[serde(default, deserialize_with = "lenient")]
    pub event: Option<WebhookEvent>,
    /// Filter of the events.
    #[serde(default, deserialize_with = "lenient")]
    pub filter: Option<String>,
    /// Scope of the events, if Webex shows it.
    #[serde(default, deserialize_with = "lenient")]
    pub owned_by: Option<WebhookOwner>,
    /// State of the webhook.
    #[serde(default, deserialize_with = "status")]
    pub status: WebhookStatus,
}

/// Webhook to create.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Name of the webhook.
    pub name: String,
    /// Target of the deliveries.
    pub target_url: String,
    /// Resource of the webhook.
    pub resource: WebhookResource,
    /// Event that triggers it.
    pub event: WebhookEvent,
    /// Filter of the events, such as `roomId=...`.
    pub filter: Option<String>,
    /// Secret that signs the deliveries.
    pub secret: SecretString,
    /// Scope of the events.
    pub owned_by: WebhookOwner,
}

/// Changeable fields of a webhook.
#[derive(Debug, Clone)]
pub struct WebhookUpdate {
    /// Name of the webhook.
    pub name: String,
    /// Target of the deliveries.
    pub target_url: String,
    /// Secret that signs the deliveries.
    pub secret: SecretString,
}

impl Webex {
    /// Returns all webhooks that this account created with this app, or all of the organization.
    /// Skips unreadable ones.
    pub async fn webhooks(
        &self,
        access: &Access,
        owner: WebhookOwner,
    ) -> Result<Vec<Webhook>, CallError> {
        let mut call = Call::get("/webhooks").query("max", PAGE);
        if owner == WebhookOwner::Org {
            call = call.query("ownedBy", "org");
        }
        // Skipped: one broken webhook must not keep all others from repair.
        let items = readable(|webhook: Webhook| Ok(Some(webhook)));
        Ok(self.list(access, call, &items).await?.into_inner())
    }

    /// Creates a webhook. Requires the read scope of its resource. If the outcome is unknown, read
    /// the list before a second try.
    pub async fn create_webhook(
        &self,
        access: &Access,
        new: &NewWebhook,
    ) -> Result<Webhook, CallError> {
        let mut body = json!({
            "name": new.name,
            "targetUrl": new.target_url,
            "resource": new.resource,
            "event": new.event,
            "secret": new.secret.expose_secret(),
        });
        if let Some(filter) = &new.filter {
            body["filter"] = filter.as_str().into();
        }
        if new.owned_by == WebhookOwner::Org {
            body["ownedBy"] = "org".into();
        }
        self.0.call(access, Call::new(Method::POST, "/webhooks").json(&body)).await?.json()
    }

    /// Updates a webhook, and starts it again if it had stopped. Returns `None` if it no longer
    /// exists.
    pub async fn update_webhook(
        &self,
        access: &Access,
        webhook: &WebhookId,
        update: &WebhookUpdate,
    ) -> Result<Option<Webhook>, CallError> {
        let body = json!({
            "name": update.name,
            "targetUrl": update.target_url,
            "secret": update.secret.expose_secret(),
            // Webex disables a webhook after failures, and only this enables it again.
            "status": "active",
        });
        let call = Call::new(Method::PUT, format!("/webhooks/{webhook}")).json(&body);
        self.find(access, call).await?.map(|answer| answer.json()).transpose()
    }

    /// Deletes a webhook.
    pub async fn delete_webhook(
        &self,
        access: &Access,
        webhook: &WebhookId,
    ) -> Result<Removal, CallError> {
        removal(
            self.0
                .call(access, Call::new(Method::DELETE, format!("/webhooks/{webhook}")))
                .await
                .map(drop),
        )
    }
}
