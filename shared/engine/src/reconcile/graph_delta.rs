//! Groups that changed in Microsoft 365, from the directory's delta query.

use serde::{Deserialize, Serialize};

use super::context::Cycle;
use super::cursor::{self, Stored};
use super::{SyncError, sweep};
use crate::link;
use clients::graph::{Delta, DeltaFrom, Then};
use domain::ids::GroupId;
use store::message::{Job, Message, Trigger};

/// Name of the cursor.
const CURSOR: &str = "groups";

/// Cycles in a row whose stored link was refused, after which a new one takes its place.
const REFUSALS: u32 = 3;

/// Delta link to resume from.
#[derive(Serialize, Deserialize)]
struct DeltaCursor {
    /// Link of the next page, or of all later changes.
    link: String,
    /// Cycles in a row in which the link was refused.
    #[serde(default)]
    refused: u32,
}

/// Queues a sync for every linked group that changed. The cursor moves page by page, after the
/// syncs are queued.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let Stored::Cursor(mut stored) = cursor::load::<DeltaCursor>(cycle, CURSOR).await? else {
        return restart(cycle).await;
    };
    let access = cycle.graph().await?;
    loop {
        let from = DeltaFrom::Link(stored.link.clone());
        match cycle.reconciler.sync.graph.delta(&access, from).await? {
            Delta::Page { groups, then } => {
                queue_linked(cycle, &groups).await?;
                let is_last = matches!(then, Then::Later(_));
                let (Then::Next(link) | Then::Later(link)) = then;
                stored = DeltaCursor { link, refused: 0 };
                save(cycle, &stored).await?;
                if is_last || !cycle.has_time() {
                    return Ok(());
                }
            }
            Delta::Expired => {
                cursor::report_reset(cycle.tenant(), CURSOR, "its link has expired");
                return restart(cycle).await;
            }
            // The service may be wrong once or twice.
            Delta::Unusable(error) if stored.refused + 1 < REFUSALS => {
                stored.refused += 1;
                save(cycle, &stored).await?;
                return Err(error.into());
            }
            Delta::Unusable(error) => {
                cursor::report_reset(cycle.tenant(), CURSOR, &error.to_string());
                return restart(cycle).await;
            }
        }
    }
}

/// Begins again from now, and then requests a sync of every link: no change between the two is
/// lost.
async fn restart(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let access = cycle.graph().await?;
    let begun = cycle.reconciler.sync.graph.delta(&access, DeltaFrom::Now).await?;
    // Without a new link the cursor stays as it is, and the next cycle tries again.
    let Delta::Page { then: Then::Next(link) | Then::Later(link), .. } = begun else {
        return Ok(());
    };
    let begun = DeltaCursor { link, refused: 0 };
    let writes = vec![
        cursor::put(cycle.tenant(), CURSOR, &begun)?,
        sweep::start(cycle.tenant(), cycle.now())?,
    ];
    Ok(cycle.store().write(writes).await?)
}

async fn save(cycle: &Cycle<'_>, stored: &DeltaCursor) -> Result<(), SyncError> {
    Ok(cycle.store().write(vec![cursor::put(cycle.tenant(), CURSOR, stored)?]).await?)
}

async fn queue_linked(cycle: &mut Cycle<'_>, groups: &[GroupId]) -> Result<(), SyncError> {
    let (tenant, at) = (cycle.tenant(), cycle.now());
    let claims = link::claims(cycle.store(), cycle.directory(), groups.iter().copied()).await?;
    // A tenant that disconnected can still have claims in the directory.
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
