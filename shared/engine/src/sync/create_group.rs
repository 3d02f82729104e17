//! Creates a team's group. The request is stored before it is sent, found again by the group's
//! unique name, and repeated verbatim.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::new_group::{GroupRequest, new_group, nickname, unique_name};
use super::outcomes::binds_of;
use super::types::{
    CreationAttempt, Ending, Next, Outcomes, Reading, Recorded, RequeueReason, SyncRecord,
    SyncReport, SyncRun,
};
use super::{Deps, SyncError};
use crate::codes::Note;
use crate::link::{self, Claim, CreationRequest, Link, LinkPerson, Phase, Unseen, Who};
use crate::people::{IndexedPerson, PersonIndex};
use clients::graph::{Group, NewGroup, Relation, Upserted};
use domain::ids::ObjectId;
use domain::membership::Side;
use domain::merge::{LAG_WINDOW, NameState, PersonState, Plan, PlanStep, StepOutcome};
use store::table::StoreError;

/// Corrections that a request gets on the service's demand before it counts as refused.
pub(super) const CORRECTIONS: u8 = 5;

/// Difference between the service's clock and ours that is tolerated.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Pause before a group is read that an earlier run created.
const CLAIMED_GROUP: SignedDuration = SignedDuration::from_secs(5);

/// Result of preparing a group, before the plan can be executed.
pub(super) enum Preparation {
    /// The group exists.
    NotNeeded,
    /// The request is ready to be stored and sent.
    Ready(ReadyRequest),
    /// The run ends here: the group exists already, or cannot be created.
    Ended(Box<Ending>),
}

/// A link's phase with the request in it, and the attempt at sending it.
pub(super) struct ReadyRequest {
    pub(super) attempt: CreationAttempt,
    pub(super) phase: Phase,
}

/// Composes the request for a group that does not exist yet, or takes the stored one. A group that
/// an earlier attempt created is claimed.
pub(super) async fn prepare_group(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    plan: &Plan,
) -> Result<Preparation, SyncError> {
    let Phase::Creating { request } = &link.phase else { return Ok(Preparation::NotNeeded) };
    if let Some(request) = request {
        let name = unique_name(link.team);
        if let Some(group) = deps.graph.group_by_unique_name(&run.access.graph, &name).await? {
            let ending = claim_existing_group(deps, run, link, reading, request, &group).await?;
            return Ok(Preparation::Ended(Box::new(ending)));
        }
        // Within the lag window the group may exist unseen, so the same request is repeated.
        if run.started.duration_since(request.at) < LAG_WINDOW {
            let (attempt, phase) = (CreationAttempt::Retry, link.phase.clone());
            return Ok(Preparation::Ready(ReadyRequest { attempt, phase }));
        }
    }
    Ok(match new_group(deps, run, link, reading, plan).await? {
        GroupRequest::Possible(group) => {
            // An earlier request that seems lost can take effect still: its group is ours.
            let first_at = request.as_ref().map(|lost| lost.first_at.unwrap_or(lost.at));
            let attempt = match request {
                Some(_) => CreationAttempt::Retry,
                None => CreationAttempt::First,
            };
            let request = CreationRequest { group, at: run.started, first_at, corrections: 0 };
            let phase = Phase::Creating { request: Some(request) };
            Preparation::Ready(ReadyRequest { attempt, phase })
        }
        GroupRequest::Impossible { reason } => {
            let ending = Ending::unchanged(link, Next::Failed { reason });
            Preparation::Ended(Box::new(ending))
        }
    })
}

