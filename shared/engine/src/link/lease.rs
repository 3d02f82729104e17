//! The lease over a link.

use jiff::Timestamp;

use super::{Link, LinkRow, SyncRequests, index_attributes, key};
use crate::safety::removal_counter;
use domain::ids::{TeamId, TenantId};
use store::lease::{FirstLease, LeaseTerms};
use store::table::{Change, Store, StoreError, Test, Write, moment, to_value};

/// The exclusive right to write a link and its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    lease: store::lease::Lease,
    /// The memberships that the tenant counts for the link.
    memberships: usize,
}

/// Takes the lease until `until`; `None` if another holder has it.
pub async fn take_lease(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<(Lease, LinkRow)>, StoreError> {
    let terms = LeaseTerms::new(now, until, FirstLease::Prepared);
    let taken = store::lease::Lease::take(store, key(tenant, team), terms).await?;
    Ok(taken.map(|(lease, row)| (Lease::over(lease, &row), row)))
}

/// Takes the lease over a link that was read as `row`, and stores what this holder was asked for.
///
/// Returns `None` if another holder has it, or if there is a new request since.
pub(crate) async fn take_for(
    store: &dyn Store,
    tenant: TenantId,
    row: &LinkRow,
    requests: SyncRequests,
    terms: LeaseTerms,
) -> Result<Option<(Lease, LinkRow)>, StoreError> {
    let mut terms = terms;
    // What is raised is computed from the row, so it must be the row that was read.
    terms.require.push(Test::Equals("requested_at", moment(row.requested_at)));
    terms.set.extend(requests.changes(row.requests()));
    let taken = store::lease::Lease::take(store, key(tenant, row.link.team), terms).await?;
    Ok(taken.map(|(lease, row)| (Lease::over(lease, &row), row)))
}

/// The values that the end of a lease stores besides the link.
#[derive(Clone, Copy, Debug)]
pub struct Closing {
    /// The beginning of the last reading.
    pub synced_at: Timestamp,
    /// The beginning of the last full reading.
    pub full_synced_at: Timestamp,
    /// The requests that the holder knows.
    pub requests: SyncRequests,
    /// The moment of the next sync.
    pub next_sync_at: Timestamp,
    /// The moment at which the one delayed message comes, if one is about to be sent.
    pub delayed_until: Option<Timestamp>,
}

impl Closing {
    /// The end of a lease under which nothing was read.
    pub fn unread(row: &LinkRow, next_sync_at: Timestamp) -> Self {
        Self {
            synced_at: row.synced_at,
            full_synced_at: row.full_synced_at,
            requests: row.requests(),
            next_sync_at,
            delayed_until: None,
        }
    }
}

impl Lease {
    fn over(lease: store::lease::Lease, row: &LinkRow) -> Self {
        // An earlier release stored no number here.
        Self { lease, memberships: row.memberships.unwrap_or(row.link.counts.eligible) }
    }

    /// A lease that is not held, for a dry run: every write under it is refused.
    pub(crate) fn never_taken(tenant: TenantId, team: TeamId) -> Self {
        Self { lease: store::lease::Lease::unheld(key(tenant, team)), memberships: 0 }
    }

    /// Part of a transaction: stores the link and keeps the lease.
    pub fn save(&self, link: &Link) -> Result<Write, StoreError> {
        self.lease.save(vec![Change::Set("link", to_value(link)?)])
    }

    /// Part of a transaction that does not write the link: requires that the lease is held.
    pub fn check(&self) -> Result<Write, StoreError> {
        self.lease.check()
    }

    /// Part of a transaction: stores the link, gives the lease back, and counts the link's
    /// memberships for the tenant. No end of a link can forget them.
    ///
    /// The transaction fails if something was requested that `closing` does not know.
    pub fn close(
        &self,
        tenant: TenantId,
        link: &Link,
        closing: &Closing,
    ) -> Result<Vec<Write>, StoreError> {
        let memberships = link.memberships();
        let mut changes = index_attributes(tenant, link, closing.next_sync_at)?;
        changes.extend([
            Change::Set("link", to_value(link)?),
            Change::Set("synced_at", moment(closing.synced_at)),
            Change::Set("full_synced_at", moment(closing.full_synced_at)),
            Change::Set("awaited_at", moment(closing.requests.awaited)),
            Change::Set("memberships", to_value(&memberships)?),
        ]);
        let delayed_until = closing.delayed_until.map(moment);
        // An earlier moment stays otherwise: its message can still be on its way.
        changes.extend(delayed_until.map(|until| Change::Set("delayed_until", until)));
        let known = Test::Equals("requested_at", moment(closing.requests.sync));
        let count = |memberships| i64::try_from(memberships).unwrap_or(i64::MAX);
        let more = count(memberships) - count(self.memberships);
        let counted = (more != 0).then(|| removal_counter::count_memberships(tenant, more));
        let close = self.lease.close(changes, vec![known])?;
        Ok([close].into_iter().chain(counted).collect())
    }

    /// Stores the link with `writes` and gives the lease back, for a holder that read nothing.
    ///
    /// A sync that was requested meanwhile becomes due at once.
    ///
    /// # Errors
    /// `ConditionFailed` if the lease is lost.
    pub(crate) async fn give_back(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        link: &Link,
        mut closing: Closing,
        writes: Vec<Write>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        loop {
            let close = self.close(tenant, link, &closing)?;
            match store.write([writes.as_slice(), &close].concat()).await {
                Err(StoreError::ConditionFailed) => {}
                written => return written,
            }
            let row = self.read(store).await?.ok_or(StoreError::ConditionFailed)?;
            // An earlier try whose answer was lost has given it back.
            if row.lease_until == Timestamp::UNIX_EPOCH {
                return Ok(());
            }
            // Nothing new was requested, so it was a condition of `writes` that failed.
            if row.requested_at == closing.requests.sync {
                return Err(StoreError::ConditionFailed);
            }
            closing.requests = row.requests().raised_by(closing.requests);
            closing.next_sync_at = closing.next_sync_at.min(now);
        }
    }

    /// Loads the link, or `None` if the lease is lost.
    pub async fn read(&self, store: &dyn Store) -> Result<Option<LinkRow>, StoreError> {
        self.lease.read(store).await
    }
}
