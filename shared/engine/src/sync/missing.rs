//! A team or group that does not answer: waits, ends the link, or deletes or restores the group.
//!
//! One reading proves nothing. A deletion counts only after the lag window and with a second proof.

use jiff::SignedDuration;

use super::context::load_link;
use super::types::{Ending, Next, RequeueReason, SyncRecord, SyncReport, SyncRun};
use super::{Deps, SyncError};
use crate::codes::{FailureReason, Note};
use crate::link::{self, Ended, FailureKind, Link, LinkState, Phase};
use crate::safety::removal_counter::{self, RemovalPermit};
use crate::tenant::settings::{GroupDeleted, TeamDeleted};
use clients::webex::WebexId;
use domain::ids::GroupId;
use domain::merge::LAG_WINDOW;
use store::table::{Key, Query};

/// Pause before a new group is read again.
const NEW_GROUP: SignedDuration = SignedDuration::from_secs(15);

/// Pause before a restored group is read.
const RESTORED_GROUP: SignedDuration = SignedDuration::from_secs(30);

/// Time in which a group is restored only once. A second deletion is meant.
const RESTORED_ONCE_IN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Links that are looked through for another team that answers.
const WITNESSES: usize = 3;

/// Decides about a team that does not answer.
///
/// It counts as deleted only while another team of the tenant answers: otherwise the service
/// account may have lost its access.
pub(super) async fn team_is_missing(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
) -> Result<Ending, SyncError> {
    let failed = |reason| Ending::unchanged(link, Next::Failed { reason });
    if !has_lasted(run, link, FailureKind::TeamMissing)
        || !does_another_team_answer(deps, run, link).await?
    {
        return Ok(failed(FailureReason::TeamMissing));
    }
    let is_group_deleted = run.context.settings.on_team_deleted == TeamDeleted::DeleteGroup;
    let Some(group) = link.created_group().filter(|_| is_group_deleted) else {
        return Ok(end(run, link, Ended::TeamDeleted, Note::TeamDeleted));
    };
    let (store, tenant) = (deps.store.as_ref(), run.tenant());
    let permit = removal_counter::record_group_deletion(store, tenant, run.started).await?;
    if permit == RemovalPermit::Refused {
        return Ok(failed(FailureReason::ManyTeamsDeleted));
    }
    deps.graph.delete_group(&run.access.graph, group).await?;
    Ok(end(run, link, Ended::TeamDeleted, Note::TeamAndGroupDeleted))
}

async fn does_another_team_answer(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
) -> Result<bool, SyncError> {
    let tenant = run.tenant();
    let pk = link::listing(tenant, LinkState::Active);
    let query = Query::Listed { pk, prefix: String::new() };
    for item in deps.store.query(&query, WITNESSES, None).await?.items {
        let Some(team) = Key::of(&item).and_then(|key| key.sk.parse().ok()) else { continue };
        let other = load_link(deps, tenant, team).await?;
        let Some(other) = other.filter(|other| other.link.team != link.team) else { continue };
        let id = WebexId::new(other.link.region, team);
        if deps.webex.team(&run.access.webex, &id).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Decides about a group that does not answer.
///
/// A new one is waited for. A deleted one is restored once; one that is gone ends the link.
pub(super) async fn group_is_missing(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    group: GroupId,
) -> Result<Ending, SyncError> {
    let (tenant, now) = (run.tenant(), deps.clock.now());
    if link.group_is_new(now) && link.failure.is_none() {
        let why = RequeueReason::GroupNotVisibleYet;
        return Ok(Ending::unchanged(link, Next::RequeueAt { moment: now + NEW_GROUP, why }));
    }
    let failed = |reason| Ending::unchanged(link, Next::Failed { reason });
    let is_deleted = deps.graph.deleted_group(&run.access.graph, group).await?.is_some();
    // To be among the deleted ones is the second proof; without it only time proves anything.
    if !is_deleted && !has_lasted(run, link, FailureKind::GroupMissing) {
        return Ok(failed(FailureReason::GroupMissing));
    }
    let permit = removal_counter::record_group_deletion(deps.store.as_ref(), tenant, now).await?;
    if permit == RemovalPermit::Refused {
        return Ok(failed(FailureReason::ManyGroupsDeleted));
    }
    let was_restored = link.restored_at.is_some_and(|at| now.duration_since(at) < RESTORED_ONCE_IN);
    let stays_deleted = run.context.settings.on_group_deleted == GroupDeleted::EndLink;
    if !is_deleted || was_restored || stays_deleted {
        return Ok(end(run, link, Ended::GroupDeleted, Note::GroupDeleted));
    }
    deps.graph.restore_group(&run.access.graph, group).await?;
    let link =
        Link { restored_at: Some(now), group_since: Some(now), failure: None, ..link.clone() };
    let report = SyncReport::of_note(Note::GroupRestored);
    let moment = now + RESTORED_GROUP;
    let next = Next::RequeueAt { moment, why: RequeueReason::GroupNotVisibleYet };
    Ok(Ending { record: SyncRecord { link, report }, next })
}

/// Ends the link, and releases what is left of its group for another one.
fn end(run: &SyncRun<'_>, link: &Link, why: Ended, note: Note) -> Ending {
    let mut report = SyncReport::of_note(note);
    let directory = run.context.tenant.directory;
    report.writes.extend(link.group().map(|group| link::release(directory, group)));
    let link = Link { phase: Phase::Ended { why }, ..link.clone() };
    Ending { record: SyncRecord { link, report }, next: Next::Done { settles_at: None } }
}

/// Returns `true` if the failure is older than the lag window.
fn has_lasted(run: &SyncRun<'_>, link: &Link, kind: FailureKind) -> bool {
    let failure = link.failure.as_ref().filter(|failure| failure.kind() == kind);
    failure.is_some_and(|failure| run.started.duration_since(failure.since) >= LAG_WINDOW)
}
