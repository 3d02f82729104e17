//! A team or group that does not answer: waits, ends the link, or deletes or restores the group.
//!
//! # Guarantees
//! * A link ends only if two kinds of calls agree, in every run of three hours. One that answers
//!   starts the time again.
//! * A link that ended so is asked about once a day for 30 days. It comes back with its people.

use jiff::SignedDuration;

use super::context::load_link;
use super::observe::is_not_found;
use super::types::{
    Ending, Next, Reading, Recorded, RequeueReason, SyncRecord, SyncReport, SyncRun,
};
use super::{Deps, SyncError, sync_team};
use crate::codes::{FailureReason, Note};
use crate::link::{
    self, CreationRequest, Ended, FailureKind, Link, LinkState, Phase, Unseen, WayBack,
};
use crate::safety::removal_counter::{self, RemovalPermit};
use crate::tenant::settings::{GroupDeleted, TeamDeleted};
use clients::webex::WebexId;
use domain::ids::GroupId;
use domain::membership::Side;
use store::table::{Key, Query};

/// Pause before a new group is read again.
const NEW_GROUP: SignedDuration = SignedDuration::from_secs(15);

/// Pause before a restored group is read.
const RESTORED_GROUP: SignedDuration = SignedDuration::from_secs(30);

/// Time in which a group is restored only once. A second deletion is meant.
const RESTORED_ONCE_IN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Links that are looked through for another team that answers.
const WITNESSES: usize = 3;

/// Time for which a team or group is missing in every run before its link ends.
const MISSING_FOR: SignedDuration = SignedDuration::from_hours(3);

/// Runs in that time. They grow apart, but about eight come.
const MISSING_RUNS: u32 = 5;

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
    if !is_proven(run, link, FailureKind::TeamMissing)
        || !does_another_team_answer(deps, run, link).await?
    {
        return Ok(failed(FailureReason::TeamMissing));
    }
    let is_group_deleted = run.context.settings.on_team_deleted == TeamDeleted::DeleteGroup;
    // A group that was adopted existed before us, and people may use it for other things.
    let Some(group) = link.created_group().filter(|_| is_group_deleted) else {
        return Ok(end(run, link, Ended::TeamDeleted, Note::TeamDeleted));
    };
    let (store, tenant) = (deps.store.as_ref(), run.tenant());
    // Counted before it is deleted: after a crash, the same group counts nothing more.
    let permit = removal_counter::record_group_deletion(store, tenant, group, run.started).await?;
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
    let mut witnesses = vec![];
    for state in [LinkState::Active, LinkState::Differing] {
        let pk = link::listing(tenant, state);
        let query = Query::Listed { pk, prefix: String::new() };
        witnesses.extend(deps.store.query(&query, WITNESSES, None).await?.items);
    }
    for item in witnesses {
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
    let failed = |reason| Ending::unchanged(link, Next::Failed { reason });
    // Replicas learn of a new group one after another.
    if link.group_is_new(now) && link.failure.is_none() {
        let why = RequeueReason::GroupNotVisibleYet;
        return Ok(Ending::unchanged(link, Next::RequeueAt { moment: now + NEW_GROUP, why }));
    }
    if link.group_is_new(now) && link.unseen.is_some() {
        return Ok(failed(FailureReason::GroupNotShown));
    }
    let is_deleted = deps.graph.deleted_group(&run.access.graph, group).await?.is_some();
    if let Some(Unseen::Created(request)) = link.unseen.as_deref().filter(|_| !is_deleted) {
        return create_again(deps, run, link, request).await;
    }
    // A restoration that no reading has shown is none.
    let was_restored = link.unseen.is_none()
        && link.restored_at.is_some_and(|at| now.duration_since(at) < RESTORED_ONCE_IN);
    let stays_deleted = run.context.settings.on_group_deleted == GroupDeleted::EndLink;
    let is_restored = is_deleted && !was_restored && !stays_deleted;
    // Only a restoration can be undone, so it needs no further proof.
    if !is_restored && !is_proven(run, link, FailureKind::GroupMissing) {
        return Ok(failed(FailureReason::GroupMissing));
    }
    let store = deps.store.as_ref();
    let permit = removal_counter::record_group_deletion(store, tenant, group, now).await?;
    if permit == RemovalPermit::Refused {
        return Ok(failed(FailureReason::ManyGroupsDeleted));
    }
    if !is_restored {
        return Ok(end(run, link, Ended::GroupDeleted, Note::GroupDeleted));
    }
    // It counts as new again: replicas lag, so no one is removed from its team for a while.
    deps.graph.restore_group(&run.access.graph, group).await?;
    let is_repeated = link.unseen.is_some();
    let link = Link {
        restored_at: Some(now),
        group_since: Some(now),
        unseen: Some(Box::new(Unseen::Restored)),
        failure: link.failure.clone().filter(|_| is_repeated),
        ..link.clone()
    };
    if is_repeated {
        let next = Next::Failed { reason: FailureReason::GroupNotShown };
        return Ok(Ending { record: SyncRecord::of(link), next });
    }
    let report = SyncReport::of_note(Note::GroupRestored);
    let moment = now + RESTORED_GROUP;
    let next = Next::RequeueAt { moment, why: RequeueReason::GroupNotVisibleYet };
    Ok(Ending { record: SyncRecord { link, report }, next })
}

