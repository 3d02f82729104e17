//! Finds obstacles to an adoption.

use crate::codes::{AdoptionBlocker, FailureKind};
use crate::link::{Claim, Link, Phase, SyncFailure};
use crate::tenant::Tenant;
use clients::graph::Group;
use clients::webex::Room;
use domain::ids::TenantId;

impl AdoptionBlocker {
    /// Returns the obstacle in the group's own properties.
    pub fn of_group(group: &Group) -> Option<Self> {
        let is_of = |kind: &str| group.group_types.iter().any(|one| one.eq_ignore_ascii_case(kind));
        match group {
            _ if !is_of("Unified") => Some(Self::NotUnified),
            // A rule decides who is in it, so Graph refuses every change of members.
            _ if is_of("DynamicMembership") => Some(Self::Dynamic),
            // Graph refuses changes of it: Active Directory has the members.
            Group { is_on_premises_synced: Some(true), .. } => Some(Self::OnPremises),
            // A team's moderator could otherwise hand out roles of the directory.
            Group { is_assignable_to_role: Some(true), .. } => Some(Self::RoleAssignable),
            Group { visibility: Some(hidden), .. }
                // In the team, everyone would see who is in it.
                if hidden.eq_ignore_ascii_case("HiddenMembership") =>
            {
                Some(Self::HiddenMembership)
            }
            _ => None,
        }
    }

    /// Returns the obstacle that a claim on the group is to a team of this tenant.
    pub fn of_claim(tenant: TenantId, claim: &Claim) -> Self {
        if claim.tenant == tenant { Self::GroupHasTeam } else { Self::GroupElsewhere }
    }

    /// Returns the obstacle in the team's link. A link that has ended, or that waits without a
    /// group, is none.
    pub fn of_link(link: &Link) -> Option<Self> {
        let failure = link.failure.as_ref().map(SyncFailure::kind);
        match (&link.phase, failure) {
            // A question that is still open has no group that could be lost.
            (Phase::Ended { .. } | Phase::Asked { .. }, _) => None,
            (Phase::Linked { .. }, _) => Some(Self::TeamHasGroup),
            // The group with the team's unique name is not ours: none was created.
            (Phase::Creating { .. }, Some(FailureKind::GroupNotOurs)) => None,
            (
                Phase::Creating { request: None },
                Some(FailureKind::NoOwner | FailureKind::CreationRestricted),
            ) => None,
            (Phase::Creating { .. }, _) => Some(Self::GroupBeingCreated),
        }
    }

    /// Returns the obstacle in the team's General space.
    pub(crate) fn of_space(tenant: &Tenant, space: Option<&Room>) -> Option<Self> {
        match space {
            None => Some(Self::TeamMissing),
            Some(space) if space.owner != Some(tenant.org) => Some(Self::TeamInOtherOrganization),
            // An archived space takes no members, so no sync could ever end.
            Some(space) if space.is_read_only => Some(Self::TeamArchived),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::codes::FailureReason;
    use crate::link::{CreationRequest, Ended};
    use clients::graph::NewGroup;
    use domain::ids::{GroupId, TeamId};

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
    fn groups_that_cannot_sync_say_why() {
        use AdoptionBlocker::{Dynamic, HiddenMembership, NotUnified, OnPremises, RoleAssignable};
        let unified = || group(&["Unified"]);
        let hidden = Some("Hiddenmembership".into());
        for (group, blocker) in [
            (unified(), None),
            (group(&["unified"]), None),
            (group(&[]), Some(NotUnified)),
            (group(&["DynamicMembership"]), Some(NotUnified)),
            (group(&["DynamicMembership", "Unified"]), Some(Dynamic)),
            (Group { is_on_premises_synced: Some(true), ..unified() }, Some(OnPremises)),
            (Group { is_on_premises_synced: Some(false), ..unified() }, None),
            (Group { is_assignable_to_role: Some(true), ..unified() }, Some(RoleAssignable)),
            (Group { visibility: hidden, ..unified() }, Some(HiddenMembership)),
            (Group { visibility: None, ..unified() }, None),
        ] {
            assert_eq!(AdoptionBlocker::of_group(&group), blocker, "{group:?}");
        }
    }

    #[test]
    fn only_ended_or_groupless_links_give_way() {
        let now = "2026-11-23T08:00:00Z".parse().unwrap();
        let new_group = NewGroup {
            display_name: "Sales".into(),
            mail_nickname: "sales".into(),
            description: None,
            owners: vec![],
            members: vec![],
        };
        let sent =
            Some(CreationRequest { group: new_group, at: now, first_at: None, corrections: 0 });
        let link = |phase, failure: Option<FailureReason>| Link {
            failure: failure.map(|reason| SyncFailure { reason, since: now, tries: 1 }),
            ..Link::new(TeamId(Uuid::from_u128(2)), Default::default(), String::new(), phase)
        };
        let creating = |request: &Option<CreationRequest>, failure| {
            link(Phase::Creating { request: request.clone() }, failure)
        };
        let linked = |failure| link(Phase::Linked { group: GroupId(Uuid::from_u128(3)) }, failure);
        let call_failed = FailureReason::CallFailed { said: String::new() };
        let being_created = Some(AdoptionBlocker::GroupBeingCreated);
        let has_group = Some(AdoptionBlocker::TeamHasGroup);
        for (link, blocker) in [
            (link(Phase::ended(Ended::Declined), None), None),
            (link(Phase::Asked { card: None }, Some(FailureReason::NoModerator)), None),
            (linked(None), has_group),
            (linked(Some(FailureReason::GroupMissing)), has_group),
            (creating(&None, None), being_created),
            (creating(&None, Some(call_failed)), being_created),
            (creating(&None, Some(FailureReason::NoOwner)), None),
            (creating(&None, Some(FailureReason::CreationRestricted)), None),
            (creating(&sent, Some(FailureReason::NoOwner)), being_created),
            (creating(&sent, Some(FailureReason::GroupNotOurs)), None),
        ] {
            let found = AdoptionBlocker::of_link(&link);
            assert_eq!(found, blocker, "{:?} {:?}", link.phase, link.failure);
        }
    }
}
