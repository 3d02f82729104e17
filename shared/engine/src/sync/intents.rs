//! Write-ahead: what is going to be written to a service is stored before, under the lease.

use std::collections::BTreeMap;

use super::types::{Reading, Recorded, RemovalTerms, SyncRecord, SyncRun, Work};
use super::{Deps, SyncError};
use crate::link::{self, CountedRemoval, Lease, Link, LinkPerson, Phase, Who};
use domain::membership::Person;
use domain::merge::{PersonRemoval, Plan};
use store::table::{StoreError, TRANSACTION_LIMIT, Write};

/// Plan and counts as stored before the first write to a service.
pub(super) struct Intended {
    /// The plan, with the intents in its states.
    pub(super) plan: Plan,
    /// Removals of this run that count against the limits.
    pub(super) counted: BTreeMap<Person, CountedRemoval>,
}

/// Stores the intents of a plan and its rename, and counts its removals.
pub(super) async fn write_intents(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    mut plan: Plan,
    work: &Work,
    removals: RemovalTerms<'_>,
) -> Recorded<Intended> {
    let mut record = SyncRecord::of(link.clone());
    if let Some(write) = &work.rename {
        record.link.names = record.link.names.take().map(|names| names.intend(write, run.started));
    }
    let counted = counted_removals(run, reading, &plan, removals);
    let result = async {
        let team = link.team;
        let mut writes = Vec::new();
        // Removals and their count come in the first transaction: both are stored, or neither.
        writes.extend(count_new(run, &counted, removals)?);
        let mut others = Vec::new();
        for (person, state) in plan.intend(run.started) {
            let who = Who::Person(person);
            let stored = reading.stored.get(&who).cloned().unwrap_or_default();
            let mark = counted.get(&person).copied();
            let on_link =
                LinkPerson { state: state.clone(), counted: mark.or(stored.counted), ..stored };
            let list = if mark.is_some() { &mut writes } else { &mut others };
            list.push(link::put_person(run.tenant(), team, who, &on_link)?);
        }
        writes.extend(others);
        // The request for a group is an intent, too.
        let is_about_link =
            work.rename.is_some() || matches!(record.link.phase, Phase::Creating { .. });
        let last = is_about_link.then(|| run.lease.save(&record.link)).transpose()?;
        match write_under_lease(deps, run.lease, writes, last.into_iter().collect()).await {
            Err(StoreError::ConditionFailed) => {
                // Two conditions can have failed: the lease's, and that of the removal counter.
                let is_held = run.lease.read(deps.store.as_ref()).await?.is_some();
                Err(match is_held {
                    true => SyncError::RemovalsCountedMeanwhile(team),
                    false => SyncError::LeaseLost(team),
                })
            }
            written => Ok(written?),
        }
    }
    .await;
    Recorded { record, result: result.map(|()| Intended { plan, counted }) }
}

/// The mark of each removal that no administrator approved: the stored one, or a new one.
fn counted_removals(
    run: &SyncRun<'_>,
    reading: &Reading,
    plan: &Plan,
    removals: RemovalTerms<'_>,
) -> BTreeMap<Person, CountedRemoval> {
    let unapproved = plan.removals().filter(|one| !removals.guard.approved.contains(one));
    let mark = |one: PersonRemoval| {
        let new = CountedRemoval { side: one.side, at: run.started };
        (one.person, counted_before(run, reading, &one).unwrap_or(new))
    };
    unapproved.map(mark).collect()
}

/// The stored mark of a removal that still counts.
pub(super) fn counted_before(
    run: &SyncRun<'_>,
    reading: &Reading,
    removal: &PersonRemoval,
) -> Option<CountedRemoval> {
    let mark = reading.stored.get(&Who::Person(removal.person))?.counted?;
    (mark.side == removal.side && mark.is_within_a_day(run.started)).then_some(mark)
}

/// The write that counts the removals whose mark is new.
fn count_new(
    run: &SyncRun<'_>,
    counted: &BTreeMap<Person, CountedRemoval>,
    removals: RemovalTerms<'_>,
) -> Result<Option<Write>, StoreError> {
    let new = counted.values().filter(|mark| mark.at == run.started).count();
    let counter = removals.counter.filter(|_| new > 0);
    let limit = run.context.settings.removal_limits.per_tenant();
    counter.map(|counter| counter.count(run.tenant(), new, limit, run.started)).transpose()
}

/// Writes in as few transactions as possible, with `last` in the last one. Each transaction
/// requires the lease to be held.
pub(super) async fn write_under_lease(
    deps: &Deps,
    lease: &Lease,
    writes: Vec<Write>,
    last: Vec<Write>,
) -> Result<(), StoreError> {
    // Without `last`, one place is for the check of the lease.
    let room = TRANSACTION_LIMIT - last.len().max(1);
    let mut chunks: Vec<Vec<Write>> = writes.chunks(room).map(<[Write]>::to_vec).collect();
    let mut final_chunk = chunks.pop().unwrap_or_default();
    for mut chunk in chunks {
        chunk.push(lease.check()?);
        deps.store.write(chunk).await?;
    }
    // `last` writes the link under its lease. One transaction cannot name that item twice.
    if last.is_empty() && !final_chunk.is_empty() {
        final_chunk.push(lease.check()?);
    }
    final_chunk.extend(last);
    if final_chunk.is_empty() {
        return Ok(());
    }
    deps.store.write(final_chunk).await
}