/// Goes back to the creation of a group that was acknowledged and that no reading has shown.
///
/// Nothing can have happened in that group, so its people begin without a baseline.
async fn create_again(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    request: &CreationRequest,
) -> Result<Ending, SyncError> {
    link::purge_people(deps.store.as_ref(), run.tenant(), link.team).await?;
    let phase = Phase::Creating { request: Some(request.clone()) };
    let link = Link { phase, names: None, unseen: None, group_since: None, ..link.clone() };
    let next = Next::Failed { reason: FailureReason::GroupNotShown };
    Ok(Ending { record: SyncRecord::of(link), next })
}

/// Ends the link. Its people and its claim on the group stay for the way back.
fn end(run: &SyncRun<'_>, link: &Link, why: Ended, note: Note) -> Ending {
    let way_back = WayBack { phase: link.phase.clone(), since: run.started };
    let phase = Phase::Ended { why, way_back: Some(Box::new(way_back)) };
    let link = Link { phase, held: None, failure: None, ..link.clone() };
    let record = SyncRecord { link, report: SyncReport::of_note(note) };
    Ending { record, next: Next::Done { settles_at: None } }
}

/// Returns `true` if every run of the last three hours found the same.
fn is_proven(run: &SyncRun<'_>, link: &Link, kind: FailureKind) -> bool {
    let failure = link.failure.as_ref().filter(|failure| failure.kind() == kind);
    failure.is_some_and(|failure| {
        // The tries count, too: a link without runs for three hours has proven nothing.
        run.started.duration_since(failure.since) >= MISSING_FOR && failure.tries >= MISSING_RUNS
    })
}

/// Asks about a link that ended because its team or group did not answer, and runs it if it does.
pub(super) async fn find_again(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: Link,
    why: Ended,
    way_back: WayBack,
) -> Recorded<Next> {
    let nothing = Next::Done { settles_at: None };
    let mut record = SyncRecord::of(link);
    // Nothing is kept for ever for a team that stays away.
    if run.started >= way_back.ends_at() {
        record.link.phase = Phase::ended(why);
        record.report.notes.push(Note::WayBackEnded);
        return Recorded { record, result: Ok(nothing) };
    }
    let before = Link { phase: way_back.phase, ..record.link.clone() };
    match does_answer(deps, run, &before, why).await {
        Ok(true) => {}
        Ok(false) => return Recorded { record, result: Ok(nothing) },
        Err(error) => return Recorded { record, result: Err(error) },
    }
    let back = Link { returned_at: Some(run.started), ..before };
    let mut recorded = sync_team(deps, run, back).await;
    recorded.record.report.notes.insert(0, Note::LinkReturned);
    recorded
}

/// Returns `true` if either kind of call shows what was missing.
async fn does_answer(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    why: Ended,
) -> Result<bool, SyncError> {
    if why == Ended::TeamDeleted {
        let (webex, access) = (&deps.webex, &run.access.webex);
        let team = WebexId::new(link.region.clone(), link.team);
        if webex.team(access, &team).await?.is_some() {
            return Ok(true);
        }
        // The listing of people is the second kind of call.
        return match webex.memberships(access, &team.general_space()).await {
            Ok(_) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) => Err(error.into()),
        };
    }
    let Some(group) = link.group() else { return Ok(false) };
    let (graph, access) = (&deps.graph, &run.access.graph);
    Ok(graph.group(access, group).await?.is_some()
        || graph.read_group(access, group).await?.is_some())
}

/// Ends a run that would create a group for a team that is not found.
pub(super) fn before_creation(link: &Link, reading: &Reading) -> Option<Next> {
    let side = reading.contradicted.filter(|_| link.group().is_none())?;
    Some(Next::Failed { reason: contradicted(side) })
}

/// Reports a reading that contradicted itself, and a group that was lost before and that no reading
/// has shown since. People were synced.
pub(super) fn unless_doubtful(
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    next: Next,
) -> Next {
    match (reading.contradicted, next) {
        // Replicas do not know a new group at the same time.
        (Some(Side::Group), Next::Done { .. }) if link.group_is_new(run.started) => {
            let (moment, why) = (run.started + NEW_GROUP, RequeueReason::GroupNotVisibleYet);
            Next::RequeueAt { moment, why }
        }
        (Some(side), Next::Done { .. }) => Next::Failed { reason: contradicted(side) },
        // Done would forget the failure, and the loss would repeat itself untold.
        (None, Next::Done { .. }) if link.unseen.is_some() && was_lost(link) => {
            Next::Failed { reason: FailureReason::GroupNotShown }
        }
        (_, next) => next,
    }
}

fn was_lost(link: &Link) -> bool {
    link.failure.as_ref().is_some_and(|failure| failure.reason == FailureReason::GroupNotShown)
}

fn contradicted(side: Side) -> FailureReason {
    match side {
        Side::Team => FailureReason::TeamContradicted,
        Side::Group => FailureReason::GroupContradicted,
    }
}
