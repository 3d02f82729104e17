//! Groups that changed in Microsoft 365, from the directory's delta query.

use serde::{Deserialize, Serialize};

use super::context::Cycle;
use super::{SyncError, sweep};
use crate::link;
use clients::graph::{Delta, DeltaFrom, Then};
use domain::ids::GroupId;
use store::keys;
use store::message::{Job, Message, Trigger};
use store::table::{Condition, Write, from_item, to_item};

/// Delta link to resume from.
#[derive(Serialize, Deserialize)]
struct DeltaCursor {
    /// Link of the next page, or of all later changes.
    link: String,
}

/// Queues a sync for every linked group that changed. The cursor moves page by page, after the
/// syncs are queued.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let key = keys::cursor(cycle.tenant(), "groups");
    let cursor: Option<DeltaCursor> = cycle.store().get(&key).await?.map(from_item).transpose()?;
    let access = cycle.graph().await?;
    let mut from = cursor.map(|cursor| cursor.link);
    loop {
        let asked = from.take().map_or(DeltaFrom::Now, DeltaFrom::Link);
        let restarts = asked == DeltaFrom::Now;
        match cycle.reconciler.sync.graph.delta(&access, asked).await? {
            // The loop restarts from now and then requests a sync of every link: no change between
            // the two is lost.
            Delta::Expired => {}
            Delta::Unusable(error) => return Err(error.into()),
            Delta::Page { groups, then } => {
                queue_linked(cycle, &groups).await?;
                let (Then::Next(link) | Then::Later(link)) = &then;
                let cursor = to_item(&key, &DeltaCursor { link: link.clone() })?;
                let mut writes = vec![Write::Put(cursor, Condition::Any)];
                if restarts {
                    writes.push(sweep::start(cycle.tenant(), cycle.now())?);
                }
                cycle.store().write(writes).await?;
                match then {
                    Then::Next(link) if cycle.has_time() => from = Some(link),
                    Then::Next(_) | Then::Later(_) => return Ok(()),
                }
            }
        }
    }
}

async fn queue_linked(cycle: &mut Cycle<'_>, groups: &[GroupId]) -> Result<(), SyncError> {
    let (tenant, at) = (cycle.tenant(), cycle.now());
    let claims = link::claims(cycle.store(), cycle.directory(), groups.iter().copied()).await?;
    let own = claims.into_values().filter(|claim| claim.tenant == tenant);
    let messages: Vec<Message> = own
        .map(|claim| {
            let job = Job::Team { team: claim.team, region: Some(claim.region) };
            Message { v: Default::default(), tenant, at, trigger: Trigger::GraphDelta, job }
        })
        .collect();
    cycle.report.groups += messages.len();
    Ok(cycle.reconciler.sync.queue.send_all(&messages).await?)
}