/// Claims a group that has the team's unique name: ours if it is younger than the stored request.
async fn claim_existing_group(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    request: &CreationRequest,
    group: &Group,
) -> Result<Ending, SyncError> {
    let first_at = request.first_at.unwrap_or(request.at);
    let is_ours = group.created.is_none_or(|created| created >= first_at - CLOCK_SKEW);
    if !is_ours {
        return Err(SyncError::GroupNotOurs(link.team));
    }
    let link = link_group(deps, run, link, reading, request, group).await?;
    let report = SyncReport::of_note(created_note(group));
    let moment = deps.clock.now() + CLAIMED_GROUP;
    let next = Next::RequeueAt { moment, why: RequeueReason::GroupNotVisibleYet };
    Ok(Ending { record: SyncRecord { link, report }, next })
}

/// Sends the stored request until the group exists. What the service demands is stored before it
/// is sent. Returns the steps that the request made.
pub(super) async fn create_group(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    plan: &Plan,
    attempt: CreationAttempt,
) -> Recorded<Outcomes> {
    let mut record = SyncRecord::of(link.clone());
    let mut outcomes = Outcomes::default();
    let result = async {
        while let Phase::Creating { request: Some(request) } = record.link.phase.clone() {
            let name = unique_name(link.team);
            let sent = deps.graph.upsert_group(&run.access.graph, &name, &request.group).await;
            let answer = match sent {
                Ok(Upserted::Created(group)) => {
                    record.link =
                        link_group(deps, run, &record.link, reading, &request, &group).await?;
                    record.report.notes.push(created_note(&group));
                    let done = plan.steps.iter().filter(|step| is_within(&request.group, step));
                    outcomes.steps.extend(done.map(|step| (*step, StepOutcome::Done)));
                    let owner = fallback_owner(deps, run, plan, &request.group).await?;
                    record.report.people.extend(owner);
                    break;
                }
                Ok(Upserted::Existed) => {
                    // Only a request that was sent before can have made it.
                    let may_be_ours = attempt == CreationAttempt::Retry || request.corrections > 0;
                    if !may_be_ours {
                        return Err(SyncError::GroupNotOurs(link.team));
                    }
                    // The answer does not show the group: the next run finds it by its name.
                    outcomes.stop(SyncError::GroupNotFoundYet);
                    break;
                }
                Ok(answer) => answer,
                Err(error) => {
                    outcomes.stop(error);
                    break;
                }
            };
            let corrected = correct(deps, run, reading, link, request, answer).await?;
            record.link.phase = Phase::Creating { request: Some(corrected) };
            deps.store.write(vec![run.lease.save(&record.link)?]).await?;
        }
        Ok(())
    }
    .await;
    match result {
        // The group exists: what its creation did is recorded, whatever failed after it.
        Err(error) if record.link.group().is_some() => outcomes.stop(error),
        Err(error) => return Recorded { record, result: Err(error) },
        Ok(()) => {}
    }
    Recorded { record, result: Ok(outcomes) }
}

/// The request as the service demands it.
async fn correct(
    deps: &Deps,
    run: &SyncRun<'_>,
    reading: &Reading,
    link: &Link,
    request: CreationRequest,
    answer: Upserted,
) -> Result<CreationRequest, SyncError> {
    let mut corrected = request;
    match answer {
        Upserted::NeedsName { suggested } => corrected.group.display_name = suggested,
        Upserted::NicknameTaken => {
            corrected.group.mail_nickname =
                nickname(&reading.team.name, link.team, corrected.corrections + 1);
        }
        Upserted::BindRefused(error) => {
            let missing = missing_users(deps, run, &corrected.group).await?;
            // Everyone exists, so the refusal is about something that we cannot correct.
            if missing.is_empty() {
                return Err(error.into());
            }
            // One unknown user makes the service refuse all. The others need not wait for them.
            corrected.group.members.retain(|id| !missing.contains(id));
            corrected.group.owners.retain(|id| !missing.contains(id));
        }
        Upserted::Created(_) | Upserted::Existed => {}
    }
    corrected.corrections += 1;
    // A service that goes on demanding must not keep the run here. Without owner there is no site.
    if corrected.corrections > CORRECTIONS || corrected.group.owners.is_empty() {
        return Err(SyncError::CreationRefused(link.team));
    }
    Ok(corrected)
}

