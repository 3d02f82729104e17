//! Subscriptions to changes of groups.
//! <https://learn.microsoft.com/graph/api/resources/subscription>

use http::Method;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::Graph;
use super::client::Listing;
use crate::http::{Access, Call, CallError, Repeat};
use crate::wire::lenient_text;

/// Lifetime of a subscription to groups. Graph allows 41,760 minutes, and an hour allows for
/// different clocks.
pub const SUBSCRIPTION_LIFE: SignedDuration = SignedDuration::from_mins(41_760 - 60);

/// Subscribed resource: all groups of a directory. Graph allows at most 100 subscriptions to single
/// groups.
const RESOURCE: &str = "/groups";

/// Subscription to the groups of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Id of the subscription.
    pub id: String,
    /// Subscribed resource.
    #[serde(default, deserialize_with = "lenient_text")]
    pub resource: String,
    /// Target of the notifications.
    #[serde(default, deserialize_with = "lenient_text")]
    pub notification_url: String,
    /// Expiry.
    #[serde(rename = "expirationDateTime")]
    pub ends_at: Timestamp,
}

impl Subscription {
    /// Returns `true` if it notifies `url` of groups.
    pub fn notifies(&self, url: &str) -> bool {
        // Graph returns the resource with or without its slash.
        self.resource.trim_matches('/') == RESOURCE.trim_matches('/')
            && self.notification_url == url
    }
}

impl Graph {
    /// Returns all subscriptions of our app in the directory.
    pub async fn subscriptions(&self, access: &Access) -> Result<Vec<Subscription>, CallError> {
        let listing = Listing::of_readable(Call::get("/subscriptions"));
        Ok(self.read_all_pages(access, listing).await?.into_inner())
    }

    /// Subscribes to the groups of the directory until `ends_at`, at most [`SUBSCRIPTION_LIFE`]
    /// from now. Graph validates `url` during the call. Not repeated when the answer is lost: the
    /// list shows the outcome.
    pub async fn subscribe(
        &self,
        access: &Access,
        url: &str,
        client_state: &SecretString,
        ends_at: Timestamp,
    ) -> Result<Subscription, CallError> {
        let body = json!({
            // A creation comes as `updated`.
            "changeType": "updated,deleted",
            "notificationUrl": url,
            // Only possible at creation.
            "lifecycleNotificationUrl": url,
            "resource": RESOURCE,
            "expirationDateTime": in_milliseconds(ends_at),
            "clientState": client_state.expose_secret(),
            "latestSupportedTlsVersion": "v1_2",
        });
        self.caller
            .call(access, Call::new(Method::POST, "/subscriptions").json(&body))
            .await?
            .json()
    }

    /// Extends a subscription until `ends_at`, which also answers `reauthorizationRequired`.
    /// Returns `None` if it no longer exists.
    pub async fn renew_subscription(
        &self,
        access: &Access,
        id: &str,
        ends_at: Timestamp,
    ) -> Result<Option<Subscription>, CallError> {
        let body = json!({"expirationDateTime": in_milliseconds(ends_at)});
        self.get(access, Call::new(Method::PATCH, path(id)).json(&body)).await
    }

    /// Deletes a subscription. A missing one counts as deleted.
    pub async fn delete_subscription(&self, access: &Access, id: &str) -> Result<(), CallError> {
        let call = Call::new(Method::DELETE, path(id)).repeat(Repeat::Safe);
        self.find(access, call).await.map(drop)
    }
}

fn in_milliseconds(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

/// Returns the path of a subscription. The id comes from outside, so it is encoded as one segment.
fn path(id: &str) -> String {
    format!(
        "/subscriptions/{}",
        percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
    )
}
