//! Graph's change notifications: a handshake, then deliveries of many items of which each names the clientState.
//! <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>

use std::collections::BTreeSet;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use domain::ids::GroupId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use store::message::Ask;
use subtle::{Choice, ConstantTimeEq};
use url::form_urlencoded;

use crate::answer::Refusal;

const VALIDATION_TOKEN: &str = "validationToken";

/// The decoded token of a handshake, for which this request is one if it has it. Also the lifecycle URL gets one.
pub(crate) fn validation_token(request: &ApiGatewayV2httpRequest) -> Option<String> {
    // The raw query first: in the decoded parameters a comma cannot be told from a second value.
    let raw = request.raw_query_string.as_deref().unwrap_or_default();
    let token = form_urlencoded::parse(raw.as_bytes()).find(|(name, _)| name == VALIDATION_TOKEN);
    token
        .map(|(_, token)| token.into_owned())
        .or_else(|| Some(request.query_string_parameters.all(VALIDATION_TOKEN)?.join(",")))
}

/// What Graph sends.
#[derive(Deserialize)]
pub(crate) struct Delivery {
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

impl Delivery {
    /// Reads a body. One that cannot be read names no clientState, hence proves nothing.
    pub(crate) fn parse(raw: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(raw).map_err(|_| Refusal::Unproven)
    }

    /// Whether every item names one of the secrets; a delivery without items knows none. Takes the same time wherever they differ.
    pub(crate) fn knows(&self, secrets: &[SecretString]) -> bool {
        let every = self.value.iter().fold(Choice::from(1), |every, item| {
            let named = item.client_state.as_deref().unwrap_or_default().as_bytes();
            let any = |any, secret: &SecretString| any | secret.expose_secret().as_bytes().ct_eq(named);
            every & secrets.iter().fold(Choice::from(0), any)
        });
        !self.value.is_empty() && every.into()
    }

    /// Where to look: every group once, however often it is named, and every subscription that needs attention. Items that name neither are passed over,
    /// unless there is nothing else.
    pub(crate) fn asks(self) -> Result<Vec<Ask>, Refusal> {
        let (mut groups, mut subscriptions) = (BTreeSet::new(), BTreeSet::new());
        for item in self.value {
            if item.lifecycle_event.is_some() {
                subscriptions.extend(item.subscription_id);
            } else {
                let id = item.resource_data.and_then(|data| data.id);
                groups.extend(id.and_then(|id| id.parse::<GroupId>().ok()));
            }
        }
        if groups.is_empty() && subscriptions.is_empty() {
            return Err(Refusal::NotANotification);
        }
        let subscriptions = subscriptions.into_iter().map(|subscription| Ask::SubscriptionLifecycle { subscription });
        Ok(groups.into_iter().map(|group| Ask::Group { group }).chain(subscriptions).collect())
    }
}
