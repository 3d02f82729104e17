//! Links and folders whose next sync is due, in one query: daily syncs, retries, unanswered cards,
//! ends of a lag window, missing sites, messages that wait.

use jiff::{SignedDuration, Timestamp};

use super::context::Cycle;
use super::{SYNC_SPACING, SYNCS_PER_CYCLE, SyncError};
use crate::folders;
use crate::link;
use domain::ids::TenantId;
use futures::TryStreamExt;
use store::keys;
use store::message::{Job, Message, Trigger};
use store::pages::pages;
use store::table::{Change, Item, Key, Query, StoreError, moment};

/// Time during which a queued sync is not queued again.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(15);

/// A row whose sync is due, with the message that requests it.
struct DueRow {
    key: Key,
    message: Message,
}

/// Queues the syncs that are due, the longest due first. The next cycle queues the rest.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let (sync, tenant, now) = (&cycle.reconciler.sync, cycle.tenant(), cycle.now());
    let query = Query::Due { pk: keys::due_partition(tenant), at_most: now.as_millisecond() };
    let mut pages = pages(sync.store.as_ref(), &query, SYNCS_PER_CYCLE);
    while cycle.report.due < SYNCS_PER_CYCLE
        && let Some(items) = pages.try_next().await?
    {
        let rows: Vec<DueRow> = items
            .iter()
            .filter_map(|item| due_row(tenant, item, now))
            .take(SYNCS_PER_CYCLE - cycle.report.due)
            .collect();
        let messages: Vec<Message> = rows.iter().map(|row| row.message.clone()).collect();
        // The queue comes first: a cycle that is cut off sends again, which costs a read at most.
        sync.queue.send_spaced(&messages, SYNC_SPACING).await?;
        for row in &rows {
            let later = vec![Change::Set("gsi1sk", moment(now + QUEUED_FOR))];
            match sync.store.update(&row.key, later, link::due_condition(now)).await {
                // A sync that ended meanwhile has set a better time.
                Ok(_) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        cycle.report.due += rows.len();
    }
    Ok(())
}

/// Returns the request for a link, for the folders of a team, or for messages that wait.
fn due_row(tenant: TenantId, item: &Item, now: Timestamp) -> Option<DueRow> {
    let key = Key::of(item)?;
    let team = key.sk.parse().ok();
    let job = match &key.pk {
        _ if key == keys::waiting(tenant) => Job::Waiting,
        pk if *pk == folders::partition(tenant) => Job::Folders { team: team? },
        // The index does not have the region, and the stored link does.
        pk if *pk == link::partition(tenant) => Job::Team { team: team?, region: None },
        _ => return None,
    };
    let message = Message { v: Default::default(), tenant, at: now, trigger: Trigger::Due, job };
    Some(DueRow { key, message })
}
