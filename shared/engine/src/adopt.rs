//! Connecting a group that was there before to a team that has none: what is in the way, what would be done, and the link.
//!
//! # Guarantees
//! * Nothing is written outside: the first look carries the union, and with nothing agreed yet it can only add.
//! * A group is connected once, and a team to one group, whatever two administrators do at the same moment: the link and the group's [`Claim`] are written together, on
//!   condition that neither was there.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::activity::Activity;
use crate::backfill::candidate;
use crate::link::{self, Claim, Closing, GroupOrigin, Kept, Link, OfficerPlace, Phase, TroubleKind};
use crate::preview::Preview;
use crate::tenant::Tenant;
use clients::graph::Group;
use clients::webex::{Room, WebexId};
use domain::ids::{GroupId, ObjectId, TeamId, TenantId};
use domain::merge::Names;
use store::message::Cause;
use store::table::{Key, Store, StoreError, Write, from_item};

/// For how long a link that waits is held for it.
const CONNECTED_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// Why a group cannot be connected to a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The team has a group.
    TeamHasGroup,
    /// A group is being created for the team.
    GroupBeingCreated,
    /// The team is archived.
    TeamArchived,
    /// Another organization owns the team, or nobody can tell which does.
    TeamOfAnotherOrganization,
    /// Webex does not show the team.
    TeamMissing,
    /// A team of this tenant has the group.
    GroupHasTeam,
    /// A team of another tenant has it.
    GroupElsewhere,
    /// It is no Microsoft 365 group.
    NotUnified,
    /// Its members follow a rule.
    Dynamic,
    /// It is mastered by a directory on premises.
    OnPremises,
    /// Roles of the directory can be given to it.
    RoleAssignable,
    /// Nobody is told who is in it.
    HiddenMembership,
    /// It was deleted, and can be restored.
    GroupDeleted,
    /// The directory does not show it.
    GroupMissing,
    /// The tenant has disconnected.
    Disconnected,
    /// One of the services wants to be left alone for a while.
    Pausing,
}

impl Hindrance {
    /// Why, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::TeamHasGroup => "The team has a group already.",
            Self::GroupBeingCreated => "A group is just being created for the team.",
            Self::TeamArchived => "The team is archived.",
            Self::TeamOfAnotherOrganization => "The team belongs to another organization.",
            Self::TeamMissing => "Webex does not show the team.",
            Self::GroupHasTeam => "It is linked to another team.",
            Self::GroupElsewhere => "It is linked to a team of another organization.",
            Self::NotUnified => "It is not a Microsoft 365 group.",
            Self::Dynamic => "Its members follow a rule (dynamic membership), so nobody can be added or removed.",
            Self::OnPremises => "It is synchronized from a directory on premises, so it cannot be changed here.",
            Self::RoleAssignable => "Roles of the directory can be assigned to it, so its members are protected.",
            Self::HiddenMembership => "Its membership is hidden, so nobody is told who is in it.",
            Self::GroupDeleted => "It was deleted. Restore it first.",
            Self::GroupMissing => "There is no such group in your directory.",
            Self::Disconnected => "The organization is not connected any more.",
            Self::Pausing => "Webex or Microsoft asked for a pause. Try again in some minutes.",
        }
    }

    /// What a group itself has in the way.
    pub fn of_group(group: &Group) -> Option<Self> {
        let is_of = |kind: &str| group.group_types.iter().any(|one| one.eq_ignore_ascii_case(kind));
        match group {
            _ if !is_of("Unified") => Some(Self::NotUnified),
            _ if is_of("DynamicMembership") => Some(Self::Dynamic),
            Group { is_on_premises_synced: Some(true), .. } => Some(Self::OnPremises),
            Group { is_assignable_to_role: Some(true), .. } => Some(Self::RoleAssignable),
            Group { visibility: Some(hidden), .. } if hidden.eq_ignore_ascii_case("HiddenMembership") => {
                Some(Self::HiddenMembership)
            }
            _ => None,
        }
    }

    /// What a group's claim has in the way of connecting it to a team of this tenant.
    pub fn of_claim(tenant: TenantId, claim: &Claim) -> Self {
        if claim.tenant == tenant { Self::GroupHasTeam } else { Self::GroupElsewhere }
    }

    /// What the link of a team has in the way: whatever is over gives way, and so does what waits without a group.
    pub fn of_link(link: &Link) -> Option<Self> {
        let waits_for = link.trouble.as_ref().map(|trouble| trouble.kind);
        match (&link.phase, waits_for) {
            (Phase::Ended { .. } | Phase::Asked { .. }, _) => None,
            (Phase::Linked { .. }, _) => Some(Self::TeamHasGroup),
            // The group that has the team's name is not ours: none was made.
            (Phase::Creating { .. }, Some(TroubleKind::SomebodyElsesGroup)) => None,
            (Phase::Creating { request: None }, Some(TroubleKind::NoOwner | TroubleKind::CreationRestricted)) => None,
            (Phase::Creating { .. }, _) => Some(Self::GroupBeingCreated),
        }
    }

    /// What a team's General space has in the way.
    pub(crate) fn of_space(tenant: &Tenant, space: Option<&Room>) -> Option<Self> {
        match space {
            None => Some(Self::TeamMissing),
            Some(space) if space.owner != Some(tenant.org) => Some(Self::TeamOfAnotherOrganization),
            Some(space) if space.is_read_only => Some(Self::TeamArchived),
            Some(_) => None,
        }
    }
}

