//! A link as it is stored, with the moments that its lease and its syncs use.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Link, Schedule, SyncRequests, listing};
use domain::ids::{TeamId, TenantId};
use store::keys;
use store::table::{
    Change, Condition, Key, StoreError, Test, Write, milliseconds, moment, to_item, to_value,
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
    /// The latest request for a full sync.
    #[serde(default, with = "milliseconds")]
    pub full_requested_at: Timestamp,
    /// The latest request that someone waits for.
    #[serde(default, with = "milliseconds")]
    pub awaited_at: Timestamp,
    /// The beginning of the last reading.
    #[serde(with = "milliseconds")]
    pub synced_at: Timestamp,
    /// The beginning of the last full reading.
    #[serde(default, with = "milliseconds")]
    pub full_synced_at: Timestamp,
    /// The last event from Microsoft.
    #[serde(with = "milliseconds")]
    pub last_event_at: Timestamp,
    /// The moment of the next sync without a request.
    #[serde(rename = "gsi1sk", with = "milliseconds")]
    pub next_sync_at: Timestamp,
    /// The moment at which the one delayed message comes.
    #[serde(with = "milliseconds")]
    pub delayed_until: Timestamp,
    /// The number of memberships that the tenant counts for this link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memberships: Option<usize>,
}

impl LinkRow {
    /// Returns `true` if a lease is held at `now`.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until > now
    }

    /// Returns what is requested of the link.
    pub fn requests(&self) -> SyncRequests {
        SyncRequests {
            sync: self.requested_at,
            full: self.full_requested_at,
            event: self.last_event_at,
            awaited: self.awaited_at,
        }
    }

    /// Returns when the link comes back without a further request.
    pub(crate) fn schedule(&self) -> Schedule {
        Schedule { next_sync_at: self.next_sync_at, delayed_until: self.delayed_until }
    }

    /// Returns `true` if the last readings answer these requests and all that are stored. What is
    /// left to confirm after the lag window is scheduled.
    pub fn has_answered(&self, requests: SyncRequests) -> bool {
        let all = self.requests().raised_by(requests);
        self.synced_at >= all.sync && self.full_synced_at >= all.full
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
    // Earlier than every moment: the first lease is free, and no request counts as answered.
    let never = Timestamp::UNIX_EPOCH;
    let row = LinkRow {
        link: link.clone(),
        lease_until: never,
        lease: String::new(),
        requested_at: never,
        full_requested_at: never,
        awaited_at: never,
        synced_at: never,
        full_synced_at: never,
        last_event_at: never,
        // Due without a message, because the message that follows can be lost.
        next_sync_at: now,
        delayed_until: never,
        memberships: Some(0),
    };
    let mut item = to_item(&key(tenant, link.team), &row)?;
    for change in index_attributes(tenant, link, now)? {
        if let Change::Set(attribute, value) = change {
            item.insert(attribute.into(), value);
        }
    }
    // Two messages about one team can arrive at the same time.
    Ok(Write::Put(item, Condition::Absent))
}

/// The condition that a link's next sync is due.
pub fn due_condition(now: Timestamp) -> Condition {
    // Tests only know "below", and a sync of right now is due.
    Condition::Holds(vec![Test::Below("gsi1sk", now.as_millisecond().saturating_add(1))])
}
