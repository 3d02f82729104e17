//! Asks Webex about spaces that nothing is known of. A team that is new gets its link.

use jiff::{SignedDuration, Timestamp};

use super::context::{after_refusal, load_link};
use super::pilot::{Origin, phase_of_new};
use super::run::run_known;
use super::spaces::{NO_TEAM_FOR, note};
use super::types::TenantContext;
use super::waiting::Handled;
use super::{Deps, SyncError};
use crate::folders::FolderRequest;
use crate::link::{self, Link, SyncRequests};
use crate::quota::{Acquire, Priority};
use clients::webex::{SpaceClue, WebexId};
use domain::ids::{RoomId, TeamId};
use store::message::{Job, Message};
use store::table::{StoreError, Write};

/// Webex reports a space before it shows it. One that is not visible so soon is asked about again.
const VISIBLE_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// Time for which a space that the service account cannot see is not asked about again.
const INVISIBLE_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Webex calls that read a space.
const READ_SPACE: usize = 1;

/// A space to be asked about.
pub(super) struct FoundSpace {
    pub(super) space: WebexId<RoomId>,
    /// The team that the space belonged to when it was last asked about.
    pub(super) known_team: Option<TeamId>,
}

/// Webex's answer about a space.
enum SpaceKind {
    /// The service account does not see it.
    NotVisible,
    /// It belongs to no team.
    NoTeam,
    /// A further space of a team.
    Further(TeamId),
    /// A team's General space.
    General { team: TeamId, title: String, origin: Origin },
}

/// Asks Webex about a space, and notes the answer.
pub(super) async fn discover(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    found: FoundSpace,
) -> Result<Handled, SyncError> {
    let FoundSpace { space, known_team } = found;
    if let Some(until) = context.throttled_until {
        return Ok(Handled::NoRoom(until));
    }
    // The team is only a seed for the rate limiter: it is not known yet.
    let (priority, team) = (priority(message), space.id.as_team());
    let acquired = deps.acquire_reading(context, priority, team, READ_SPACE).await?;
    if let Acquire::RetryAt(until) = acquired {
        return Ok(Handled::NoRoom(until));
    }
    let kind = match read_space(deps, context, &space).await {
        Ok(kind) => kind,
        Err(error) => return after_refusal(deps, context, message, error).await,
    };
    let now = deps.clock.now();
    if matches!(kind, SpaceKind::NotVisible) && now < message.at + VISIBLE_WITHIN {
        return Ok(Handled::Again(message.at + VISIBLE_WITHIN));
    }
    let note = note_of(context, &space, &kind, deps.clock.now())?;
    if let Some(before) = known_team.filter(|before| kind.team() != Some(*before)) {
        // The note comes last: after it, the former team would be unknown.
        space_changed(deps, context, message, before, &space).await?;
    }
    match kind {
        SpaceKind::NotVisible | SpaceKind::NoTeam => {
            deps.store.write(vec![note]).await?;
            Ok(Handled::Done)
        }
        SpaceKind::Further(team) => {
            space_changed(deps, context, message, team, &space).await?;
            deps.store.write(vec![note]).await?;
            run_known(deps, context, message, Some(team)).await?;
            Ok(Handled::Done)
        }
        SpaceKind::General { team, title, origin } => {
            let new = NewTeam { team, title, origin, note };
            link_new_team(deps, context, message, &space, new).await
        }
    }
}

/// Returns the share of the quota for a space. Most spaces are in no team, and must not delay those
/// that are.
fn priority(message: &Message) -> Priority {
    match &message.job {
        Job::Room { clue: SpaceClue::Unclear | SpaceClue::Direct, .. } => Priority::Repair,
        _ => SyncRequests::of(message).priority(Timestamp::UNIX_EPOCH),
    }
}

impl SpaceKind {
    fn team(&self) -> Option<TeamId> {
        match self {
            Self::NotVisible | Self::NoTeam => None,
            Self::Further(team) | Self::General { team, .. } => Some(*team),
        }
    }
}

fn note_of(
    context: &TenantContext,
    space: &WebexId<RoomId>,
    kind: &SpaceKind,
    now: Timestamp,
) -> Result<Write, StoreError> {
    let expires = match kind {
        SpaceKind::NotVisible => Some(now + INVISIBLE_FOR),
        SpaceKind::NoTeam => Some(now + NO_TEAM_FOR),
        SpaceKind::Further(_) | SpaceKind::General { .. } => None,
    };
    note(context.tenant.tenant, space.id, kind.team(), expires)
}

/// A team that nothing was known of.
struct NewTeam {
    team: TeamId,
    title: String,
    origin: Origin,
    note: Write,
}

/// Stores the link of a team that is new, and syncs it. Others are only noted.
async fn link_new_team(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    space: &WebexId<RoomId>,
    new: NewTeam,
) -> Result<Handled, SyncError> {
    let NewTeam { team, title, origin, note } = new;
    let phase = match phase_of_new(deps, context, space, &origin).await {
        Ok(Some(phase)) => phase,
        Ok(None) => {
            deps.store.write(vec![note]).await?;
            return Ok(Handled::Done);
        }
        Err(error) => return after_refusal(deps, context, message, error).await,
    };
    let link = Link::new(team, space.region.clone(), title, phase);
    let creation = link::creation(context.tenant.tenant, &link, deps.clock.now())?;
    match deps.store.write(vec![note, creation]).await {
        // Another message was faster: its link is synced.
        Ok(()) | Err(StoreError::ConditionFailed) => {}
        Err(error) => return Err(error.into()),
    }
    run_known(deps, context, message, Some(team)).await?;
    Ok(Handled::Done)
}

/// Requests a folder sync for a further space that was created, renamed or moved.
async fn space_changed(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    team: TeamId,
    space: &WebexId<RoomId>,
) -> Result<(), SyncError> {
    let tenant = context.tenant.tenant;
    if !context.has_folders() {
        return Ok(());
    }
    let row = load_link(deps, tenant, team).await?;
    if row.is_none_or(|row| row.link.folders_since.is_none()) {
        return Ok(());
    }
    let request = FolderRequest::Space(space.id, space.region.clone());
    deps.request_folder_sync(tenant, team, &request, message.trigger).await
}

async fn read_space(
    deps: &Deps,
    context: &TenantContext,
    space: &WebexId<RoomId>,
) -> Result<SpaceKind, SyncError> {
    let tenant = &context.tenant;
    let access = deps.tokens.webex(tenant.tenant, tenant.service_account, context.deadline).await?;
    let Some(room) = deps.webex.room(&access, space).await? else {
        return Ok(SpaceKind::NotVisible);
    };
    let Some(team) = room.team.clone() else { return Ok(SpaceKind::NoTeam) };
    // Webex has sent a room's teamId with the kind of a room, so only the uuid is compared.
    if team.id.general_space() != space.id {
        return Ok(SpaceKind::Further(team.id));
    }
    // The General space has the age and the name of its team, which saves a call. The sync reads
    // the team itself.
    let (title, created) = match (room.title, room.created) {
        (Some(title), Some(created)) => (title, Some(created)),
        _ => match deps.webex.team(&access, &team).await? {
            Some(named) => (named.name, named.created),
            None => return Ok(SpaceKind::NotVisible),
        },
    };
    let origin = Origin { owner: room.owner, created, creator: room.creator };
    Ok(SpaceKind::General { team: team.id, title, origin })
}