/// A team to which a group may be connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The team.
    pub team: WebexId<TeamId>,
    /// Its title as last read.
    pub title: String,
    /// Its link, if it has or had one.
    pub before: Option<Kept>,
}

impl Candidate {
    /// A team that has a link or was found; `None` for any other.
    ///
    /// # Errors
    /// The table's.
    pub async fn load(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<Option<Self>, StoreError> {
        let (link_key, found_key) = (link::key(tenant, team), candidate::key(tenant, team));
        let (mut before, mut found) = (None, None);
        for item in store.get_many(&[link_key.clone(), found_key]).await? {
            if Key::of(&item).as_ref() == Some(&link_key) {
                before = Some(from_item::<Kept>(item)?);
            } else {
                found = Some(from_item::<candidate::Found>(item)?);
            }
        }
        let of_link = before.as_ref().map(|kept| (kept.link.region.clone(), kept.link.title.clone()));
        let named = of_link.or_else(|| found.map(|found| (found.region, found.title)));
        Ok(named.map(|(region, title)| Self { team: WebexId::new(region, team), title, before }))
    }

    /// Why no group can be connected to it.
    pub fn hindrance(&self) -> Option<Hindrance> {
        self.before.as_ref().and_then(|before| Hindrance::of_link(&before.link))
    }

    /// The link that the team would have.
    pub(crate) fn link(&self, group: GroupId) -> Link {
        link_after(self.before.as_ref().map(|kept| &kept.link), &self.team, self.title.clone(), group)
    }
}

/// What stays of the link before: who was told what, where the officer stands, and who was asked.
fn link_after(before: Option<&Link>, team: &WebexId<TeamId>, title: String, group: GroupId) -> Link {
    let link = Link::new(team.id, team.region.clone(), title, Phase::Linked { group });
    let link = Link { names: Some(Names::nothing_agreed()), origin: GroupOrigin::Connected, ..link };
    match before {
        None => link,
        Some(before) => Link { officer: before.officer, notices: before.notices.clone(), asked: before.asked, ..link },
    }
}

/// What connecting would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Union {
    /// The team.
    pub team: WebexId<TeamId>,
    /// Its title.
    pub title: String,
    /// The group.
    pub group: Group,
    /// Who owns the group, as the directory says at this moment.
    pub owners: BTreeSet<ObjectId>,
    /// What the first look would do. It removes nobody.
    pub preview: Preview,
    /// Where the officer stands in the team.
    pub(crate) officer: OfficerPlace,
}

