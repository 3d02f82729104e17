//! Teams and groups of a customer, and the links between them, as the page shows them.

use engine::phrases::differences::pending_because;
use engine::phrases::exclusions::ExclusionWords;
use std::collections::BTreeMap;

use domain::ids::{GroupId, TeamId};
use domain::membership::Side;
use engine::link::{self, FailureKind, LinkPerson, LinkRow, Phase, Who};
use engine::safety::pending_approval;
use engine::tenant;
use engine::tenant::suspension::SuspensionReason;
use jiff::Timestamp;
use serde::Serialize;
use sim::Group;
use uuid::Uuid;

use super::cast::Customer;
use super::comparison::{Comparison, PersonView};
use super::differences::{self, OpenView};
use super::environment::{Environment, name_of};
use super::phrases;
use super::spaces::{self, SpacesView};

/// A team, its group, or both, with their link.
#[derive(Serialize)]
pub(super) struct Pair {
    id: Uuid,
    team: Option<SideView>,
    group: Option<SideView>,
    link: LinkView,
    excluded: Vec<ExcludedView>,
    pending_approval: Option<ApprovalView>,
    spaces: SpacesView,
}

/// A team or a group.
#[derive(Serialize)]
struct SideView {
    id: Uuid,
    name: String,
    condition: Condition,
    people: Vec<PersonView>,
}

#[derive(Serialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Condition {
    Alive,
    Archived,
    Deleted,
}

#[derive(Serialize)]
struct LinkView {
    state: PairState,
    reason: Option<String>,
    /// The next scheduled sync.
    next_sync_at: Option<Timestamp>,
    /// The end of the backoff that a service asked for.
    throttled_until: Option<Timestamp>,
    /// The number of differences that a sync should resolve.
    differences: usize,
    /// The reasons of those that have one.
    open: Vec<OpenView>,
}

/// The state of a pair, as people see it.
#[derive(Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum PairState {
    /// The team has no link yet.
    New,
    /// The creator was asked for a group.
    Asked,
    Creating,
    InSync,
    /// A sync should resolve differences.
    Syncing,
    /// All differences stay until a person does something.
    Differs,
    /// A sync should resolve differences, during a backoff.
    Waiting,
    PendingApproval,
    Paused,
    Failing,
    Ended,
    /// The group has no team.
    Unlinked,
}

#[derive(Serialize)]
struct ExcludedView {
    name: String,
    reason: &'static str,
    remedy: &'static str,
}

#[derive(Serialize)]
struct ApprovalView {
    why: &'static str,
    people: Vec<String>,
    side: Option<Side>,
}

/// A backoff or suspension of a customer.
#[derive(Default)]
struct Pause {
    /// The reason why new teams are not linked.
    not_started: Option<&'static str>,
    throttled_until: Option<Timestamp>,
    suspension: Option<SuspensionReason>,
}

/// The team and the differences that were found.
struct Found {
    has_team: bool,
    differences: usize,
    open: Vec<OpenView>,
}

/// The source of a pair.
#[derive(Default)]
struct Source {
    team: Option<TeamId>,
    group: Option<(GroupId, Group)>,
    row: Option<LinkRow>,
}

/// All pairs of a customer: linked and new teams, then groups whose team is deleted, then groups
/// without a team.
pub(super) async fn pairs(env: &Environment, customer: &Customer) -> Vec<Pair> {
    let world = env.world();
    let pause = pause_of(env, customer).await;
    let mut links = env.links(customer).await;
    let mut groups = world.groups(customer.handle.directory);
    let mut sources = Vec::new();
    for team in world.teams(customer.handle.org) {
        let row = links.remove(&team);
        let group = row.as_ref().and_then(|row| row.link.group());
        let group = group.and_then(|id| Some((id, groups.remove(&id)?)));
        sources.push(Source { team: Some(team), group, row });
    }
    // The teams of these links were deleted; a group is shown for as long as it exists.
    for (team, row) in links {
        let group = row.link.group().and_then(|id| Some((id, groups.remove(&id)?)));
        if group.is_some() {
            sources.push(Source { team: Some(team), group, row: Some(row) });
        }
    }
    let unlinked =
        groups.into_iter().map(|group| Source { group: Some(group), ..Source::default() });
    sources.extend(unlinked);
    let mut pairs = Vec::new();
    for source in sources {
        pairs.extend(pair(env, customer, source, &pause).await);
    }
    pairs
}

/// Returns `true` if a team and its group are equal, excluded people aside.
pub(super) async fn is_in_sync(env: &Environment, customer: &Customer, team: TeamId) -> bool {
    let pairs = pairs(env, customer).await;
    pairs.iter().any(|pair| pair.id == team.0 && pair.link.state == PairState::InSync)
}

async fn pause_of(env: &Environment, customer: &Customer) -> Pause {
    if !customer.is_connected() {
        return Pause { not_started: Some(phrases::NOT_CONNECTED), ..Pause::default() };
    }
    let store = env.backend().store.as_ref();
    let context =
        tenant::load_snapshot(store, customer.tenant, &[], env.now()).await.ok().flatten();
    let context = context.map(|(context, _)| context);
    let is_off = context.as_ref().is_some_and(|one| one.settings.switched_on_at.is_none());
    Pause {
        not_started: is_off.then_some(phrases::SYNC_IS_OFF),
        throttled_until: context.as_ref().and_then(|context| context.throttled_until),
        suspension: context.and_then(|context| context.suspension).map(|suspension| suspension.why),
    }
}

