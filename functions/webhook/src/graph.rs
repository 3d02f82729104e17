//! Graph change notifications: a handshake, then deliveries of many items, each with the
//! clientState.
//! <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>

use std::collections::BTreeSet;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use domain::ids::GroupId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use store::message::Job;
use subtle::{Choice, ConstantTimeEq};
use url::form_urlencoded;

use crate::response::Rejection;

const VALIDATION_TOKEN: &str = "validationToken";

/// Returns the decoded token if this request is a handshake. The lifecycle URL gets handshakes too.
pub(crate) fn validation_token(request: &ApiGatewayV2httpRequest) -> Option<String> {
    // The raw query first: in the decoded parameters a comma looks like a second value.
    let raw = request.raw_query_string.as_deref().unwrap_or_default();
    let token = form_urlencoded::parse(raw.as_bytes()).find(|(name, _)| name == VALIDATION_TOKEN);
    token
        .map(|(_, token)| token.into_owned())
        .or_else(|| Some(request.query_string_parameters.all(VALIDATION_TOKEN)?.join(",")))
}

/// A delivery.
#[derive(Deserialize)]
pub(crate) struct NotificationBatch {
    value: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    client_state: Option<String>,
    subscription_id: Option<String>,
    lifecycle_event: Option<String>,
    resource_data: Option<ResourceData>,
}

#[derive(Deserialize)]
struct ResourceData {
    id: Option<String>,
}

impl NotificationBatch {
    /// Parses a body. An unreadable body names no clientState, so it is not authentic.
    pub(crate) fn parse(raw: &[u8]) -> Result<Self, Rejection> {
        serde_json::from_slice(raw).map_err(|_| Rejection::NotAuthenticated)
    }

    /// Returns `true` if every item names one of the secrets. A delivery without items is not
    /// authentic. Takes constant time.
    pub(crate) fn is_authentic(&self, secrets: &[SecretString]) -> bool {
        // Each item is compared: one that is proven must not let the others in.
        let every = self.value.iter().fold(Choice::from(1), |every, item| {
            // No secret is empty, so a missing one never matches.
            let named = item.client_state.as_deref().unwrap_or_default().as_bytes();
            let any =
                |any, secret: &SecretString| any | secret.expose_secret().as_bytes().ct_eq(named);
            every & secrets.iter().fold(Choice::from(0), any)
        });
        !self.value.is_empty() && every.into()
    }

    /// Returns the requested work: every group once, and every subscription that needs attention.
    /// Other items are ignored unless there is nothing else.
    pub(crate) fn jobs(self) -> Result<Vec<Job>, Rejection> {
        let (mut groups, mut subscriptions) = (BTreeSet::new(), BTreeSet::new());
        for item in self.value {
            // The kind of event does not matter: a renewal answers each.
            if item.lifecycle_event.is_some() {
                subscriptions.extend(item.subscription_id);
            } else {
                let id = item.resource_data.and_then(|data| data.id);
                // One item without a group must not lose the others.
                groups.extend(id.and_then(|id| id.parse::<GroupId>().ok()));
            }
        }
        if groups.is_empty() && subscriptions.is_empty() {
            return Err(Rejection::NotANotification);
        }
        let subscriptions = subscriptions
            .into_iter()
            .map(|subscription| Job::SubscriptionLifecycle { subscription });
        Ok(groups.into_iter().map(|group| Job::Group { group }).chain(subscriptions).collect())
    }
}
