//! Faults, deliveries and service settings, as HTTP requests.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use sim::{Failure, Fault, Refused, Service, World};

use super::environment::refused;
use super::interceptor::{Delay, Interceptor};

/// A service, in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ServiceName {
    Webex,
    Entra,
    Graph,
}

impl From<ServiceName> for Service {
    fn from(name: ServiceName) -> Self {
        match name {
            ServiceName::Webex => Self::Webex,
            ServiceName::Entra => Self::Entra,
            ServiceName::Graph => Self::Graph,
        }
    }
}

/// A failure of calls.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum FailureRequest {
    /// The connection is refused.
    Refused,
    /// The connection breaks before the call takes effect.
    CutBefore,
    /// The connection breaks after the call took effect.
    CutAfter,
    /// This answer replaces the effect.
    Status {
        status: u16,
        #[serde(default)]
        retry_after: Option<String>,
        #[serde(default)]
        body: Option<Value>,
    },
    /// The call takes effect, and gets this answer.
    StatusAfter { status: u16 },
    /// An item of a `$batch` gets this answer.
    BatchItem { status: u16, code: String },
    /// The answer is this many seconds late; from ten on it does not come.
    Slow { seconds: u32 },
}

fn one() -> u32 {
    1
}

/// A request to let calls fail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct FaultRequest {
    service: Option<ServiceName>,
    method: Option<String>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    skip: u32,
    #[serde(default = "one")]
    times: u32,
    failure: FailureRequest,
}

impl FaultRequest {
    /// Injects the fault.
    ///
    /// # Errors
    /// If slow answers are requested for some calls of a service only.
    pub(super) fn apply(self, world: &World, interceptor: &Interceptor) -> Result<(), Refused> {
        let Self { service, method, path, skip, times, failure } = self;
        let service = service.map(Service::from);
        if let FailureRequest::Slow { seconds } = failure {
            // The layer that delays answers knows only the service of a call.
            if method.is_some() || !path.is_empty() || skip > 0 {
                return Err(refused("Slow answers are possible for a whole service only."));
            }
            let by = Duration::from_secs(seconds.into());
            interceptor.add_delay(Delay { service, by, times });
            return Ok(());
        }
        let mut fault = Fault::new(failure.into()).path(&path).skip(skip).times(times);
        fault = service.into_iter().fold(fault, Fault::on);
        fault = method.iter().fold(fault, |fault, method| fault.method(method));
        world.inject(fault);
        Ok(())
    }
}

impl From<FailureRequest> for Failure {
    fn from(request: FailureRequest) -> Self {
        let message = "injected failure";
        let default = json!({
            "message": message,
            "error": {"code": "Injected", "message": message},
        });
        match request {
            FailureRequest::Refused => Self::Refused,
            FailureRequest::CutBefore => Self::CutBefore,
            FailureRequest::CutAfter | FailureRequest::Slow { .. } => Self::CutAfter,
            FailureRequest::Status { status, retry_after, body } => {
                let header = retry_after.map(|after| ("Retry-After".to_owned(), after));
                Self::Status(status, header.into_iter().collect(), body.unwrap_or(default))
            }
            FailureRequest::StatusAfter { status } => Self::StatusAfter(status, vec![], default),
            FailureRequest::BatchItem { status, code } => {
                let body = json!({"error": {"code": code, "message": message}});
                Self::BatchItem(status, vec![], body)
            }
        }
    }
}

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
