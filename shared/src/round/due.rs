//! Links whose next look has come: daily looks, retries, ends of recent, unanswered cards, all in one query.

use jiff::{SignedDuration, Timestamp};

use super::{BETWEEN_LOOKS, LOOKS_PER_ROUND, Round, SyncError};
use crate::ids::{TeamId, TenantId};
use crate::link;
use crate::message::{Ask, Cause, Message};
use crate::store::{Change, Key, Query, StoreError, moment};

/// For how long a link that was queued is not queued again.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(15);

impl Round<'_> {
    /// Queues the links whose next look has come, the longest due first. Those that one round does not take come with the next.
    pub(super) async fn due(&mut self) -> Result<(), SyncError> {
        let (sync, tenant, now) = (&self.rounds.sync, self.tenant(), self.now());
        let query = Query::Due { pk: format!("LOOK#{tenant}"), at_most: now.as_millisecond() };
        let mut start = None;
        while self.report.due < LOOKS_PER_ROUND {
            let page = sync.store.query(&query, LOOKS_PER_ROUND - self.report.due, start.as_ref()).await?;
            let teams: Vec<TeamId> = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok()).collect();
            let messages: Vec<Message> = teams.iter().map(|team| due(tenant, *team, now)).collect();
            sync.queue.send_spaced(&messages, BETWEEN_LOOKS).await?;
            for team in &teams {
                // Whoever changed the link meanwhile knows its next look better.
                let later = vec![Change::Set("gsi1sk", moment(now + QUEUED_FOR))];
                match sync.store.update(&link::key(tenant, *team), later, link::is_due(now)).await {
                    Ok(_) | Err(StoreError::ConditionFailed) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.report.due += teams.len();
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn due(tenant: TenantId, team: TeamId, now: Timestamp) -> Message {
    Message { v: Default::default(), tenant, at: now, cause: Cause::Due, ask: Ask::Team { team, region: None } }
}
