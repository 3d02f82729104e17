//! A run in preview mode: stores what a live run would do, and does nothing of it.
//!
//! # Guarantees
//! * Nothing is written to a service, and of the link nothing changes but its title: the first live
//!   run continues where the last one ended.
//! * What else is stored is knowledge of the directories: the person index, the rules for groups,
//!   and people on one side who are excluded.

use super::new_group::{GroupRequest, new_group};
use super::next::{PEOPLE_UNRESOLVED, returns_at};
use super::observe::observe;
use super::subjects::report_excluded;
use super::types::{
    Decision, Next, Observation, Progress, Reading, Recorded, RequeueReason, SyncDepth, SyncRecord,
    SyncRun,
};
use super::{Deps, SyncError, decide_and_prove};
use crate::codes::FailureReason;
use crate::link::{Link, Phase, Who};
use crate::preview::{
    self, Consent, GroupOutlook, Move, Preview, PreviewKind, Rename, ServiceAccountOutlook,
};
use domain::membership::{Eligibility, ExclusionReason, Role, Side};
use domain::merge::{NameWrite, Plan};

use super::maintain::should_join;

/// Stores what a live run would do now.
pub(super) async fn preview_team(deps: &Deps, run: &SyncRun<'_>, link: Link) -> Recorded<Next> {
    let mut record = SyncRecord::of(link);
    let result = async {
        let (preview, next) = match observe(deps, run, &record.link).await? {
            Observation::Complete { mut reading, link } => {
                record.link.title.clone_from(&link.title);
                let decision = decide_and_prove(deps, run, &link, &mut reading).await?;
                record.report.extend(report_excluded(&reading, &decision.resolved));
                let preview = build_preview(deps, run, &link, &reading, &decision).await?;
                (preview, next_after_preview(deps, run, &decision))
            }
            // A side that does not answer is only shown: preview mode ends no link.
            Observation::TeamMissing => {
                (blocked_preview(run, FailureReason::TeamMissing), Next::Done { settles_at: None })
            }
            Observation::GroupMissing { link, .. } => {
                record.link.title.clone_from(&link.title);
                (blocked_preview(run, FailureReason::GroupMissing), Next::Done { settles_at: None })
            }
        };
        if run.depth == SyncDepth::Full {
            // A daily preview is no daily sync: the first live run must still make one.
            record.link.previewed_at = Some(run.started);
        }
        record.link.preview_stored_at = Some(run.started);
        let (store, tenant, team) = (deps.store.as_ref(), run.tenant(), record.link.team);
        // An administrator who confirms all previews names the state that they saw.
        if preview::stored_hash(store, tenant, team).await?.as_ref() != Some(&preview.hash()) {
            record.report.writes.push(preview::count_change(tenant));
        }
        record.report.writes.extend(preview.puts(tenant, team, PreviewKind::SyncRun)?);
        Ok(next)
    }
    .await;
    Recorded { record, result }
}

/// Says what a live run would do on this reading.
pub(super) async fn build_preview(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    decision: &Decision,
) -> Result<Preview, SyncError> {
    let outlook = group_outlook(deps, run, link, reading, &decision.plan).await?;
    let is_blocked = matches!(outlook, GroupOutlook::Blocked { .. });
    let mut preview = empty_preview(run, outlook);
    preview.excluded = excluded_people(decision);
    preview.unresolved = decision.resolved.unresolved + decision.absences.unasked;
    // Nothing would be written, so nothing may look planned.
    if !is_blocked {
        preview.moves = moves(&decision.plan, reading);
        preview.rename = decision.rename.as_ref().map(|write| rename(write, reading));
        if should_join(run, reading) {
            preview.service_account = ServiceAccountOutlook::Joins;
        }
    }
    Ok(preview)
}

fn next_after_preview(deps: &Deps, run: &SyncRun<'_>, decision: &Decision) -> Next {
    let progress = Progress::of(decision.resolved.lookups);
    if let Some(progress) = progress.filter(|_| decision.resolved.unresolved > 0) {
        let moment = deps.clock.now() + PEOPLE_UNRESOLVED;
        return Next::RequeueAt { moment, why: RequeueReason::PeopleUnresolved(progress) };
    }
    Next::Done { settles_at: returns_at(&decision.eligibility, run.started) }
}

async fn group_outlook(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    plan: &Plan,
) -> Result<GroupOutlook, SyncError> {
    let consent = match link.phase {
        Phase::Asked { .. } => Consent::Creator,
        Phase::Creating { .. } => Consent::NotNeeded,
        Phase::Linked { .. } | Phase::Ended { .. } => return Ok(GroupOutlook::Exists),
    };
    Ok(match new_group(deps, run, link, reading, plan).await? {
        GroupRequest::Possible(group) => {
            let steps = || plan.steps.iter().chain(&plan.later);
            // An owner of the new group without a step is no moderator of the team.
            let has_step = |owner| steps().any(|step| step.person.object == owner);
            let fallback_owner = group.owners.iter().copied().find(|owner| !has_step(*owner));
            let (name, mail_nickname) = (group.display_name, group.mail_nickname);
            GroupOutlook::Created { name, mail_nickname, fallback_owner, consent }
        }
        GroupRequest::Impossible { reason } => blocked(reason),
    })
}

fn blocked(reason: FailureReason) -> GroupOutlook {
    GroupOutlook::Blocked { reason }
}

fn blocked_preview(run: &SyncRun<'_>, reason: FailureReason) -> Preview {
    empty_preview(run, blocked(reason))
}

fn empty_preview(run: &SyncRun<'_>, group: GroupOutlook) -> Preview {
    Preview {
        at: run.started,
        group,
        service_account: ServiceAccountOutlook::Stays,
        rename: None,
        moves: vec![],
        excluded: vec![],
        unresolved: 0,
    }
}

/// Steps in their order, then removals that would wait for approval.
fn moves(plan: &Plan, reading: &Reading) -> Vec<Move> {
    // An admin confirms all of it, not the first portion.
    let steps = plan.steps.iter().chain(&plan.later).map(|step| Move {
        person: step.person,
        side: step.side,
        from: step.read[step.side],
        to: step.to,
        held: None,
    });
    let held = plan.held.iter().flat_map(|(why, removals)| {
        removals.iter().map(|removal| Move {
            person: removal.person,
            side: removal.side,
            from: reading.of(removal.person)[removal.side],
            to: Role::None,
            held: Some(*why),
        })
    });
    steps.chain(held).collect()
}

fn rename(write: &NameWrite, reading: &Reading) -> Rename {
    match write {
        NameWrite::Team { title, .. } => {
            let from = reading.team.name.clone();
            Rename { side: Side::Team, from, to: title.clone() }
        }
        NameWrite::Group(to) => {
            Rename { side: Side::Group, from: reading.group_name(), to: to.clone() }
        }
    }
}

fn excluded_people(decision: &Decision) -> Vec<(Who, ExclusionReason)> {
    let people = decision.eligibility.iter().filter_map(|(person, one)| match one {
        Eligibility::Excluded { reason } => Some((Who::Person(*person), *reason)),
        Eligibility::Eligible { .. } => None,
    });
    let halves = decision.resolved.excluded.iter().map(|(who, reason)| (*who, *reason));
    people.chain(halves).collect()
}
