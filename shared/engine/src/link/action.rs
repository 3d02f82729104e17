//! A short act of a person on a link, under its lease.
//!
//! It decides from the row that the lease returned. If it is cut off, the link comes back when the
//! lease ends.

use jiff::{SignedDuration, Timestamp};

use super::lease::{Closing, Lease, take_for};
use super::{Link, LinkRow, SyncRequests, key};
use domain::ids::{TeamId, TenantId};
use store::lease::{FirstLease, LeaseTerms};
use store::table::{Change, Store, StoreError, Test, Write, from_item, moment};

/// Duration of an action that calls no service.
pub(crate) const ACTION_LEASE: SignedDuration = SignedDuration::from_secs(30);

/// Attempts to take the lease of a row that changes meanwhile.
const ATTEMPTS: usize = 4;

/// A link of which an action holds the lease.
pub(crate) struct LinkAction<'a> {
    store: &'a dyn Store,
    tenant: TenantId,
    lease: Lease,
    /// The link as it is, for as long as the lease is held.
    pub(crate) row: LinkRow,
    now: Timestamp,
}

/// The result of beginning an action.
pub(crate) enum Begun<'a> {
    /// The action holds the lease.
    Held(Box<LinkAction<'a>>),
    /// Another holder has it: try again later.
    Busy,
    /// There is no such link.
    Gone,
}

/// The sync that follows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowUp {
    /// The next one comes as it was planned.
    AsPlanned,
    /// One is due at once, and someone waits for it.
    AtOnce,
    /// The next one comes at this moment.
    At(Timestamp),
}

impl<'a> LinkAction<'a> {
    /// Takes the lease of a link for `lasts`.
    pub(crate) async fn begin(
        store: &'a dyn Store,
        tenant: TenantId,
        team: TeamId,
        now: Timestamp,
        lasts: SignedDuration,
    ) -> Result<Begun<'a>, StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(item) = store.get(&key(tenant, team)).await? else { return Ok(Begun::Gone) };
            let read: LinkRow = from_item(item)?;
            // Further attempts do not help while another holder has it.
            if read.is_leased(now) {
                break;
            }
            let mut terms = LeaseTerms::new(now, now + lasts, FirstLease::Prepared);
            let planned = read.next_sync_at;
            // The end puts the planned moment back, so it must not move unseen before.
            terms.require.push(Test::Equals("gsi1sk", moment(planned)));
            terms.set.push(Change::Set("gsi1sk", moment(planned.min(terms.until))));
            let taken = take_for(store, tenant, &read, SyncRequests::default(), terms).await?;
            if let Some((lease, row)) = taken {
                // The stored moment is only for a crash: the plan is what the end goes back to.
                let row = LinkRow { next_sync_at: planned, ..row };
                return Ok(Begun::Held(Box::new(Self { store, tenant, lease, row, now })));
            }
        }
        Ok(Begun::Busy)
    }

    /// Part of a transaction: requires that the lease is held.
    pub(crate) fn check(&self) -> Result<Write, StoreError> {
        self.lease.check()
    }

    /// Stores the link with `writes`, and gives the lease back.
    ///
    /// # Errors
    /// `ConditionFailed` if the lease is lost, or a condition of `writes` does not hold.
    pub(crate) async fn end(
        &self,
        link: &Link,
        follow_up: FollowUp,
        writes: Vec<Write>,
    ) -> Result<(), StoreError> {
        let next_sync_at = match follow_up {
            FollowUp::AsPlanned => self.row.next_sync_at,
            FollowUp::AtOnce => self.now,
            FollowUp::At(moment) => moment,
        };
        let mut closing = Closing::unread(&self.row, next_sync_at);
        if follow_up == FollowUp::AtOnce {
            closing.requests.awaited = self.now;
        }
        self.lease.give_back(self.store, self.tenant, link, closing, writes, self.now).await
    }

    /// Gives the lease back. Nothing has changed.
    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        self.end(&self.row.link, FollowUp::AsPlanned, vec![]).await
    }
}