impl Union {
    /// What an administrator confirms that he saw: it differs as soon as anything else would be done.
    pub fn hash(&self) -> String {
        let Self { team, title, group, owners: _, preview, officer: _ } = self;
        let shown = format!("{} {title:?} {} {:?} {}", team.id, group.id, group.display_name, preview.hash());
        Sha256::digest(shown).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether everybody is known: as long as not, further people may turn out to be added.
    pub fn is_whole(&self) -> bool {
        self.preview.unresolved == 0
    }
}

/// What became of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// They are linked: by this, or by the same wish before.
    Linked,
    /// A look is under way: try again when it is through.
    Busy,
    /// Something is in the way that was not when it was shown.
    Hindered(Hindrance),
}

/// Links the group to the team: from now on looks keep both as one. `words` are kept as what was done.
///
/// # Errors
/// The table's.
pub async fn connect(
    store: &dyn Store,
    tenant: &Tenant,
    union: &Union,
    words: String,
    now: Timestamp,
) -> Result<Connected, StoreError> {
    let wish = Wish { store, tenant, union, words, now };
    let Some(candidate) = Candidate::load(store, tenant.tenant, union.team.id).await? else {
        return Ok(Connected::Hindered(Hindrance::TeamMissing));
    };
    let written = match &candidate.before {
        Some(before) if before.link.group() == Some(union.group.id) => return Ok(Connected::Linked),
        Some(before) if !matches!(before.link.phase, Phase::Ended { .. }) => wish.instead_of_waiting().await,
        before => wish.anew(before.as_ref()).await,
    };
    match written {
        Err(StoreError::ConditionFailed) => wish.what_is_in_the_way().await,
        written => written,
    }
}

struct Wish<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    union: &'a Union,
    words: String,
    now: Timestamp,
}

