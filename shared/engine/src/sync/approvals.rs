//! Removals that need an administrator's approval: the limits that ask for it, and what is stored.

use std::collections::BTreeSet;

use super::intents::counted_before;
use super::types::{
    AbsencesLeft, Candidate, Outcomes, Reading, Recorded, SyncRecord, SyncReport, SyncRun,
};
use super::{Deps, SyncError};
use crate::codes::Note;
use crate::link::{CountedRemoval, Link, Who};
use crate::preview::{self, Preview, PreviewKind};
use crate::safety::pending_approval::{self, ApprovalDecision, PendingApproval};
use crate::safety::removal_counter::{self, RemovalCounter, RemovalPermit};
use crate::tenant::Running;
use domain::membership::Side;
use domain::merge::{ApprovalReason, ApprovalState, Draft, PersonRemoval, Plan, RemovalGuard};
use store::table::StoreError;

/// Decisions of administrators about a link's removals.
pub(super) struct Approvals {
    /// The removals that wait, and the decision about them.
    pub(super) pending: Option<PendingApproval>,
    /// The preview that an administrator saw before the link went live.
    pub(super) shown: Option<Preview>,
}

/// Loads the pending approval and the last preview, where the link has them.
pub(super) async fn load_approvals(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
) -> Result<Approvals, StoreError> {
    let (store, tenant, team) = (deps.store.as_ref(), run.tenant(), link.team);
    let pending = match link.held {
        // The link says that there is one: most runs save this read.
        Some(_) => pending_approval::load(store, tenant, team).await?,
        None => None,
    };
    // Only the first live run after a preview is held to what the preview showed.
    let shown = match (link.preview_stored_at, run.context.settings.running) {
        (Some(_), Running::Live) => {
            preview::load(store, tenant, team, PreviewKind::SyncRun).await?
        }
        _ => None,
    };
    Ok(Approvals { pending, shown })
}

/// The link's removal guard at this moment, with the decisions of administrators.
pub(super) fn removal_guard(
    run: &SyncRun<'_>,
    reading: &Reading,
    approvals: &Approvals,
    people: &[Candidate],
) -> RemovalGuard {
    let pending = approvals.pending.as_ref();
    let decided = |decision| -> BTreeSet<PersonRemoval> {
        let plan = pending.filter(|plan| plan.decision == decision);
        plan.map(|plan| plan.removals.clone()).unwrap_or_default()
    };
    // A person whom this very reading shows is back, also where the lag overlay says otherwise.
    let is_gone =
        |removal: &PersonRemoval| !reading.of(removal.person)[removal.side.other()].is_present();
    // An override approves the removal of the people that it names, from the sides that it names.
    let overrides = people.iter().flat_map(|Candidate { person, stored, .. }| {
        let removes = |side: &Side| {
            stored.role_override.is_some_and(|one| one.removes_from(*side, run.started))
        };
        let sides = Side::BOTH.into_iter().filter(removes);
        sides.map(|side| PersonRemoval { person: *person, side })
    });
    let approved = decided(ApprovalDecision::Apply).into_iter().filter(is_gone);
    RemovalGuard {
        limit: run.context.settings.removal_limits.per_link(),
        removed: 0,
        people: 0,
        approval: if pending.is_some() { ApprovalState::Pending } else { ApprovalState::Clear },
        pending: decided(ApprovalDecision::Open),
        approved: approved.chain(overrides).collect(),
        discarded: decided(ApprovalDecision::Discard),
        shown: approvals.shown.as_ref().map(|preview| preview.removals().collect()),
    }
}

/// Compares removals that no administrator approved with the tenant's limit, and holds them above
/// it. Returns the counter if any of them is not counted yet.
pub(super) async fn permit_removals(
    deps: &Deps,
    run: &SyncRun<'_>,
    reading: &Reading,
    draft: &mut Draft,
    guard: &RemovalGuard,
) -> Result<Option<RemovalCounter>, StoreError> {
    // What an admin approved costs nothing, nor does a further try of a counted removal.
    let is_new = |removal: &PersonRemoval| {
        !guard.approved.contains(removal) && counted_before(run, reading, removal).is_none()
    };
    let new = draft.removals().filter(is_new).count();
    // Most runs remove no one, and so read no counter.
    if new == 0 {
        return Ok(None);
    }
    let counter = removal_counter::load(deps.store.as_ref(), run.tenant(), run.started).await?;
    let limit = run.context.settings.removal_limits.per_tenant();
    if counter.permits(new, limit) == RemovalPermit::Refused {
        draft.hold(ApprovalReason::TenantLimit, guard);
    }
    Ok(Some(counter))
}

