//! Reading both sides as they are, at the same time, and saying who stands where.

use std::collections::{BTreeMap, BTreeSet};

use super::look::{End, Look};
use super::{Sync, SyncError};
use crate::link::{self, Ended, OfficerPlace, OnLink, Phase, PutThere, State, TroubleKind, Who};
use crate::safety::removal_counter::{self, Leave};
use crate::tenant::settings::{GroupDeleted, OfficerStanding, TeamDeleted};
use clients::graph::{GroupReading, ObjectKind};
use clients::webex::{Membership, MembershipId, Role, Team, WebexId};
use domain::ids::{GroupId, ObjectId, PersonId};
use domain::membership::{Person, Side, Sides, Standing};
use jiff::SignedDuration;
use store::table::Query;

/// Both sides as read, and what is stored.
pub(super) struct Reading {
    pub(super) team: Team,
    /// Everybody in the team but the officer, and whoever stepped in as such before.
    pub(super) memberships: BTreeMap<PersonId, Membership>,
    /// Where the officer stands.
    pub(super) place: OfficerPlace,
    /// An account that stepped in when it was the officer.
    pub(super) former: Option<Membership>,
    /// The group and its people; `None` where it is about to be created.
    pub(super) group: Option<GroupReading>,
    /// Users of the group, by what they are there.
    pub(super) users: BTreeMap<ObjectId, Standing>,
    /// Members of the group that are no users.
    pub(super) others: BTreeSet<ObjectId>,
    pub(super) stored: BTreeMap<Who, OnLink>,
}

/// What a reading showed.
pub(super) enum Sight {
    /// Both sides, whole.
    Clear(Box<Reading>),
    /// The team does not answer.
    NoTeam,
    /// The group does not answer.
    NoGroup(GroupId),
}

impl Reading {
    /// What a person is read to be on both sides.
    pub(super) fn of(&self, person: Person) -> Sides<Standing> {
        Sides::each(|side| match side {
            Side::Team => self.memberships.get(&person.person).map_or(Standing::Absent, standing_of),
            Side::Group => self.users.get(&person.object).copied().unwrap_or_default(),
        })
    }

    pub(super) fn membership(&self, person: PersonId) -> Option<&MembershipId> {
        self.memberships.get(&person).map(|membership| &membership.id)
    }
}

/// What a membership makes of its person.
pub(super) fn standing_of(membership: &Membership) -> Standing {
    match membership.role {
        Role::Moderator => Standing::Owner,
        Role::Member => Standing::Member,
    }
}

impl Sync {
    /// Reads team, roster, group and the link's people, all at the same time.
    pub(super) async fn read(&self, look: &mut Look<'_>) -> Result<Sight, SyncError> {
        let (tenant, team) = (&look.desk.tenant, WebexId::new(look.link.region.clone(), look.link.team));
        let space = team.general_space();
        let group_id = look.link.group();
        let (named, roster, group, stored) = futures::future::join4(
            self.webex.team(&look.calls.webex, &team),
            self.webex.memberships(&look.calls.webex, &space),
            async {
                match group_id {
                    Some(group) => self.graph.read_group(&look.calls.graph, group).await.map(Some),
                    None => Ok(None),
                }
            },
            link::people(self.store.as_ref(), tenant.tenant, look.link.team),
        )
        .await;
        let Some(named) = named? else { return Ok(Sight::NoTeam) };
        look.link.title.clone_from(&named.name);
        let mut memberships: BTreeMap<PersonId, Membership> =
            roster?.into_inner().into_iter().map(|membership| (membership.person, membership)).collect();
        let officer = memberships.remove(&tenant.officer);
        let former = look.link.officer.former(tenant.officer).and_then(|account| memberships.remove(&account));
        // The first thing that is stored of a link's creation is stored before the officer steps in.
        let by = match (&look.link.phase, look.desk.settings.standing) {
            (Phase::Creating { request: None }, _) | (_, OfficerStanding::Outside) => PutThere::Somebody,
            _ => PutThere::Itself,
        };
        let place = match officer {
            Some(_) => look.link.officer.there(tenant.officer, by),
            None => look.link.officer.not_there(tenant.officer),
        };
        if former.is_none() {
            look.link.officer = place;
        }
        let group = match (group_id, group?.flatten()) {
            (Some(group), None) => return Ok(Sight::NoGroup(group)),
            (_, group) => group,
        };
        let (mut users, mut others) = (BTreeMap::new(), BTreeSet::new());
        if let Some(group) = &group {
            for (listing, standing) in [(&group.members, Standing::Member), (&group.owners, Standing::Owner)] {
                for object in listing.get() {
                    match object.kind {
                        ObjectKind::User => _ = users.insert(object.id, standing),
                        ObjectKind::Other => _ = others.insert(object.id),
                    }
                }
            }
        }
        Ok(Sight::Clear(Box::new(Reading {
            team: named,
            memberships,
            place,
            former,
            group,
            users,
            others,
            stored: stored?,
        })))
    }

