//! Webhooks: what they are, and keeping them.

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::memberships::{Removal, removal};
use super::paging::PAGE;
use super::wire::lenient;
use super::{Webex, WebhookId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError};

/// What a webhook is about. There is none for teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookResource {
    /// Spaces.
    Rooms,
    /// Who is in a space.
    Memberships,
    /// Messages.
    Messages,
    /// Answers to cards.
    AttachmentActions,
}

/// What must happen for a webhook to fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookEvent {
    /// It came to be.
    Created,
    /// It changed.
    Updated,
    /// It went.
    Deleted,
    /// A space moved to another geography, and its id changed.
    Migrated,
}

/// Whose events a webhook fires for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookOwner {
    /// For what its creator can see.
    Creator,
    /// For the whole organization; documented for some resources only, and not for memberships.
    Org,
}

/// Whether a webhook fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookStatus {
    /// It does.
    Active,
    /// It does not: after 100 failed deliveries within 5 minutes it stops, and only [`Webex::update_webhook`] starts it again.
    #[serde(other)]
    Inactive,
}

/// A webhook as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// Where it delivers.
    #[serde(default)]
    pub target_url: String,
    /// What it is about; missing if it is nothing that we use.
    #[serde(default, deserialize_with = "lenient")]
    pub resource: Option<WebhookResource>,
    /// When it fires; missing if it is nothing that we use.
    #[serde(default, deserialize_with = "lenient")]
    pub event: Option<WebhookEvent>,
    /// For which things only.
    #[serde(default, deserialize_with = "lenient")]
    pub filter: Option<String>,
    /// Whose events it fires for; missing where that is not said.
    #[serde(default, deserialize_with = "lenient")]
    pub owned_by: Option<WebhookOwner>,
    /// Whether it fires.
    pub status: WebhookStatus,
}

/// A webhook that shall be.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// What it is called.
    pub name: String,
    /// Where it delivers.
    pub target_url: String,
    /// What it is about.
    pub resource: WebhookResource,
    /// When it fires.
    pub event: WebhookEvent,
    /// For which things only, such as `roomId=...`.
    pub filter: Option<String>,
    /// What its deliveries are signed with.
    pub secret: SecretString,
    /// Whose events it fires for.
    pub owned_by: WebhookOwner,
}

/// All that can be changed of a webhook.
#[derive(Debug, Clone)]
pub struct WebhookUpdate {
    /// What it is called.
    pub name: String,
    /// Where it delivers.
    pub target_url: String,
    /// What its deliveries are signed with.
    pub secret: SecretString,
}

impl Webex {
    /// All webhooks that this account made with this app, or all of the organization.
    pub async fn webhooks(&self, access: &Access, owner: WebhookOwner) -> Result<Complete<Vec<Webhook>>, CallError> {
        let mut call = Call::get("/webhooks").query("max", PAGE);
        if owner == WebhookOwner::Org {
            call = call.query("ownedBy", "org");
        }
        self.list(access, call, |webhook: Webhook| Ok(Some(webhook))).await
    }

    /// Makes a webhook. It takes the read scope of its resource. After an error that leaves its effect open, look at the list before making another.
    pub async fn create_webhook(&self, access: &Access, new: &NewWebhook) -> Result<Webhook, CallError> {
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

    /// Changes a webhook, and starts it again if it had stopped; `None` where there is none any more.
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
            "status": "active",
        });
        let call = Call::new(Method::PUT, format!("/webhooks/{webhook}")).json(&body);
        self.find(access, call).await?.map(|answer| answer.json()).transpose()
    }

    /// Ends a webhook.
    pub async fn delete_webhook(&self, access: &Access, webhook: &WebhookId) -> Result<Removal, CallError> {
        removal(self.0.call(access, Call::new(Method::DELETE, format!("/webhooks/{webhook}"))).await.map(drop))
    }
}
