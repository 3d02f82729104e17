//! A link as it is stored, with the moments that its lease and its syncs use.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Link, listing};
use domain::ids::{TeamId, TenantId};
use store::keys;
use store::table::{
    Change, Condition, Key, Store, StoreError, Test, Write, milliseconds, moment, to_item, to_value,
};

/// A link with the moments that its lease and its syncs use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// The link.
    pub link: Link,
    /// The end of the lease.
    #[serde(with = "milliseconds")]
    pub lease_until: Timestamp,
    /// The id of the lease.
    pub lease: String,
    /// The latest request for a sync.
    #[serde(with = "milliseconds")]
    pub requested_at: Timestamp,
    /// The beginning of the last reading.
    #[serde(with = "milliseconds")]
    pub synced_at: Timestamp,
    /// The last event from Microsoft.
    #[serde(with = "milliseconds")]
    pub last_event_at: Timestamp,
    /// The moment of the next sync without a request.
    #[serde(rename = "gsi1sk", with = "milliseconds")]
    pub next_sync_at: Timestamp,
    /// The moment at which the one delayed message comes.
    #[serde(with = "milliseconds")]
    pub delayed_until: Timestamp,
}

impl LinkRow {
    /// Returns `true` if a lease is held at `now`.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until > now
    }

    /// Returns `true` if the last reading answers a request of `at` and all known since.
    pub fn has_answered(&self, at: Timestamp) -> bool {
        self.synced_at >= at && self.synced_at >= self.requested_at
    }
}

/// The partition of a tenant's links.
pub fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#LINK")
}

/// The key of a link.
pub fn key(tenant: TenantId, team: TeamId) -> Key {
    Key::new(partition(tenant), team.to_string())
}

pub(super) fn index_attributes(
    tenant: TenantId,
    link: &Link,
    next_sync_at: Timestamp,
) -> Result<Vec<Change>, StoreError> {
    Ok(vec![
        Change::Set("gsi1pk", to_value(&keys::due_partition(tenant))?),
        Change::Set("gsi1sk", moment(next_sync_at)),
        Change::Set("gsi2pk", to_value(&listing::listing(tenant, link.state()))?),
        Change::Set("gsi2sk", to_value(&listing::sort_key(link))?),
    ])
}

/// Part of a transaction: creates a link if there is none. Its first sync is due at once.
pub fn creation(tenant: TenantId, link: &Link, now: Timestamp) -> Result<Write, StoreError> {
    let never = Timestamp::UNIX_EPOCH;
    let row = LinkRow {
        link: link.clone(),
        lease_until: never,
        lease: String::new(),
        requested_at: never,
        synced_at: never,
        last_event_at: never,
        next_sync_at: now,
        delayed_until: never,
    };
    let mut item = to_item(&key(tenant, link.team), &row)?;
    for change in index_attributes(tenant, link, now)? {
        if let Change::Set(attribute, value) = change {
            item.insert(attribute.into(), value);
        }
    }
    Ok(Write::Put(item, Condition::Absent))
}

/// The condition that a link's next sync is due.
pub fn due_condition(now: Timestamp) -> Condition {
    Condition::Holds(vec![Test::Below("gsi1sk", now.as_millisecond().saturating_add(1))])
}

/// Makes `changes` unless the link's schedule has changed since it was read.
///
/// Returns `true` if they were made.
pub async fn postpone(
    store: &dyn Store,
    tenant: TenantId,
    row: &LinkRow,
    changes: Vec<Change>,
) -> Result<bool, StoreError> {
    let unchanged = Condition::Holds(vec![
        Test::Equals("synced_at", moment(row.synced_at)),
        Test::Equals("delayed_until", moment(row.delayed_until)),
        Test::Equals("gsi1sk", moment(row.next_sync_at)),
    ]);
    match store.update(&key(tenant, row.link.team), changes, unchanged).await {
        Ok(_) => Ok(true),
        Err(StoreError::ConditionFailed) => Ok(false),
        Err(error) => Err(error),
    }
}
