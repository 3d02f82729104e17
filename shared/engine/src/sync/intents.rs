//! Write-ahead: what is going to be written to a service is stored before, under the lease.

use super::types::{Reading, Recorded, SyncRecord, SyncRun, Work};
use super::{Deps, SyncError};
use crate::link::{self, Lease, Link, LinkPerson, Phase, Who};
use domain::merge::Plan;
use store::table::{StoreError, TRANSACTION_LIMIT, Write};

/// Stores the intents of a plan and its rename. Returns the plan with the intents in its states.
pub(super) async fn write_intents(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    mut plan: Plan,
    work: &Work,
) -> Recorded<Plan> {
    let mut record = SyncRecord::of(link.clone());
    if let Some(write) = &work.rename {
        record.link.names = record.link.names.take().map(|names| names.intend(write, run.started));
    }
    let result = async {
        let team = link.team;
        let mut writes = Vec::new();
        for (person, state) in plan.intend(run.started) {
            let who = Who::Person(person);
            let stored = reading.stored.get(&who).cloned().unwrap_or_default();
            let on_link = LinkPerson { state: state.clone(), ..stored };
            writes.push(link::put_person(run.tenant(), team, who, &on_link)?);
        }
        // The request for a group is an intent, too.
        let is_about_link =
            work.rename.is_some() || matches!(record.link.phase, Phase::Creating { .. });
        let last = is_about_link.then(|| run.lease.save(&record.link)).transpose()?;
        match write_under_lease(deps, run.lease, writes, last).await {
            Err(StoreError::ConditionFailed) => Err(SyncError::LeaseLost(team)),
            written => Ok(written?),
        }
    }
    .await;
    Recorded { record, result: result.map(|()| plan) }
}

/// Writes in as few transactions as possible, with `last` in the last one. Each transaction
/// requires the lease to be held.
pub(super) async fn write_under_lease(
    deps: &Deps,
    lease: &Lease,
    writes: Vec<Write>,
    last: Option<Write>,
) -> Result<(), StoreError> {
    let room = TRANSACTION_LIMIT - 1;
    let mut chunks: Vec<Vec<Write>> = writes.chunks(room).map(<[Write]>::to_vec).collect();
    let mut final_chunk = chunks.pop().unwrap_or_default();
    for mut chunk in chunks {
        chunk.push(lease.check()?);
        deps.store.write(chunk).await?;
    }
    match last {
        Some(last) => final_chunk.push(last),
        None if final_chunk.is_empty() => return Ok(()),
        None => final_chunk.push(lease.check()?),
    }
    deps.store.write(final_chunk).await
}
