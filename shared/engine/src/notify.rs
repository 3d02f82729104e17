//! Alerts to administrators.
//!
//! Syncs and cycles raise and withdraw them; each is sent once to the tenant's recipient.
//!
//! # Guarantees
//! An alert is sent once. If a cycle is cut off between sending and recording it, it is sent a
//! second time: better twice than not at all.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::codes::{AlertMessage, Provider};
use crate::phrases::alerts as phrases;
use crate::stored::readable;
use clients::webex::plain;
use domain::ids::{TeamId, TenantId};
use store::pages;
use store::table::{
    Change, Condition, Item, Key, Query, Store, StoreError, Write, moment, to_item,
};

/// Items of one page of a query.
const PAGE: usize = 100;

/// Most alerts that one message names; it counts the rest.
const NAMED: usize = 10;

/// An alert about a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkAlert {
    /// Removals wait for approval.
    PendingApproval,
    /// The link has been out of sync for an hour.
    Failing,
    /// People of the link are not in sync.
    PeopleFailing,
    /// Renames of the group are lost.
    RenameLost,
    /// The group has nearly as many owners as it can have.
    NearOwnerLimit,
    /// The group expires soon although it was renewed.
    NearExpiry,
    /// The link ended because its team or group did not answer.
    Ended,
    /// A link that had ended is back.
    Returned,
    /// Folders of its spaces fail.
    Folders,
}

impl LinkAlert {
    fn name(self) -> &'static str {
        match self {
            Self::PendingApproval => "pending-approval",
            Self::Failing => "failing",
            Self::PeopleFailing => "people-failing",
            Self::RenameLost => "rename-lost",
            Self::NearOwnerLimit => "near-owner-limit",
            Self::NearExpiry => "near-expiry",
            Self::Ended => "ended",
            Self::Returned => "returned",
            Self::Folders => "folders",
        }
    }
}

/// The subject of an alert. There is one alert for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertKey {
    /// The tenant is suspended.
    Suspended,
    /// A suspension that an administrator was told of is over.
    Resumed,
    /// The service account's tokens end soon and could not be refreshed.
    ServiceAccountTokensEnding,
    /// Microsoft no longer accepts our app registration for files.
    FilesConsentLost,
    /// A service fails for the tenant as a whole.
    ServiceFailing(Provider),
    /// A matter of one link.
    Link(TeamId, LinkAlert),
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspended => f.write_str("suspended"),
            Self::Resumed => f.write_str("resumed"),
            Self::ServiceAccountTokensEnding => f.write_str("service-account-tokens-ending"),
            Self::FilesConsentLost => f.write_str("files-consent-lost"),
            Self::ServiceFailing(Provider::Webex) => f.write_str("webex-failing"),
            Self::ServiceFailing(Provider::Microsoft) => f.write_str("microsoft-failing"),
            Self::Link(team, alert) => write!(f, "link#{team}#{}", alert.name()),
        }
    }
}

/// An alert as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The content.
    pub message: AlertMessage,
    /// The path of the page that shows and resolves it.
    pub page: String,
    /// Start of the condition.
    pub since: Timestamp,
    /// Time of the message. `None` if none was sent.
    #[serde(default, with = "notified", skip_serializing_if = "Option::is_none")]
    pub notified_at: Option<Timestamp>,
}

/// An optional moment as milliseconds, like all times that conditions and updates use.
mod notified {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_i64(at.as_millisecond()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let milliseconds: Option<i64> = Option::deserialize(deserializer)?;
        milliseconds.map(|at| Timestamp::from_millisecond(at).map_err(D::Error::custom)).transpose()
    }
}

/// The partition of a tenant's alerts.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#ALERT")
}

fn key(tenant: TenantId, alert: AlertKey) -> Key {
    Key::new(partition(tenant), alert.to_string())
}

