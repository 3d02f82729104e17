//! Links and folders whose next look has come: daily looks, retries, ends of recent, unanswered cards, missing sites, all in one query.

use jiff::{SignedDuration, Timestamp};

use super::{BETWEEN_LOOKS, LOOKS_PER_ROUND, Round, SyncError};
use crate::folders;
use crate::link;
use domain::ids::TenantId;
use store::message::{Ask, Cause, Message};
use store::table::{Change, Item, Key, Query, StoreError, moment};

/// For how long what was queued is not queued again.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(15);

impl Round<'_> {
    /// Queues whatever's next look has come, the longest due first. Those that one round does not take come with the next.
    pub(super) async fn due(&mut self) -> Result<(), SyncError> {
        let (sync, tenant, now) = (&self.rounds.sync, self.tenant(), self.now());
        let query = Query::Due { pk: format!("LOOK#{tenant}"), at_most: now.as_millisecond() };
        let mut start = None;
        while self.report.due < LOOKS_PER_ROUND {
            let page = sync.store.query(&query, LOOKS_PER_ROUND - self.report.due, start.as_ref()).await?;
            let due: Vec<(Key, Message)> = page.items.iter().filter_map(|item| due(tenant, item, now)).collect();
            let (keys, messages): (Vec<Key>, Vec<Message>) = due.into_iter().unzip();
            sync.queue.send_spaced(&messages, BETWEEN_LOOKS).await?;
            for key in &keys {
                // Whoever changed it meanwhile knows its next look better.
                let later = vec![Change::Set("gsi1sk", moment(now + QUEUED_FOR))];
                match sync.store.update(key, later, link::is_due(now)).await {
                    Ok(_) | Err(StoreError::ConditionFailed) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.report.due += keys.len();
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// What is due: a link, or the folders of a team.
fn due(tenant: TenantId, item: &Item, now: Timestamp) -> Option<(Key, Message)> {
    let key = Key::of(item)?;
    let team = key.sk.parse().ok()?;
    let ask = match &key.pk {
        pk if *pk == folders::partition(tenant) => Ask::Folders { team },
        pk if *pk == link::partition(tenant) => Ask::Team { team, region: None },
        _ => return None,
    };
    Some((key, Message { v: Default::default(), tenant, at: now, cause: Cause::Due, ask }))
}
