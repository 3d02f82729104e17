//! Failures and settings as they are ordered over HTTP.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::play::{Play, refused};
use super::watch::Slow;
use crate::world::Refused;
use crate::{Failure, Fault, Service};

/// One of the services, in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    Webex,
    Entra,
    Graph,
}

impl From<Of> for Service {
    fn from(of: Of) -> Self {
        match of {
            Of::Webex => Self::Webex,
            Of::Entra => Self::Entra,
            Of::Graph => Self::Graph,
        }
    }
}

/// What goes wrong with the calls that an order strikes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Wrong {
    /// No connection comes about.
    Refused,
    /// The connection breaks before the effect.
    CutBefore,
    /// The connection breaks after the effect.
    CutAfter,
    /// This answer, instead of the effect.
    Status {
        status: u16,
        #[serde(default)]
        retry_after: Option<String>,
        #[serde(default)]
        body: Option<Value>,
    },
    /// The effect, and this answer.
    StatusAfter { status: u16 },
    /// An item of a `$batch` is answered so.
    BatchItem { status: u16, code: String },
    /// The answer comes so many seconds late; from ten on, never.
    Slow { seconds: u32 },
}

fn once() -> u32 {
    1
}

/// An order for failures.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct FaultOrder {
    service: Option<Of>,
    method: Option<String>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    skip: u32,
    #[serde(default = "once")]
    times: u32,
    failure: Wrong,
}

/// New values; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SettingsOrder {
    webex: WebexOrder,
    graph: GraphOrder,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WebexOrder {
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
struct GraphOrder {
    replica_lag_ms: Option<u64>,
    young_ms: Option<u64>,
    page_limit: Option<usize>,
    page_life_ms: Option<u64>,
    write_quota: Option<usize>,
    file_units: Option<usize>,
    site_delay_ms: Option<u64>,
    notification_delay_ms: Option<u64>,
    notification_jitter_ms: Option<u64>,
    notifications_lost: Option<u8>,
}

/// What becomes of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(super) enum DeliveryOrder {
    Repeat { last: usize },
    Reverse,
    Delay { seconds: u32 },
}

fn set<T>(value: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *value = new;
    }
}

impl Play {
    /// Orders failures.
    ///
    /// # Errors
    /// Where the order can strike nothing.
    pub(super) fn order_fault(&mut self, order: FaultOrder) -> Result<(), Refused> {
        let FaultOrder { service, method, path, skip, times, failure } = order;
        let service = service.map(Service::from);
        if let Wrong::Slow { seconds } = failure {
            if method.is_some() || !path.is_empty() || skip > 0 {
                return Err(refused("Slow answers are ordered for a whole service."));
            }
            self.watch.slow_down(Slow { service, by: Duration::from_secs(seconds.into()), times });
            return Ok(());
        }
        let mut fault = Fault::new(failure_of(failure)).path(&path).skip(skip).times(times);
        fault = service.into_iter().fold(fault, Fault::on);
        fault = method.iter().fold(fault, |fault, method| fault.method(method));
        self.world().fault(fault);
        Ok(())
    }

    /// Takes all ordered failures back, the slow answers, too. Troubles that are on go with them.
    pub(super) fn clear_faults(&mut self) {
        self.world().clear_faults();
        self.watch.speed_up(|_| true);
        self.troubles.have_no_faults();
    }

    /// Repeats what was delivered, or changes when what waits will be. Says how much that is.
    pub(super) fn order_deliveries(&self, order: DeliveryOrder) -> usize {
        match order {
            DeliveryOrder::Repeat { last } => self.world().repeat_deliveries(last),
            DeliveryOrder::Reverse => self.world().reverse_deliveries(),
            DeliveryOrder::Delay { seconds } => self.world().delay_deliveries(Duration::from_secs(seconds.into())),
        }
    }

    /// Adjusts how the services behave.
    ///
    /// # Errors
    /// Where a share is more than a hundred, or a page would hold nothing.
    pub(super) fn order_settings(&mut self, order: &SettingsOrder) -> Result<(), Refused> {
        let SettingsOrder { webex, graph } = order;
        let shares = [webex.deliveries_lost, webex.deliveries_doubled, graph.notifications_lost];
        if shares.iter().flatten().any(|share| *share > 100) || [webex.page_limit, graph.page_limit].contains(&Some(0))
        {
            return Err(refused("Shares are of a hundred, and a page holds at least one item."));
        }
        let milliseconds = |value: Option<u64>| value.map(Duration::from_millis);
        self.world().webex_settings(|settings| {
            set(&mut settings.requests_per_minute, webex.requests_per_minute);
            set(&mut settings.page_limit, webex.page_limit);
            set(&mut settings.event_delay, milliseconds(webex.event_delay_ms));
            set(&mut settings.delivery_delay, milliseconds(webex.delivery_delay_ms));
            set(&mut settings.delivery_jitter, milliseconds(webex.delivery_jitter_ms));
            set(&mut settings.deliveries_lost, webex.deliveries_lost);
            set(&mut settings.deliveries_doubled, webex.deliveries_doubled);
        });
        self.world().graph_settings(|settings| {
            set(&mut settings.replica_lag, milliseconds(graph.replica_lag_ms));
            set(&mut settings.young, milliseconds(graph.young_ms));
            set(&mut settings.page_limit, graph.page_limit);
            set(&mut settings.page_life, milliseconds(graph.page_life_ms));
            set(&mut settings.write_quota, graph.write_quota);
            set(&mut settings.file_units, graph.file_units);
            set(&mut settings.site_delay, milliseconds(graph.site_delay_ms));
            set(&mut settings.notification_delay, milliseconds(graph.notification_delay_ms));
            set(&mut settings.notification_jitter, milliseconds(graph.notification_jitter_ms));
            set(&mut settings.notifications_lost, graph.notifications_lost);
        });
        Ok(())
    }
}

fn failure_of(wrong: Wrong) -> Failure {
    let ordered = || json!({"message": "ordered failure", "error": {"code": "Ordered", "message": "ordered failure"}});
    match wrong {
        Wrong::Refused => Failure::Refused,
        Wrong::CutBefore => Failure::CutBefore,
        Wrong::CutAfter | Wrong::Slow { .. } => Failure::CutAfter,
        Wrong::Status { status, retry_after, body } => {
            let headers = retry_after.map(|after| ("Retry-After".to_owned(), after)).into_iter().collect();
            Failure::Status(status, headers, body.unwrap_or_else(ordered))
        }
        Wrong::StatusAfter { status } => Failure::StatusAfter(status, vec![], ordered()),
        Wrong::BatchItem { status, code } => {
            Failure::BatchItem(status, vec![], json!({"error": {"code": code, "message": "ordered failure"}}))
        }
    }
}
