//! Leads each message to its team: known links, spaces of teams, groups and people.

use std::collections::BTreeSet;

use super::card::card_answered;
use super::context::after_refusal;
use super::discover::{FoundSpace, discover};
use super::maintain::renew_subscription;
use super::run::{run_known, run_sync};
use super::spaces::{RoomNote, room_key};
use super::types::TenantContext;
use super::waiting::Handled;
use super::{Deps, SyncError};
use crate::link::{self, LinkRow};
use crate::quota::Acquire;
use crate::stored::readable;
use clients::http::Deadline;
use clients::webex::{Region, WebexId};
use domain::ids::{GroupId, RoomId, TeamId};
use domain::membership::Person;
use store::message::{Job, Message, Trigger};
use store::table::{Key, StoreErrorClass};

/// Handles one message within the deadline.
pub(super) async fn handle(
    deps: &Deps,
    message: &Message,
    deadline: Deadline,
) -> Result<(), SyncError> {
    // The jobs of a link name it, so one request reads it together with the tenant.
    let loaded = deps.load_context(message.tenant, team_of(&message.job), deadline).await?;
    let Some((context, row)) = loaded else {
        tracing::warn!(
            event = "message_of_unknown_tenant", tenant = %message.tenant,
            "A message of an unknown tenant was dropped."
        );
        return Ok(());
    };
    // Nothing is lost: state decides, and the syncs after switching on read it.
    if context.settings.switched_on_at.is_none() {
        return Ok(());
    }
    let handled = handle_job(deps, &context, message, row).await?;
    deps.keep(message, handled).await
}

/// Returns the team whose link a job needs.
pub(super) fn team_of(job: &Job) -> Option<TeamId> {
    match job {
        Job::Team { team, .. } | Job::Folders { team } => Some(*team),
        Job::Room { room, .. } => Some(room.as_team()),
        _ => None,
    }
}

/// Handles a message whose tenant and link are loaded.
pub(super) async fn handle_job(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    row: Option<LinkRow>,
) -> Result<Handled, SyncError> {
    match &message.job {
        Job::Team { team, region } => {
            sync_team_of(deps, context, message, *team, region.as_ref(), row).await
        }
        Job::Room { room, region, .. } => {
            sync_room(deps, context, message, *room, region, row).await
        }
        Job::Group { group } => done(sync_group(deps, context, message, *group).await),
        Job::Person { person, object } => {
            let person = Person { object: *object, person: *person };
            sync_person(deps, context, message, person).await
        }
        Job::CardAnswered { action } => card_answered(deps, context, message, action).await,
        Job::Folders { team } => done(deps.folders(context, message, *team, row).await),
        Job::SubscriptionLifecycle { subscription } => {
            renew_subscription(deps, context, message, subscription).await
        }
        // It has its own way, and never waits itself.
        Job::Waiting => Ok(Handled::Done),
    }
}

/// Drops a message for which an item cannot be read or written, its link or another one.
pub(super) fn unless_unusable<T>(
    message: &Message,
    dropped: T,
    handled: Result<T, SyncError>,
) -> Result<T, SyncError> {
    match handled {
        Err(SyncError::Store(error)) if error.class() == StoreErrorClass::Item => {
            metrics::counter!("UnreadableItems").increment(1);
            tracing::error!(
                event = "message_unusable", tenant = %message.tenant, ?message, %error,
                "A message was dropped that meets an unusable item."
            );
            Ok(dropped)
        }
        handled => handled,
    }
}

fn done(result: Result<(), SyncError>) -> Result<Handled, SyncError> {
    result.map(|()| Handled::Done)
}

async fn sync_team_of(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    team: TeamId,
    region: Option<&Region>,
    row: Option<LinkRow>,
) -> Result<Handled, SyncError> {
    match (row, region) {
        (Some(row), _) => done(run_sync(deps, context, message, row).await),
        (None, Some(region)) => {
            sync_room(deps, context, message, team.general_space(), region, None).await
        }
        // Without a region, Webex cannot be asked about a team that has no link.
        (None, None) => Ok(Handled::Done),
    }
}

async fn sync_room(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    room: RoomId,
    region: &Region,
    row: Option<LinkRow>,
) -> Result<Handled, SyncError> {
    if let Some(row) = row {
        return done(run_sync(deps, context, message, row).await);
    }
    let tenant = context.tenant.tenant;
    let space = WebexId::new(region.clone(), room);
    let note = deps.store.get(&room_key(tenant, room)).await?;
    let note: Option<RoomNote> = note.and_then(readable);
    let known_team = match note {
        None => None,
        // The space may have moved between teams. A General space cannot, and the decision about
        // its team stays.
        Some(note)
            if message.trigger == Trigger::SpaceWebhook && note.team != Some(room.as_team()) =>
        {
            note.team
        }
        Some(note) => return done(run_known(deps, context, message, note.team).await),
    };
    discover(deps, context, message, FoundSpace { space, known_team }).await
}

async fn sync_group(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    group: GroupId,
) -> Result<(), SyncError> {
    let (store, tenant) = (deps.store.as_ref(), &context.tenant);
    let claim = link::claims(store, tenant.directory, [group]).await?.remove(&group);
    // Two tenants can share a directory.
    let claim = claim.filter(|claim| claim.tenant == tenant.tenant);
    run_known(deps, context, message, claim.map(|claim| claim.team)).await
}

/// Queues a sync of every linked team of a person who became eligible.
async fn sync_person(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    person: Person,
) -> Result<Handled, SyncError> {
    if let Some(until) = context.throttled_until {
        return Ok(Handled::NoRoom(until));
    }
    if let Acquire::RetryAt(until) = deps.acquire_listing_of(context, person.person).await? {
        return Ok(Handled::NoRoom(until));
    }
    let teams = match teams_of(deps, context, person).await {
        Ok(teams) => teams,
        Err(error) => return after_refusal(deps, context, message, error).await,
    };
    let of_team = |team| {
        let job = Job::Team { team, region: None };
        Message { trigger: Trigger::Person, job, ..message.clone() }
    };
    let messages: Vec<Message> = teams.into_iter().map(of_team).collect();
    deps.queue.send_all(&messages).await?;
    Ok(Handled::Done)
}

/// Linked teams that a person is in, on either side.
async fn teams_of(
    deps: &Deps,
    context: &TenantContext,
    person: Person,
) -> Result<BTreeSet<TeamId>, SyncError> {
    let access = deps.api_access(context).await?;
    let account = WebexId::new(context.tenant.region.clone(), person.person);
    let (memberships, groups) = futures::future::join(
        deps.webex.memberships_of(&access.webex, &account),
        deps.graph.groups_of(&access.graph, person.object),
    )
    .await;
    let (store, tenant) = (deps.store.as_ref(), context.tenant.tenant);
    // A space that is not a General space has no link under its id.
    let rooms = memberships?.into_iter().map(|membership| membership.room);
    let links: Vec<Key> = rooms.map(|room| link::key(tenant, room.as_team())).collect();
    let claims = link::claims(store, context.tenant.directory, groups?).await?;
    let mut teams = BTreeSet::new();
    for item in store.get_many(&links).await? {
        teams.extend(readable::<LinkRow>(item).map(|row| row.link.team));
    }
    let own = claims.into_values().filter(|claim| claim.tenant == tenant);
    teams.extend(own.map(|claim| claim.team));
    Ok(teams)
}
