//! Reads both sides and the stored people at the same time. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{Observation, Reading, SyncRun};
use super::{Deps, SyncError};
use crate::link::{self, JoinedBy, Link, Phase, ServiceAccountPresence};
use crate::tenant::ServiceAccountMode;
use clients::graph::{GroupReading, ObjectKind};
use clients::http::CallError;
use clients::webex::{Membership, Team, WebexId};
use domain::ids::{ObjectId, PersonId};
use domain::membership::{Role, Side};

/// Reads team, memberships, group and the link's people.
pub(super) async fn observe(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
) -> Result<Observation, SyncError> {
    let tenant = &run.context.tenant;
    let team_id = WebexId::new(link.region.clone(), link.team);
    let space = team_id.general_space();
    let group_id = link.group();
    // The closer their moments, the fewer changes fall between the readings of the two sides.
    let (team, memberships, group, stored) = futures::future::join4(
        deps.webex.team(&run.access.webex, &team_id),
        deps.webex.memberships(&run.access.webex, &space),
        async {
            match group_id {
                Some(group) => deps.graph.read_group(&run.access.graph, group).await.map(Some),
                None => Ok(None),
            }
        },
        link::people(deps.store.as_ref(), tenant.tenant, link.team),
    )
    .await;
    let (team, listing) = match (team?, memberships) {
        // Both kinds of calls must agree. One of them alone can be a replica's mistake.
        (None, Err(error)) if is_not_found(&error) => return Ok(Observation::TeamMissing),
        (team, memberships) => (team, memberships?.into_inner()),
    };
    let team_contradicted = team.is_none().then_some(Side::Team);
    // People sync without a name: the last known one takes its place.
    let team = team.unwrap_or_else(|| Team {
        id: team_id.clone(),
        name: link.title.clone(),
        description: None,
        created: None,
    });
    let mut memberships: BTreeMap<PersonId, Membership> =
        listing.members.into_iter().map(|membership| (membership.person, membership)).collect();
    let mut unreadable: BTreeSet<PersonId> = listing.unreadable.into_iter().collect();
    let (service_account, former) = take_accounts(run, link, &mut memberships, &mut unreadable);
    let mut link = Box::new(Link {
        title: team.name.clone(),
        // While the former account is in the team, the link names it, so that it is removed.
        service_account: match former {
            Some(_) => link.service_account,
            None => service_account,
        },
        ..link.clone()
    });
    let group = match (group_id, group?.flatten()) {
        (Some(group), None) => return Ok(Observation::GroupMissing { group, link }),
        (_, group) => group,
    };
    link.unseen = None;
    let group_contradicted =
        group.as_ref().filter(|group| group.group.is_none()).map(|_| Side::Group);
    let (users, others) = group.as_ref().map(people_of).unwrap_or_default();
    let reading = Box::new(Reading {
        team,
        memberships,
        unreadable,
        service_account,
        former,
        group,
        users,
        others,
        stored: stored?,
        contradicted: team_contradicted.or(group_contradicted),
    });
    Ok(Observation::Complete { reading, link })
}

/// Returns `true` for an answer that says that something does not exist, or is not visible.
pub(super) fn is_not_found(error: &CallError) -> bool {
    matches!(error.status(), Some(404 | 410))
}

/// Takes the service account and the former one out of a listing. Returns the presence of the
/// service account, and the membership of the former one.
fn take_accounts(
    run: &SyncRun<'_>,
    link: &Link,
    memberships: &mut BTreeMap<PersonId, Membership>,
    unreadable: &mut BTreeSet<PersonId>,
) -> (ServiceAccountPresence, Option<Membership>) {
    let account = run.context.tenant.service_account;
    let own = memberships.remove(&account);
    let service_account = match unreadable.remove(&account) {
        // It is there, which is no news.
        true => link.service_account,
        false => presence(run, link, own.as_ref()),
    };
    let former = link.service_account.former_account(account);
    (service_account, former.and_then(|account| memberships.remove(&account)))
}

/// The service account in the team, as its membership shows.
fn presence(
    run: &SyncRun<'_>,
    link: &Link,
    membership: Option<&Membership>,
) -> ServiceAccountPresence {
    let account = run.context.tenant.service_account;
    // A creation stores its request before the account joins, so without one a person added it.
    let by = match (&link.phase, run.context.settings.service_account_mode) {
        (Phase::Creating { request: None }, _) | (_, ServiceAccountMode::Observer) => {
            JoinedBy::Person
        }
        _ => JoinedBy::Itself,
    };
    match membership {
        Some(_) => link.service_account.seen_in_team(account, by),
        None => link.service_account.missing_from_team(account),
    }
}

/// Users of a group with their roles, and members that are not users. Owners come last: a member
/// who is an owner is an owner.
fn people_of(group: &GroupReading) -> (BTreeMap<ObjectId, Role>, BTreeSet<ObjectId>) {
    let (mut users, mut others) = (BTreeMap::new(), BTreeSet::new());
    for (listing, role) in [(&group.members, Role::Member), (&group.owners, Role::Owner)] {
        for object in listing.get() {
            match object.kind {
                ObjectKind::User => _ = users.insert(object.id, role),
                ObjectKind::Other => _ = others.insert(object.id),
            }
        }
    }
    (users, others)
}
