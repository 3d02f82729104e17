//! The right to a link: taken by one conditional update, required to stand by every later write, and given back with the last word.

use jiff::Timestamp;
use ulid::Ulid;

use super::{Kept, Link, index_attributes, key};
use domain::ids::{TeamId, TenantId};
use store::table::{Change, Condition, Key, Store, StoreError, Test, Write, from_item, moment, to_value};

/// The right to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    key: Key,
    name: String,
}

/// Takes the lease until `until`; `None` where somebody else holds it.
pub async fn take_lease(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<(Lease, Kept)>, StoreError> {
    let lease = Lease { key: key(tenant, team), name: Ulid::generate().to_string() };
    let changes = vec![Change::Set("lease_until", moment(until)), Change::Set("lease", to_value(&lease.name)?)];
    let free = Condition::Holds(vec![Test::Below("lease_until", now.as_millisecond().saturating_add(1))]);
    match store.update(&lease.key, changes, free).await {
        Ok(item) => Ok(Some((lease, from_item(item)?))),
        // A first try whose answer was lost may have taken the lease for us.
        Err(StoreError::ConditionFailed) => Ok(lease.read(store).await?.map(|kept| (lease, kept))),
        Err(error) => Err(error),
    }
}

/// What became of a wish that was handed to the holder of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The holder will see it.
    Over,
    /// That lease is no more: try to take it.
    LeaseIsGone,
}

/// Tells the holder of the lease that a look is wanted as of `at`.
pub async fn want(
    store: &dyn Store,
    tenant: TenantId,
    kept: &Kept,
    at: Timestamp,
    hint: Option<Timestamp>,
) -> Result<Handed, StoreError> {
    let mut changes = vec![Change::Set("wanted", moment(at.max(kept.wanted)))];
    changes.extend(hint.map(|hint| Change::Set("hinted", moment(hint.max(kept.hinted)))));
    let same = Condition::Holds(vec![
        Test::Equals("lease", to_value(&kept.lease)?),
        Test::Equals("lease_until", moment(kept.lease_until)),
        Test::Equals("wanted", moment(kept.wanted)),
    ]);
    match store.update(&key(tenant, kept.link.team), changes, same).await {
        Ok(_) => Ok(Handed::Over),
        Err(StoreError::ConditionFailed) => Ok(Handed::LeaseIsGone),
        Err(error) => Err(error),
    }
}

/// A lease's last word on a link.
#[derive(Clone, Copy, Debug)]
pub struct Closing {
    /// Start of the reading.
    pub looked: Timestamp,
    /// What was known to be wanted.
    pub wanted: Timestamp,
    /// The last hint that is known.
    pub hinted: Timestamp,
    /// When the next look is due.
    pub next_look: Timestamp,
    /// When the one delayed message comes, if one is about to be sent.
    pub delayed: Option<Timestamp>,
}

impl Lease {
    /// A lease that was never taken: whatever would be written under it is refused. For whoever only wants to know what a look would do.
    pub(crate) fn of_nobody(tenant: TenantId, team: TeamId) -> Self {
        Self { key: key(tenant, team), name: Ulid::generate().to_string() }
    }

    fn stands(&self) -> Result<Test, StoreError> {
        Ok(Test::Equals("lease", to_value(&self.name)?))
    }

    /// Stores the link in the middle of a look; the lease goes on.
    pub fn keep(&self, link: &Link) -> Result<Write, StoreError> {
        Ok(Write::Update(
            self.key.clone(),
            vec![Change::Set("link", to_value(link)?)],
            Condition::Holds(vec![self.stands()?]),
        ))
    }

    /// A part for every transaction of a look that does not write the link itself.
    pub fn check(&self) -> Result<Write, StoreError> {
        Ok(Write::Check(self.key.clone(), Condition::Holds(vec![self.stands()?])))
    }

    /// Stores the link and gives the lease back, if nothing further is wanted meanwhile.
    pub fn close(&self, tenant: TenantId, link: &Link, closing: &Closing) -> Result<Write, StoreError> {
        let mut changes = index_attributes(tenant, link, closing.next_look)?;
        changes.extend([
            Change::Set("link", to_value(link)?),
            Change::Set("looked", moment(closing.looked)),
            Change::Set("hinted", moment(closing.hinted)),
            Change::Set("lease_until", moment(Timestamp::UNIX_EPOCH)),
        ]);
        changes.extend(closing.delayed.map(|delayed| Change::Set("delayed", moment(delayed))));
        let known = Test::Equals("wanted", moment(closing.wanted));
        Ok(Write::Update(self.key.clone(), changes, Condition::Holds(vec![self.stands()?, known])))
    }

    /// Stores the link and gives the lease back for somebody who has read nothing: whoever wanted a look meanwhile gets it at once. `ConditionFailed`
    /// where the lease is lost.
    pub(crate) async fn give_back(
        &self,
        store: &dyn Store,
        (tenant, link): (TenantId, &Link),
        mut closing: Closing,
        (writes, now): (Vec<Write>, Timestamp),
    ) -> Result<(), StoreError> {
        loop {
            let close = self.close(tenant, link, &closing)?;
            match store.write([writes.as_slice(), &[close]].concat()).await {
                Err(StoreError::ConditionFailed) => {
                    let kept = self.read(store).await?.ok_or(StoreError::ConditionFailed)?;
                    // A first try whose answer was lost has given it back.
                    if kept.lease_until == Timestamp::UNIX_EPOCH {
                        return Ok(());
                    }
                    if kept.wanted == closing.wanted {
                        return Err(StoreError::ConditionFailed);
                    }
                    closing.wanted = kept.wanted;
                    closing.next_look = closing.next_look.min(now);
                }
                written => return written,
            }
        }
    }

    /// The link as it stands, if the lease does.
    pub async fn read(&self, store: &dyn Store) -> Result<Option<Kept>, StoreError> {
        let kept: Option<Kept> = store.get(&self.key).await?.map(from_item).transpose()?;
        Ok(kept.filter(|kept| kept.lease == self.name))
    }
}