/// Completes the guard with what counts against the link's limit, besides the removals `planned`
/// now. The limit is a share of the people who were there before: by baseline, or removed since.
pub(super) fn count_against_link(
    run: &SyncRun<'_>,
    reading: &Reading,
    planned: impl Iterator<Item = PersonRemoval>,
    mut guard: RemovalGuard,
) -> RemovalGuard {
    let planned: BTreeSet<PersonRemoval> = planned.collect();
    for (who, on_link) in &reading.stored {
        let Who::Person(person) = *who else { continue };
        let counted = on_link.counted.filter(|mark| mark.is_within_a_day(run.started));
        let is_present = Side::BOTH.iter().any(|&side| on_link.state.baseline[side].is_present());
        guard.people += usize::from(is_present || counted.is_some());
        let is_other =
            |mark: CountedRemoval| !planned.contains(&PersonRemoval { person, side: mark.side });
        guard.removed += usize::from(counted.is_some_and(is_other));
    }
    guard
}

/// Stores removals that wait for a decision as they are to be shown, or deletes what is over.
pub(super) fn save_pending_approval(
    run: &SyncRun<'_>,
    link: &Link,
    plan: &Plan,
    before: Option<&PendingApproval>,
    outcomes: &Outcomes,
    absences: &AbsencesLeft,
) -> Recorded<()> {
    let is_unfinished = outcomes.is_cut_short() || !plan.later.is_empty() || absences.undecided > 0;
    let is_decided = |before: &&PendingApproval| before.decision != ApprovalDecision::Open;
    if let Some(before) = before.filter(|before| is_decided(before) && is_unfinished) {
        // The decision is not carried out completely: the next run goes on with it.
        let link = Link { held: Some(before.why), ..link.clone() };
        return Recorded { record: SyncRecord::of(link), result: Ok(()) };
    }
    let now = plan.held.as_ref().map(|(why, removals)| PendingApproval {
        why: match before {
            // The reason of the first plan stays, since later ones only join it.
            Some(before) if *why == ApprovalReason::AlreadyPending => before.why,
            _ => *why,
        },
        at: run.started,
        removals: removals.iter().copied().collect(),
        decision: ApprovalDecision::Open,
    });
    let link = Link { held: now.as_ref().map(|plan| plan.why), ..link.clone() };
    let is_unchanged = now.as_ref().zip(before).is_some_and(|(now, before)| {
        before.removals == now.removals && before.decision == ApprovalDecision::Open
    });
    let mut record = SyncRecord::of(link);
    if is_unchanged {
        return Recorded { record, result: Ok(()) };
    }
    let result = pending_writes(run, &record.link, now.as_ref(), before)
        .map(|report| record.report = report)
        .map_err(SyncError::from);
    Recorded { record, result }
}

/// Writes that replace the pending approval `before` by `now`.
fn pending_writes(
    run: &SyncRun<'_>,
    link: &Link,
    now: Option<&PendingApproval>,
    before: Option<&PendingApproval>,
) -> Result<SyncReport, StoreError> {
    let (tenant, team) = (run.tenant(), link.team);
    let mut report = SyncReport::default();
    let puts = now.map(|plan| plan.puts(tenant, team)).transpose()?.unwrap_or_default();
    // One transaction cannot put and delete the same item: only further items are deleted.
    let deletes = before.into_iter().flat_map(|before| before.deletes(tenant, team));
    report.writes.extend(deletes.skip(puts.len()));
    report.writes.extend(puts);
    if let Some(plan) = now {
        let count = plan.removals.len();
        tracing::warn!(
            event = "removals_pending", %tenant, %team, why = ?plan.why, removals = count,
            "Removals were held for an administrator's decision."
        );
        report.notes.push(Note::RemovalsPending { removals: count });
    }
    Ok(report)
}
