//! Alerts to administrators.
//!
//! Syncs and cycles raise and withdraw them; each is sent once to the tenant's recipient.
//!
//! # Guarantees
//! An alert is sent once. If a cycle is cut off between sending and recording it, it is sent a
//! second time: better twice than not at all.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::activity::EntryId;
pub use crate::codes::{AlertMessage, FailingPerson, Provider, Urgency};
use crate::phrases::alerts as phrases;
use crate::stored::readable;
use clients::webex::{LONGEST_MESSAGE, plain};
use domain::ids::{TeamId, TenantId};
use store::pages;
use store::table::{
    AttributeValue, Change, Condition, EXPIRES_AT, Item, Key, Query, Store, StoreError, Write,
    moment, to_item,
};

/// Items of one page of a query.
const PAGE: usize = 100;

/// Time in which a decision is notified. After that, only the record has it.
const DECISION_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// Most alerts that one message names; it counts the rest.
const NAMED: usize = 10;

/// Most bytes of a name or an answer in a message.
const LONGEST_NAME: usize = 120;

/// Most bytes of an alert in a message.
const LONGEST_TEXT: usize = 600;

/// The end of a text that was cut.
const ELLIPSIS: &str = "…";

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
    /// A rename was refused.
    RenameRefused,
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
            Self::RenameRefused => "rename-refused",
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
    /// A decision of a person.
    Decided(EntryId),
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
            Self::Decided(entry) => write!(f, "decided#{entry}"),
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

/// Part of a transaction: raises an alert about a decision, which ends by time.
pub(crate) fn raise_once(
    tenant: TenantId,
    decision: EntryId,
    message: AlertMessage,
    page: String,
    at: Timestamp,
) -> Result<Write, StoreError> {
    let mut write = raise(tenant, AlertKey::Decided(decision), message, page, at)?;
    if let Write::Put(item, _) = &mut write {
        // Nothing withdraws it: a decision is no condition that ends.
        let end = (at + DECISION_LASTS).as_second();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
    }
    Ok(write)
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

/// Loads all alerts except the suspension and decisions, which the pages show in full.
pub async fn except_suspension(
    store: &dyn Store,
    tenant: TenantId,
) -> Result<Vec<Alert>, StoreError> {
    let suspension = key(tenant, AlertKey::Suspended);
    let items = items(store, tenant).await?.into_iter();
    let others = items.filter(|item| Key::of(item).as_ref() != Some(&suspension));
    let is_condition = |alert: &Alert| !matches!(alert.message, AlertMessage::Decided { .. });
    Ok(others.filter_map(readable).filter(is_condition).collect())
}

async fn items(store: &dyn Store, tenant: TenantId) -> Result<Vec<Item>, StoreError> {
    let query = Query::Partition { pk: partition(tenant), prefix: String::new() };
    pages::all(store, &query, PAGE).await
}

/// A message with alerts that were not sent yet.
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

/// An alert that is about to be sent.
struct Unsent {
    key: Key,
    alert: Alert,
}

/// Loads the alerts that were not sent yet, as messages, the most urgent first.
///
/// The message of the whole tenant goes alone, so nothing else can keep it back.
pub(crate) async fn unsent(
    store: &dyn Store,
    tenant: TenantId,
    public_url: &str,
    link_failures: LinkFailures,
) -> Result<Vec<UnsentAlerts>, StoreError> {
    let mut unsent = vec![];
    for item in items(store, tenant).await? {
        let Some(key) = Key::of(&item) else { continue };
        let Some(alert) = readable::<Alert>(item) else { continue };
        let is_held = link_failures == LinkFailures::Held && alert.message.is_failed_call();
        if alert.notified_at.is_none() && !is_held {
            unsent.push(Unsent { key, alert });
        }
    }
    // What stops the whole tenant comes first, and then what has waited longest.
    unsent.sort_by_key(|one| (one.alert.message.urgency(), one.alert.since));
    let of_links = unsent.partition_point(|one| one.alert.message.urgency() == Urgency::Tenant);
    let (of_tenant, of_links) = unsent.split_at(of_links);
    let messages = of_tenant.chunks(1).chain([of_links]).filter(|alerts| !alerts.is_empty());
    Ok(messages.map(|alerts| UnsentAlerts::of(alerts, public_url)).collect())
}

/// Returns the line of an alert.
fn line(alert: &Alert, public_url: &str) -> String {
    let see = phrases::see(&format!("{public_url}{}", alert.page));
    format!("- {} {see}", text(alert))
}

/// Returns the text of an alert, cut to what leaves room for others.
fn text(alert: &Alert) -> String {
    let mut message = alert.message.clone();
    // Before the words around it, so that a long name cannot push them out.
    message.texts_mut().into_iter().for_each(|text| cut(text, LONGEST_NAME));
    // Names come from people, and could otherwise format the message or add a link.
    let mut text = plain(&phrases::message(&message));
    cut(&mut text, LONGEST_TEXT);
    text
}

/// Returns the message with the decisions of a tenant that ends, if none of its cycles sent them.
///
/// It has no links: the pages show nothing of the tenant from then on.
pub(crate) async fn unsent_decisions(
    store: &dyn Store,
    tenant: TenantId,
) -> Result<Option<String>, StoreError> {
    let is_unsent = |alert: &Alert| {
        let is_decision = matches!(alert.message, AlertMessage::Decided { .. });
        alert.notified_at.is_none() && is_decision
    };
    let mut decisions = all(store, tenant).await?;
    decisions.retain(is_unsent);
    // The last one says that the tenant ends.
    decisions.sort_by_key(|alert| std::cmp::Reverse(alert.since));
    let lines = decisions.iter().take(NAMED).map(|alert| format!("\n- {}", text(alert)));
    Ok((!decisions.is_empty()).then(|| lines.fold(phrases::HEADLINE.to_owned(), |a, b| a + &b)))
}

/// Cuts a text to so many bytes.
fn cut(text: &mut String, longest: usize) {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
}

impl UnsentAlerts {
    /// Names as many alerts as one message holds, and counts the rest.
    fn of(alerts: &[Unsent], public_url: &str) -> Self {
        let more = |count| phrases::more(count, &format!("{public_url}/teams"));
        // The line that counts the rest must always have room.
        let longest = LONGEST_MESSAGE - more(alerts.len()).len() - 1;
        let mut markdown = phrases::HEADLINE.to_owned();
        let mut named = 0;
        for one in alerts.iter().take(NAMED) {
            let line = line(&one.alert, public_url);
            if markdown.len() + 1 + line.len() > longest {
                break;
            }
            markdown.extend(["\n", &line]);
            named += 1;
        }
        // The message must not look complete when it is not.
        if named < alerts.len() {
            markdown.extend(["\n", &more(alerts.len() - named)]);
        }
        Self { keys: alerts.iter().map(|one| one.key.clone()).collect(), markdown }
    }

    /// Records that these alerts were sent, and returns their number.
    ///
    /// An alert that was withdrawn meanwhile stays withdrawn.
    pub(crate) async fn mark_notified(
        &self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        // A resumption is over once it is sent.
        let is_over = |key: &Key| key.sk == AlertKey::Resumed.to_string();
        for key in &self.keys {
            if is_over(key) {
                store.write(vec![Write::Delete(key.clone(), Condition::Any)]).await?;
                continue;
            }
            let notified = vec![Change::Set("notified_at", moment(now))];
            // Without this condition, a withdrawn alert would be created again.
            match store.update(key, notified, Condition::Holds(vec![])).await {
                Ok(_) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.keys.len())
    }
}
