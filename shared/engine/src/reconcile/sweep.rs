//! A sync of every link, some links per cycle, after a change that concerns all of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::context::Cycle;
use super::cursor::{self, Stored};
use super::{SYNC_SPACING, SYNCS_PER_CYCLE, SyncError};
use crate::link::{self, LinkRow, Phase};
use crate::stored::readable;
use domain::ids::TenantId;
use store::keys;
use store::message::{Job, Message, Trigger};
use store::table::{Condition, Cursor, Query, Store, StoreError, Write};

/// Name of the cursor.
const CURSOR: &str = "sweep";

/// Position of the sweep in the list of links.
#[derive(Serialize, Deserialize)]
struct SweepCursor {
    /// A link that was synced after this moment needs no further sync.
    requested_at: Timestamp,
    next: Option<Cursor>,
}

/// Requests a sync of every link of a tenant, spread over the next cycles.
///
/// # Errors
/// The table's.
pub async fn request_sync_of_every_link(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<(), StoreError> {
    store.write(vec![start(tenant, now)?]).await
}

/// Returns the write that starts a sweep.
pub(super) fn start(tenant: TenantId, now: Timestamp) -> Result<Write, StoreError> {
    cursor::put(tenant, CURSOR, &SweepCursor { requested_at: now, next: None })
}

/// Queues syncs of the next links.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let tenant = cycle.tenant();
    let SweepCursor { requested_at, next } = match cursor::load(cycle, CURSOR).await? {
        Stored::Cursor(cursor) => cursor,
        Stored::Absent => return Ok(()),
        // How much was swept is unknown, so every link comes again.
        Stored::Unreadable => SweepCursor { requested_at: cycle.now(), next: None },
    };
    let room = SYNCS_PER_CYCLE.saturating_sub(cycle.report.due);
    if room == 0 {
        return Ok(());
    }
    let query = Query::Partition { pk: link::partition(tenant), prefix: String::new() };
    let page = cycle.store().query(&query, room, next.as_ref()).await?;
    let mut messages = vec![];
    for item in page.items {
        let Some(LinkRow { link, .. }) = readable(item) else { continue };
        // A link that ended is asked about once a day in any case.
        if !matches!(link.phase, Phase::Ended { .. }) {
            let job = Job::Team { team: link.team, region: Some(link.region) };
            let (v, trigger) = (Default::default(), Trigger::Due);
            // The time of the sweep: a link that was read since then has answered it.
            messages.push(Message { v, tenant, at: requested_at, trigger, job });
        }
    }
    // Before the cursor: a cycle that is cut off sends these again, and loses none.
    cycle.reconciler.sync.queue.send_spaced(&messages, SYNC_SPACING).await?;
    cycle.report.sweep_requests += messages.len();
    let advanced = match page.next {
        Some(next) => {
            let sweep = SweepCursor { requested_at, next: Some(next) };
            cursor::put(tenant, CURSOR, &sweep)?
        }
        None => Write::Delete(keys::cursor(tenant, CURSOR), Condition::Any),
    };
    Ok(cycle.store().write(vec![advanced]).await?)
}