/// People of a request who are not users of the directory. The index learns it at once.
async fn missing_users(
    deps: &Deps,
    run: &SyncRun<'_>,
    group: &NewGroup,
) -> Result<Vec<ObjectId>, SyncError> {
    // Each owner is among the members, too, so no one is missing here.
    let users = deps.graph.users(&run.access.graph, &group.members).await?;
    let is_user = |id: &ObjectId| users.iter().any(|user| user.id == *id);
    let missing: Vec<ObjectId> = group.members.iter().copied().filter(|id| !is_user(id)).collect();
    let index = PersonIndex::new(deps.store.as_ref(), run.tenant());
    for object in &missing {
        index.observe_user(*object, None, deps.clock.now()).await?;
    }
    Ok(missing)
}

/// State of a fallback owner whom no step concerns: an owner of the group who is not meant to be in
/// the team.
async fn fallback_owner(
    deps: &Deps,
    run: &SyncRun<'_>,
    plan: &Plan,
    group: &NewGroup,
) -> Result<BTreeMap<Who, Option<LinkPerson>>, SyncError> {
    let mut people = BTreeMap::new();
    let steps = || plan.steps.iter().chain(&plan.later);
    let has_step = |owner: &ObjectId| steps().any(|step| step.person.object == *owner);
    let owner = run.context.settings.fallback_owner;
    let owner = owner.filter(|owner| group.owners.contains(owner) && !has_step(owner));
    let Some(owner) = owner else { return Ok(people) };
    let index = PersonIndex::new(deps.store.as_ref(), run.tenant());
    let known = index.holders_of([owner]).await?;
    if let Some(pair) = known.get(&owner).and_then(IndexedPerson::pair) {
        let state = PersonState::of_an_owner_of_the_group(deps.clock.now());
        let on_link = LinkPerson { state, ..LinkPerson::default() };
        people.insert(Who::Person(pair), Some(on_link));
    }
    Ok(people)
}

/// Stores the link with its group, and the claim that makes the group this team's alone.
async fn link_group(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    request: &CreationRequest,
    group: &Group,
) -> Result<Link, SyncError> {
    let (store, tenant, team) = (deps.store.as_ref(), &run.context.tenant, link.team);
    let title = reading.team.name.clone();
    let name = group.display_name.clone();
    let link = Link {
        phase: Phase::Linked { group: group.id },
        group_since: Some(deps.clock.now()),
        unseen: Some(Box::new(Unseen::Created(request.clone()))),
        names: Some(NameState::at_creation(title, &request.group.display_name, name)),
        ..link.clone()
    };
    let claim = Claim { tenant: tenant.tenant, team, region: link.region.clone() };
    let writes = vec![claim.put(tenant.directory, group.id)?, run.lease.save(&link)?];
    match store.write(writes).await {
        Ok(()) => Ok(link),
        Err(StoreError::ConditionFailed) => {
            let mut claims = link::claims(store, tenant.directory, [group.id]).await?;
            match claims.remove(&group.id) {
                // An administrator adopted it for another team meanwhile.
                Some(other) if other != claim => Err(SyncError::GroupNotOurs(team)),
                // Written before, and the answer was lost.
                Some(_) if run.lease.read(store).await?.is_some_and(|row| row.link == link) => {
                    Ok(link)
                }
                _ => Err(SyncError::LeaseLost(team)),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn created_note(group: &Group) -> Note {
    Note::GroupCreated { group: group.display_name.clone() }
}

/// Returns `true` if the request already makes the relations of a step.
fn is_within(group: &NewGroup, step: &PlanStep) -> bool {
    let is_requested = |relation, person: &ObjectId| match relation {
        Relation::Owner => group.owners.contains(person),
        Relation::Member => group.members.contains(person),
    };
    step.side == Side::Group
        && binds_of(step).iter().all(|bind| is_requested(bind.relation, &bind.person))
}
