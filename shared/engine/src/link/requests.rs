//! Requests for syncs of a link: moments that are stored until a run answers them.
//!
//! Messages are merged, delayed and lost. What they asked for stays: each moment is raised by
//! [`raise`], and answered only by a run that does what was asked.

use jiff::{SignedDuration, Timestamp};

use super::{LinkRow, key};
use crate::quota::Priority;
use clients::http::Urgency;
use domain::ids::TenantId;
use domain::merge::LAG_WINDOW;
use store::message::{Message, Trigger};
use store::table::{Change, Condition, Store, StoreError, Test, moment, to_value};

/// The latest requests of a link, each by its moment. The epoch means never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncRequests {
    /// A sync: answered by a run that began later.
    pub sync: Timestamp,
    /// A full sync: answered by a full run that began later.
    pub full: Timestamp,
    /// An event from Microsoft: confirmed by a run that began after the lag window.
    pub event: Timestamp,
    /// A sync that someone waits for. It only gives the run a larger share of the quota.
    pub awaited: Timestamp,
}

impl SyncRequests {
    /// Returns what a message requests. Nothing else decides by its trigger.
    pub fn of(message: &Message) -> Self {
        let (at, trigger) = (message.at, message.trigger);
        let at_if = |requested| if requested { at } else { Timestamp::UNIX_EPOCH };
        Self {
            sync: at,
            // Excluded people can have become eligible, which only a full run looks up.
            full: at_if(matches!(trigger, Trigger::Administrator | Trigger::Person)),
            event: at_if(matches!(trigger, Trigger::GraphNotification | Trigger::GraphDelta)),
            // A retry stands for requests that are stored.
            awaited: at_if(!matches!(trigger, Trigger::Due | Trigger::Person | Trigger::Retry)),
        }
    }

    /// Returns the later of both, moment by moment.
    #[must_use]
    pub fn raised_by(self, other: Self) -> Self {
        Self {
            sync: self.sync.max(other.sync),
            full: self.full.max(other.full),
            event: self.event.max(other.event),
            awaited: self.awaited.max(other.awaited),
        }
    }

    /// Returns the moment from which a reading confirms the last event, unless a reading of
    /// `synced_at` did.
    pub(crate) fn confirm_at(self, synced_at: Timestamp) -> Option<Timestamp> {
        let visible_at = self.event.checked_add(LAG_WINDOW).ok()?;
        (self.event > Timestamp::UNIX_EPOCH && visible_at > synced_at).then_some(visible_at)
    }

    /// Returns the share of the quota for a run of a link that was last read at `synced_at`.
    pub(crate) fn priority(self, synced_at: Timestamp) -> Priority {
        if self.awaited > synced_at { Priority::Awaited } else { Priority::Repair }
    }

    /// Returns the urgency of calls for a link that was last read at `synced_at`.
    pub(crate) fn urgency(self, synced_at: Timestamp) -> Urgency {
        match self.priority(synced_at) {
            Priority::Repair => Urgency::Low,
            // An administrator waits for the page.
            Priority::Awaited if self.full > synced_at => Urgency::High,
            Priority::Awaited => Urgency::Usual,
        }
    }

    /// The changes that raise stored requests to these.
    pub(super) fn changes(self, stored: Self) -> Vec<Change> {
        let raised = stored.raised_by(self);
        if raised == stored {
            return vec![];
        }
        vec![
            Change::Set("requested_at", moment(raised.sync)),
            Change::Set("full_requested_at", moment(raised.full)),
            Change::Set("last_event_at", moment(raised.event)),
            Change::Set("awaited_at", moment(raised.awaited)),
        ]
    }
}

/// The moments at which a link comes back without a further request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The moment of the next sync.
    pub next_sync_at: Timestamp,
    /// The moment at which the one delayed message comes.
    pub delayed_until: Timestamp,
}

/// Stores requests that cannot run now, and when the link comes back for them.
///
/// Returns `false` if the row changed since it was read: the caller decides again.
pub async fn raise(
    store: &dyn Store,
    tenant: TenantId,
    row: &LinkRow,
    requests: SyncRequests,
    schedule: Schedule,
) -> Result<bool, StoreError> {
    let (stored, mut requests) = (row.requests(), requests);
    let is_raised = stored.raised_by(requests) != stored;
    if is_raised && row.lease_until > Timestamp::UNIX_EPOCH {
        // Holders of the lease notice a request by `requested_at`, whatever it asks for.
        let next = stored.sync.checked_add(SignedDuration::from_millis(1)).unwrap_or(stored.sync);
        requests.sync = requests.sync.max(next);
    }
    let mut changes = requests.changes(stored);
    if schedule.next_sync_at != row.next_sync_at {
        changes.push(Change::Set("gsi1sk", moment(schedule.next_sync_at)));
    }
    if schedule.delayed_until != row.delayed_until {
        changes.push(Change::Set("delayed_until", moment(schedule.delayed_until)));
    }
    // Webhooks come in bursts: a message that adds nothing costs no write.
    if changes.is_empty() {
        return Ok(true);
    }
    // All that the caller decided by: otherwise it could overwrite the moments of another message.
    let unchanged = Condition::Holds(vec![
        Test::Equals("lease", to_value(&row.lease)?),
        Test::Equals("lease_until", moment(row.lease_until)),
        Test::Equals("requested_at", moment(row.requested_at)),
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