    /// The team does not answer. It counts as deleted only while another team of the tenant still answers, and only when it has been so for a while.
    pub(super) async fn team_is_missing(&self, look: &mut Look<'_>) -> Result<End, SyncError> {
        let reason = "The team cannot be seen.".to_owned();
        let trouble = End::Trouble { kind: TroubleKind::TeamMissing, reason };
        if !has_lasted(look, TroubleKind::TeamMissing) {
            return Ok(trouble);
        }
        let goes_with_team = look.desk.settings.on_team_deleted == TeamDeleted::DeleteGroup;
        let deletable = look.link.group_of_our_making().filter(|_| goes_with_team);
        let query = Query::Listed { pk: link::listing(look.desk.tenant.tenant, State::Active), prefix: String::new() };
        for item in self.store.query(&query, 3, None).await?.items {
            let Some(team) = store::table::Key::of(&item).and_then(|key| key.sk.parse().ok()) else { continue };
            let Some(other) =
                self.kept(look.desk.tenant.tenant, team).await?.filter(|other| other.link.team != look.link.team)
            else {
                continue;
            };
            if self.webex.team(&look.calls.webex, &WebexId::new(other.link.region, team)).await?.is_some() {
                if let Some(group) = deletable {
                    if removal_counter::group_is_gone(self.store.as_ref(), look.desk.tenant.tenant, look.started)
                        .await?
                        == Leave::Refused
                    {
                        let reason = "Several teams were deleted within a day: their groups stay until an administrator looks into it.";
                        return Ok(End::Trouble { kind: TroubleKind::TeamMissing, reason: reason.into() });
                    }
                    self.graph.delete_group(&look.calls.graph, group).await?;
                    look.report.note("The team was deleted, and its group with it: it can be restored for 30 days.");
                } else {
                    look.report.note("The team was deleted: the link is over, the group stays.");
                }
                end(look, Ended::TeamDeleted);
                return Ok(End::Looked { due: None });
            }
        }
        Ok(trouble)
    }

    /// The group does not answer. A young one is waited for; a deleted one is restored once; one that is gone for good ends the link.
    pub(super) async fn group_is_missing(&self, look: &mut Look<'_>, group: GroupId) -> Result<End, SyncError> {
        let (tenant, now) = (look.desk.tenant.tenant, self.clock.now());
        if look.link.group_is_young(now) && look.link.trouble.is_none() {
            return Ok(End::Wait { until: now + SignedDuration::from_secs(15) });
        }
        let missing = |reason: &str| End::Trouble { kind: TroubleKind::GroupMissing, reason: reason.into() };
        let is_deleted = self.graph.deleted_group(&look.calls.graph, group).await?.is_some();
        let restored_lately =
            look.link.restored_at.is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(30 * 24));
        if !is_deleted && !has_lasted(look, TroubleKind::GroupMissing) {
            return Ok(missing("The group cannot be seen, and is not among the deleted ones."));
        }
        if removal_counter::group_is_gone(self.store.as_ref(), tenant, now).await? == Leave::Refused {
            return Ok(missing(
                "Several groups of the directory were deleted within a day: nothing is done until an administrator looks into it.",
            ));
        }
        let stays_deleted = look.desk.settings.on_group_deleted == GroupDeleted::EndLink;
        if !is_deleted || restored_lately || stays_deleted {
            look.report.note("The group was deleted: the link is over.");
            end(look, Ended::GroupDeleted);
            return Ok(End::Looked { due: None });
        }
        self.graph.restore_group(&look.calls.graph, group).await?;
        look.report.note("The group was deleted although its team lives: it was restored.");
        (look.link.restored_at, look.link.group_since, look.link.trouble) = (Some(now), Some(now), None);
        Ok(End::Wait { until: now + SignedDuration::from_secs(30) })
    }
}

/// The link is over, and whatever is left of its group can be connected again.
fn end(look: &mut Look<'_>, why: Ended) {
    look.report.further.extend(look.link.group().map(|group| link::release(look.desk.tenant.directory, group)));
    look.link.phase = Phase::Ended { why };
}

fn has_lasted(look: &Look<'_>, kind: TroubleKind) -> bool {
    let trouble = look.link.trouble.as_ref().filter(|trouble| trouble.kind == kind);
    trouble.is_some_and(|trouble| look.started.duration_since(trouble.since) >= domain::merge::RECENT)
}
