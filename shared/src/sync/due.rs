//! Links whose next look has come: daily looks, retries, ends of recent, all in one query.

use jiff::{SignedDuration, Timestamp};

use super::{Sync, SyncError};
use crate::ids::{TeamId, TenantId};
use crate::link;
use crate::message::{Ask, Cause, Message};
use crate::store::{Change, Key, Query, StoreError, moment};
use crate::tenant;

/// For how long a link that was queued is not queued again.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(15);

/// Links in one page of the query.
const PAGE: usize = 100;

/// Queues the tenant's links whose next look has come, at most `most` of them, the longest due first. None while a gate is shut.
/// Returns how many were queued.
pub async fn queue_due_looks(sync: &Sync, tenant: TenantId, most: usize) -> Result<usize, SyncError> {
    let now = sync.clock.now();
    if tenant::gates_shut_until(sync.store.as_ref(), tenant, now).await?.is_some() {
        return Ok(0);
    }
    let query = Query::Due { pk: format!("LOOK#{tenant}"), at_most: now.as_millisecond() };
    let (mut start, mut queued) = (None, 0);
    while queued < most {
        let page = sync.store.query(&query, PAGE.min(most - queued), start.as_ref()).await?;
        let teams: Vec<TeamId> = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok()).collect();
        let messages: Vec<Message> = teams.iter().map(|team| due(tenant, *team, now)).collect();
        sync.queue.send_all(&messages).await?;
        for team in &teams {
            // Whoever changed the link meanwhile knows its next look better.
            let later = vec![Change::Set("gsi1sk", moment(now + QUEUED_FOR))];
            match sync.store.update(&link::key(tenant, *team), later, link::is_due(now)).await {
                Ok(_) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        queued += teams.len();
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    Ok(queued)
}

fn due(tenant: TenantId, team: TeamId, now: Timestamp) -> Message {
    Message { v: Default::default(), tenant, at: now, cause: Cause::Due, ask: Ask::Team { team, region: None } }
}
