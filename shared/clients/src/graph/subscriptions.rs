//! Change notifications: who is told that groups changed. <https://learn.microsoft.com/graph/api/resources/subscription>

use http::Method;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::Graph;
use crate::http::{Access, Call, CallError, Repeat};

/// The longest that a subscription to groups lives; Graph allows 41,760 minutes, and its clock need not be ours.
pub const SUBSCRIPTION_LIFE: SignedDuration = SignedDuration::from_mins(41_760 - 60);

/// What is subscribed to: all groups of a directory. One for each group would end at the hundredth.
const RESOURCE: &str = "/groups";

/// A subscription to the groups of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// What it is about.
    #[serde(default)]
    pub resource: String,
    /// Where notifications go.
    #[serde(default)]
    pub notification_url: String,
    /// When it ends by itself.
    #[serde(rename = "expirationDateTime")]
    pub ends_at: Timestamp,
}

impl Subscription {
    /// Whether it tells `url` of groups.
    pub fn tells(&self, url: &str) -> bool {
        self.resource.trim_matches('/') == RESOURCE.trim_matches('/') && self.notification_url == url
    }
}

impl Graph {
    /// All subscriptions of our app in the directory.
    pub async fn subscriptions(&self, access: &Access) -> Result<Vec<Subscription>, CallError> {
        Ok(self.read_to_the_end(access, None, &Call::get("/subscriptions")).await?.into_inner())
    }

    /// Subscribes to the groups of the directory until `ends_at`, at most [`SUBSCRIPTION_LIFE`] from now. While the call is under way, Graph asks `url` whether it agrees.
    /// Not repeated when its answer is lost: the list then says whether it was made.
    pub async fn subscribe(
        &self,
        access: &Access,
        url: &str,
        client_state: &SecretString,
        ends_at: Timestamp,
    ) -> Result<Subscription, CallError> {
        let body = json!({
            "changeType": "updated,deleted",
            "notificationUrl": url,
            // Cannot be added later.
            "lifecycleNotificationUrl": url,
            "resource": RESOURCE,
            "expirationDateTime": in_milliseconds(ends_at),
            "clientState": client_state.expose_secret(),
            "latestSupportedTlsVersion": "v1_2",
        });
        self.caller.call(access, Call::new(Method::POST, "/subscriptions").json(&body)).await?.json()
    }

    /// Lets a subscription live on until `ends_at`, which also answers `reauthorizationRequired`; `None` where there is none any more.
    pub async fn renew_subscription(
        &self,
        access: &Access,
        id: &str,
        ends_at: Timestamp,
    ) -> Result<Option<Subscription>, CallError> {
        let body = json!({"expirationDateTime": in_milliseconds(ends_at)});
        self.get(access, Call::new(Method::PATCH, path(id)).json(&body)).await
    }

    /// Ends a subscription; one that does not exist has ended.
    pub async fn delete_subscription(&self, access: &Access, id: &str) -> Result<(), CallError> {
        match self.caller.call(access, Call::new(Method::DELETE, path(id)).repeat(Repeat::Safe)).await {
            Err(error) if error.status() != Some(404) => Err(error),
            _ => Ok(()),
        }
    }
}

fn in_milliseconds(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

/// The id comes from a list or a notification: whatever it holds, it stays one segment.
fn path(id: &str) -> String {
    format!("/subscriptions/{}", percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC))
}