/// Part of a transaction: raises an alert. Use it only at the beginning: it is sent again.
pub fn raise(
    tenant: TenantId,
    alert: AlertKey,
    message: AlertMessage,
    page: String,
    since: Timestamp,
) -> Result<Write, StoreError> {
    let item = Alert { message, page, since, notified_at: None };
    Ok(Write::Put(to_item(&key(tenant, alert), &item)?, Condition::Any))
}

/// Part of a transaction: withdraws an alert.
pub fn withdraw(tenant: TenantId, alert: AlertKey) -> Write {
    Write::Delete(key(tenant, alert), Condition::Any)
}

/// Loads an alert.
pub async fn load(
    store: &dyn Store,
    tenant: TenantId,
    alert: AlertKey,
) -> Result<Option<Alert>, StoreError> {
    Ok(store.get(&key(tenant, alert)).await?.and_then(readable))
}

/// Loads all alerts of a tenant, sent or not.
pub async fn all(store: &dyn Store, tenant: TenantId) -> Result<Vec<Alert>, StoreError> {
    Ok(items(store, tenant).await?.into_iter().filter_map(readable).collect())
}

/// Loads all alerts except the suspension, which the pages show in full.
pub async fn except_suspension(
    store: &dyn Store,
    tenant: TenantId,
) -> Result<Vec<Alert>, StoreError> {
    let suspension = key(tenant, AlertKey::Suspended);
    let items = items(store, tenant).await?.into_iter();
    let others = items.filter(|item| Key::of(item).as_ref() != Some(&suspension));
    Ok(others.filter_map(readable).collect())
}

async fn items(store: &dyn Store, tenant: TenantId) -> Result<Vec<Item>, StoreError> {
    let query = Query::Partition { pk: partition(tenant), prefix: String::new() };
    pages::all(store, &query, PAGE).await
}

/// Alerts that were not sent yet, as one message.
pub(crate) struct UnsentAlerts {
    keys: Vec<Key>,
    /// The message, in Webex's markdown.
    pub(crate) markdown: String,
}

/// The treatment of unsent alerts about links whose calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkFailures {
    /// They are sent.
    Sent,
    /// They wait: a service fails for all, and its own alert says so.
    Held,
}

/// Loads the alerts that were not sent yet; `None` if there are none.
pub(crate) async fn unsent(
    store: &dyn Store,
    tenant: TenantId,
    public_url: &str,
    link_failures: LinkFailures,
) -> Result<Option<UnsentAlerts>, StoreError> {
    let (mut keys, mut alerts) = (vec![], vec![]);
    for item in items(store, tenant).await? {
        let Some(key) = Key::of(&item) else { continue };
        let Some(alert) = readable::<Alert>(item) else { continue };
        let is_held = link_failures == LinkFailures::Held && alert.message.is_failed_call();
        if alert.notified_at.is_none() && !is_held {
            keys.push(key);
            alerts.push(alert);
        }
    }
    if alerts.is_empty() {
        return Ok(None);
    }
    Ok(Some(UnsentAlerts { keys, markdown: markdown(&alerts, public_url) }))
}

fn markdown(alerts: &[Alert], public_url: &str) -> String {
    let line = |alert: &Alert| {
        let text = plain(&phrases::message(&alert.message));
        format!("- {text} {}", phrases::see(&format!("{public_url}{}", alert.page)))
    };
    let mut lines = vec![phrases::HEADLINE.to_owned()];
    lines.extend(alerts.iter().take(NAMED).map(line));
    if alerts.len() > NAMED {
        lines.push(phrases::more(alerts.len() - NAMED, &format!("{public_url}/teams")));
    }
    lines.join("\n")
}

impl UnsentAlerts {
    /// Records that these alerts were sent, and returns their number.
    ///
    /// An alert that was withdrawn meanwhile stays withdrawn.
    pub(crate) async fn mark_notified(
        &self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        for key in &self.keys {
            let notified = vec![Change::Set("notified_at", moment(now))];
            match store.update(key, notified, Condition::Holds(vec![])).await {
                Ok(_) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.keys.len())
    }
}