async fn pair(
    env: &Environment,
    customer: &Customer,
    source: Source,
    pause: &Pause,
) -> Option<Pair> {
    let Source { team: id, group, row } = source;
    let world = env.world();
    let team = id.and_then(|id| world.team(id));
    let people = match id {
        Some(id) => {
            let store = env.backend().store.as_ref();
            link::people(store, customer.tenant, id).await.unwrap_or_default()
        }
        None => BTreeMap::new(),
    };
    let comparison = Comparison {
        customer,
        team: team.as_ref(),
        group: group.as_ref().map(|(_, group)| group),
        people: &people,
    };
    let spaces = match id.filter(|_| team.is_some()) {
        Some(id) => {
            let group = group.as_ref().map(|(id, _)| *id);
            spaces::view(env, customer, id, group, row.as_ref()).await
        }
        None => SpacesView::default(),
    };
    let names = row.as_ref().and_then(|row| row.link.names.as_ref());
    let found = Found {
        has_team: team.is_some(),
        differences: comparison.differences(),
        open: differences::open(&comparison, names, env.now()),
    };
    let state = state(row.as_ref(), id, &found, pause);
    Some(Pair {
        id: id.map(|id| id.0).or(group.as_ref().map(|(id, _)| id.0))?,
        link: link_view(row.as_ref(), state, found, pause),
        team: team.as_ref().zip(id).map(|(team, id)| SideView {
            id: id.0,
            name: team.title.clone(),
            condition: if world.is_archived(id) { Condition::Archived } else { Condition::Alive },
            people: comparison.people_of(Side::Team),
        }),
        spaces,
        excluded: excluded(customer, &people),
        pending_approval: pending_approval(env, customer, id).await,
        group: group.as_ref().map(|(id, group)| SideView {
            id: id.0,
            name: group.display_name.clone(),
            condition: match group.deleted {
                Some(_) => Condition::Deleted,
                None => Condition::Alive,
            },
            people: comparison.people_of(Side::Group),
        }),
    })
}

fn excluded(customer: &Customer, people: &BTreeMap<Who, LinkPerson>) -> Vec<ExcludedView> {
    let excluded = people.iter().filter_map(|(who, person)| {
        let reason = person.excluded?;
        Some(ExcludedView {
            name: name_of(customer, *who),
            reason: reason.explanation(),
            remedy: reason.remedy(),
        })
    });
    excluded.collect()
}

async fn pending_approval(
    env: &Environment,
    customer: &Customer,
    team: Option<TeamId>,
) -> Option<ApprovalView> {
    let store = env.backend().store.as_ref();
    let plan = pending_approval::load(store, customer.tenant, team?).await.ok().flatten()?;
    let people = plan.removals.iter();
    let people = people.map(|removal| name_of(customer, Who::Person(removal.person)));
    Some(ApprovalView {
        why: pending_because(plan.why),
        side: plan.removals.first().map(|removal| removal.side),
        people: people.collect(),
    })
}

fn state(row: Option<&LinkRow>, team: Option<TeamId>, found: &Found, pause: &Pause) -> PairState {
    let Some(row) = row else {
        return if team.is_some() { PairState::New } else { PairState::Unlinked };
    };
    let is_throttled = pause.throttled_until.is_some();
    match (&row.link.phase, &row.link.failure) {
        (Phase::Ended { .. }, _) => PairState::Ended,
        // Before the link's own state, because a suspended tenant is not served at all.
        _ if pause.suspension.is_some() => PairState::Paused,
        (_, Some(failure)) if failure.kind() == FailureKind::Archived => PairState::Paused,
        (_, Some(_)) => PairState::Failing,
        (Phase::Asked { .. }, _) => PairState::Asked,
        _ if row.link.held.is_some() => PairState::PendingApproval,
        (Phase::Creating { .. }, _) if is_throttled => PairState::Waiting,
        (Phase::Creating { .. }, _) => PairState::Creating,
        _ if found.differences == 0 && found.has_team => PairState::InSync,
        _ if found.differences > 0 && OpenView::staying(&found.open) == found.differences => {
            PairState::Differs
        }
        _ if is_throttled => PairState::Waiting,
        _ => PairState::Syncing,
    }
}

fn link_view(row: Option<&LinkRow>, state: PairState, found: Found, pause: &Pause) -> LinkView {
    let suspension = pause.suspension.map(|reason| phrases::suspension(reason).to_owned());
    LinkView {
        state,
        reason: match row {
            Some(row) => suspension.or_else(|| phrases::link_reason(&row.link)),
            None => pause.not_started.map(str::to_owned).filter(|_| state == PairState::New),
        },
        next_sync_at: row.map(|row| row.next_sync_at).filter(|_| state != PairState::Ended),
        throttled_until: pause.throttled_until.filter(|_| pause.suspension.is_none()),
        differences: found.differences,
        open: found.open,
    }
}
