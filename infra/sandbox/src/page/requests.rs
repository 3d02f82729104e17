//! Deliveries and service settings, as HTTP requests.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use clients::http::{CALL_TIMEOUT, Transport};
use serde::Deserialize;
use serde_json::{Value, json};
use sim::{Refused, World};

use super::environment::refused;

/// A request about deliveries of webhooks and notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(super) enum DeliveryRequest {
    Repeat { last: usize },
    Reverse,
    Delay { seconds: u32 },
}

impl DeliveryRequest {
    /// Repeats, reverses or delays deliveries; returns their number.
    pub(super) fn apply(self, world: &World) -> usize {
        match self {
            Self::Repeat { last } => world.repeat_deliveries(last),
            Self::Reverse => world.reverse_deliveries(),
            Self::Delay { seconds } => world.delay_deliveries(Duration::from_secs(seconds.into())),
        }
    }
}

/// A request to the webhook function, as API Gateway passes it on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct RawDelivery {
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

impl RawDelivery {
    /// Delivers the request, and returns the function's answer.
    ///
    /// # Errors
    /// If path or headers are no HTTP.
    pub(super) async fn deliver(self, webhooks: &dyn Transport) -> Result<Value, Refused> {
        let mut request = http::Request::post(format!("https://functions.example{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let unusable = |error: &dyn std::fmt::Display| refused(error.to_string());
        let request = request.body(Bytes::from(self.body)).map_err(|error| unusable(&error))?;
        let answer =
            webhooks.send(request, CALL_TIMEOUT).await.map_err(|error| unusable(&error))?;
        let (status, body) = (answer.status().as_u16(), String::from_utf8_lossy(answer.body()));
        Ok(json!({"status": status, "body": body}))
    }
}

/// New settings of the services; those that are not named keep their values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SettingsRequest {
    webex: WebexRequest,
    graph: GraphRequest,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WebexRequest {
    requests_per_minute: Option<usize>,
    page_limit: Option<usize>,
    event_delay_ms: Option<u64>,
    delivery_delay_ms: Option<u64>,
    delivery_jitter_ms: Option<u64>,
    deliveries_lost: Option<u8>,
    deliveries_doubled: Option<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GraphRequest {
    replica_lag_ms: Option<u64>,
    new_group_lag_ms: Option<u64>,
    page_limit: Option<usize>,
    page_life_ms: Option<u64>,
    write_quota: Option<usize>,
    file_units: Option<usize>,
    site_delay_ms: Option<u64>,
    notification_delay_ms: Option<u64>,
    notification_jitter_ms: Option<u64>,
    notifications_lost: Option<u8>,
}

fn set<T>(value: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *value = new;
    }
}

fn set_duration(value: &mut Duration, milliseconds: Option<u64>) {
    set(value, milliseconds.map(Duration::from_millis));
}

impl SettingsRequest {
    /// Changes the settings.
    ///
    /// # Errors
    /// If a percentage exceeds 100, or a page would hold nothing.
    pub(super) fn apply(&self, world: &World) -> Result<(), Refused> {
        let Self { webex, graph } = self;
        let percentages =
            [webex.deliveries_lost, webex.deliveries_doubled, graph.notifications_lost];
        if percentages.iter().flatten().any(|share| *share > 100) {
            return Err(refused("A percentage is at most 100."));
        }
        if [webex.page_limit, graph.page_limit].contains(&Some(0)) {
            return Err(refused("A page holds at least one item."));
        }
        world.webex_settings(|settings| {
            set(&mut settings.requests_per_minute, webex.requests_per_minute);
            set(&mut settings.page_limit, webex.page_limit);
            set_duration(&mut settings.event_delay, webex.event_delay_ms);
            set_duration(&mut settings.delivery_delay, webex.delivery_delay_ms);
            set_duration(&mut settings.delivery_jitter, webex.delivery_jitter_ms);
            set(&mut settings.deliveries_lost, webex.deliveries_lost);
            set(&mut settings.deliveries_doubled, webex.deliveries_doubled);
        });
        world.graph_settings(|settings| {
            set_duration(&mut settings.replica_lag, graph.replica_lag_ms);
            set_duration(&mut settings.new_group_lag, graph.new_group_lag_ms);
            set(&mut settings.page_limit, graph.page_limit);
            set_duration(&mut settings.page_life, graph.page_life_ms);
            set(&mut settings.write_quota, graph.write_quota);
            set(&mut settings.file_units, graph.file_units);
            set_duration(&mut settings.site_delay, graph.site_delay_ms);
            set_duration(&mut settings.notification_delay, graph.notification_delay_ms);
            set_duration(&mut settings.notification_jitter, graph.notification_jitter_ms);
            set(&mut settings.notifications_lost, graph.notifications_lost);
        });
        Ok(())
    }
}
