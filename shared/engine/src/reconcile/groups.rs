//! What changed in Microsoft 365: the directory's own list of changes, and where that cannot be followed any more, every link.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BETWEEN_LOOKS, LOOKS_PER_ROUND, Round, SyncError};
use crate::link::{self, Kept, Phase};
use clients::graph::{Delta, DeltaFrom};
use domain::ids::{GroupId, TenantId};
use store::keys;
use store::message::{Ask, Cause, Message};
use store::table::{Condition, Cursor, Key, Query, Store, StoreError, Write, from_item, to_item};

/// Where the list of changes is gone on with.
#[derive(Serialize, Deserialize)]
struct GroupsCursor {
    /// The next page, or what changes from now on.
    link: String,
}

/// A look at every link is under way.
#[derive(Serialize, Deserialize)]
struct SweepCursor {
    /// Whoever was looked at since needs no look.
    asked_at: Timestamp,
    next: Option<Cursor>,
}

/// Has every link of a tenant looked at, some in each round: what they are to be was changed.
pub async fn look_at_every_link(store: &dyn Store, tenant: TenantId, now: Timestamp) -> Result<(), StoreError> {
    store.write(vec![sweep_from(tenant, now)?]).await
}

fn sweep_from(tenant: TenantId, now: Timestamp) -> Result<Write, StoreError> {
    let sweep = SweepCursor { asked_at: now, next: None };
    Ok(Write::Put(to_item(&sweep_key(tenant), &sweep)?, Condition::Any))
}

fn sweep_key(tenant: TenantId) -> Key {
    keys::cursor(tenant, "sweep")
}

impl Round<'_> {
    /// Queues a look for every linked group that changed. The cursor moves page by page, after the looks are queued.
    pub(super) async fn groups(&mut self) -> Result<(), SyncError> {
        let key = keys::cursor(self.tenant(), "groups");
        let cursor: Option<GroupsCursor> = self.store().get(&key).await?.map(from_item).transpose()?;
        let access = self.graph().await?;
        let mut from = cursor.map(|cursor| cursor.link);
        loop {
            let asked = from.take().map_or(DeltaFrom::Now, DeltaFrom::Link);
            let begins_anew = asked == DeltaFrom::Now;
            match self.rounds.sync.graph.delta(&access, asked).await? {
                // The next turn of the loop asks for the present, first, and then for a look at every link: nothing can fall in between.
                Delta::Expired => {}
                Delta::Page { groups, next, delta } => {
                    self.queue_linked(&groups).await?;
                    let link = next.clone().or(delta).unwrap_or_default();
                    let mut writes = vec![Write::Put(to_item(&key, &GroupsCursor { link })?, Condition::Any)];
                    if begins_anew {
                        writes.push(sweep_from(self.tenant(), self.now())?);
                    }
                    self.store().write(writes).await?;
                    if next.is_none() || !self.has_time() {
                        return Ok(());
                    }
                    from = next;
                }
            }
        }
    }

    async fn queue_linked(&mut self, groups: &[GroupId]) -> Result<(), SyncError> {
        let (tenant, at) = (self.tenant(), self.now());
        let mut messages = vec![];
        for claim in link::claims(self.store(), self.directory(), groups.iter().copied()).await?.into_values() {
            if claim.tenant == tenant {
                let ask = Ask::Team { team: claim.team, region: Some(claim.region) };
                messages.push(Message { v: Default::default(), tenant, at, cause: Cause::GraphDelta, ask });
            }
        }
        self.report.groups += messages.len();
        Ok(self.rounds.sync.queue.send_all(&messages).await?)
    }

    /// Goes on asking for a look at every link, some in each round.
    pub(super) async fn sweep(&mut self) -> Result<(), SyncError> {
        let tenant = self.tenant();
        let key = sweep_key(tenant);
        let Some(item) = self.store().get(&key).await? else { return Ok(()) };
        let SweepCursor { asked_at, next } = from_item(item)?;
        let room = LOOKS_PER_ROUND.saturating_sub(self.report.due);
        if room == 0 {
            return Ok(());
        }
        let query = Query::Partition { pk: format!("TENANT#{tenant}#LINK"), prefix: String::new() };
        let page = self.store().query(&query, room, next.as_ref()).await?;
        let mut messages = vec![];
        for item in page.items {
            let link = from_item::<Kept>(item)?.link;
            if !matches!(link.phase, Phase::Ended { .. }) {
                let ask = Ask::Team { team: link.team, region: Some(link.region) };
                messages.push(Message { v: Default::default(), tenant, at: asked_at, cause: Cause::Due, ask });
            }
        }
        self.rounds.sync.queue.send_spaced(&messages, BETWEEN_LOOKS).await?;
        self.report.swept += messages.len();
        let gone_on = match page.next {
            Some(next) => Write::Put(to_item(&key, &SweepCursor { asked_at, next: Some(next) })?, Condition::Any),
            None => Write::Delete(key, Condition::Any),
        };
        Ok(self.store().write(vec![gone_on]).await?)
    }
}