impl Wish<'_> {
    fn link(&self, before: Option<&Link>) -> Link {
        let link = link_after(before, &self.union.team, self.union.title.clone(), self.union.group.id);
        Link { officer: self.union.officer, ..link }
    }

    fn claim_and_activity(&self) -> Result<Vec<Write>, StoreError> {
        let team = &self.union.team;
        let claim = Claim { tenant: self.tenant.tenant, team: team.id, region: team.region.clone() };
        let activity = Activity { notes: vec![self.words.clone()], ..Activity::new(self.now, Cause::Administrator) };
        let mut writes = activity.puts(self.tenant.tenant, team.id)?;
        writes.push(claim.put(self.tenant.directory, self.union.group.id)?);
        Ok(writes)
    }

    /// The team has no link, or one that is over.
    async fn anew(&self, before: Option<&Kept>) -> Result<Connected, StoreError> {
        let link = self.link(before.map(|kept| &kept.link));
        let made = link::creation_after(self.store, self.tenant.tenant, (before, &link), self.now).await?;
        let mut writes = self.claim_and_activity()?;
        writes.push(made);
        self.store.write(writes).await?;
        Ok(Connected::Linked)
    }

    /// The team's link waits without a group. Whoever looks at it at this moment goes first.
    async fn instead_of_waiting(&self) -> Result<Connected, StoreError> {
        let (store, tenant, team, now) = (self.store, self.tenant.tenant, self.union.team.id, self.now);
        let Some((lease, kept)) = link::take_lease(store, tenant, team, now, now + CONNECTED_WITHIN).await? else {
            return Ok(Connected::Busy);
        };
        let closing = |next_look| Closing {
            looked: kept.looked,
            wanted: kept.wanted,
            hinted: kept.hinted,
            next_look,
            delayed: None,
        };
        let hindrance = Hindrance::of_link(&kept.link);
        if hindrance.is_none() {
            link::forget_people(store, tenant, team).await?;
            let link = self.link(Some(&kept.link));
            let writes = self.claim_and_activity()?;
            match lease.give_back(store, (tenant, &link), closing(now), (writes, now)).await {
                Err(StoreError::ConditionFailed) => {}
                written => return written.map(|()| Connected::Linked),
            }
        }
        lease.give_back(store, (tenant, &kept.link), closing(kept.next_look), (vec![], now)).await?;
        hindrance.map_or(Err(StoreError::ConditionFailed), |hindrance| Ok(Connected::Hindered(hindrance)))
    }

    /// Says why it could not be written, as things stand now.
    async fn what_is_in_the_way(&self) -> Result<Connected, StoreError> {
        let (tenant, team, group) = (self.tenant.tenant, self.union.team.id, self.union.group.id);
        let claims = link::claims(self.store, self.tenant.directory, [group]).await?;
        let candidate = Candidate::load(self.store, tenant, team).await?;
        Ok(match (claims.get(&group), candidate.and_then(|candidate| candidate.hindrance())) {
            (Some(claim), _) if claim.tenant == tenant && claim.team == team => Connected::Linked,
            (Some(claim), _) => Connected::Hindered(Hindrance::of_claim(tenant, claim)),
            (None, Some(hindrance)) => Connected::Hindered(hindrance),
            (None, None) => Connected::Busy,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::link::{Ended, Request, Trouble};
    use clients::graph::NewGroup;

    fn group(types: &[&str]) -> Group {
        Group {
            id: GroupId(Uuid::from_u128(1)),
            display_name: "Sales".into(),
            mail_nickname: "sales".into(),
            mail: None,
            created: None,
            expires: None,
            group_types: types.iter().map(|one| (*one).into()).collect(),
            is_on_premises_synced: None,
            is_assignable_to_role: Some(false),
            visibility: Some("Private".into()),
        }
    }

    #[test]
    fn a_group_that_could_not_be_kept_as_one_says_why() {
        let unified = || group(&["Unified"]);
        for (group, hindrance) in [
            (unified(), None),
            (group(&["unified"]), None),
            (group(&[]), Some(Hindrance::NotUnified)),
            (group(&["DynamicMembership"]), Some(Hindrance::NotUnified)),
            (group(&["DynamicMembership", "Unified"]), Some(Hindrance::Dynamic)),
            (Group { is_on_premises_synced: Some(true), ..unified() }, Some(Hindrance::OnPremises)),
            (Group { is_on_premises_synced: Some(false), ..unified() }, None),
            (Group { is_assignable_to_role: Some(true), ..unified() }, Some(Hindrance::RoleAssignable)),
            (Group { visibility: Some("Hiddenmembership".into()), ..unified() }, Some(Hindrance::HiddenMembership)),
            (Group { visibility: None, ..unified() }, None),
        ] {
            assert_eq!(Hindrance::of_group(&group), hindrance, "{group:?}");
        }
    }

    #[test]
    fn only_a_link_that_is_over_or_waits_without_a_group_gives_way() {
        let now = "2026-11-23T08:00:00Z".parse().unwrap();
        let sent = Some(Request {
            group: NewGroup {
                display_name: "Sales".into(),
                mail_nickname: "sales".into(),
                description: None,
                owners: vec![],
                members: vec![],
            },
            at: now,
            corrections: 0,
        });
        let link = |phase, trouble: Option<TroubleKind>| Link {
            trouble: trouble.map(|kind| Trouble { reason: String::new(), kind, since: now, tries: 1 }),
            ..Link::new(TeamId(Uuid::from_u128(2)), Default::default(), String::new(), phase)
        };
        let creating = |request: &Option<Request>, trouble| link(Phase::Creating { request: request.clone() }, trouble);
        let being_created = Some(Hindrance::GroupBeingCreated);
        for (link, hindrance) in [
            (link(Phase::Ended { why: Ended::NotWanted }, None), None),
            (link(Phase::Asked { card: None }, Some(TroubleKind::NoOwner)), None),
            (link(Phase::Linked { group: GroupId(Uuid::from_u128(3)) }, None), Some(Hindrance::TeamHasGroup)),
            (
                link(Phase::Linked { group: GroupId(Uuid::from_u128(3)) }, Some(TroubleKind::GroupMissing)),
                Some(Hindrance::TeamHasGroup),
            ),
            (creating(&None, None), being_created),
            (creating(&None, Some(TroubleKind::CallFailed)), being_created),
            (creating(&None, Some(TroubleKind::NoOwner)), None),
            (creating(&None, Some(TroubleKind::CreationRestricted)), None),
            (creating(&sent, Some(TroubleKind::NoOwner)), being_created),
            (creating(&sent, Some(TroubleKind::SomebodyElsesGroup)), None),
        ] {
            assert_eq!(Hindrance::of_link(&link), hindrance, "{:?} {:?}", link.phase, link.trouble);
        }
    }
}
