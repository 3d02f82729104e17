//! Obstacles to an adoption.

/// The reason why a team cannot adopt a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptionBlocker {
    /// The team has a group.
    TeamHasGroup,
    /// A group is being created for the team.
    GroupBeingCreated,
    /// The team is archived.
    TeamArchived,
    /// Another organization owns the team, or the owner is unknown.
    TeamInOtherOrganization,
    /// Webex does not show the team.
    TeamMissing,
    /// A team of this tenant has the group.
    GroupHasTeam,
    /// A team of another tenant has the group.
    GroupElsewhere,
    /// It is not a Microsoft 365 group.
    NotUnified,
    /// The group's members follow a rule.
    Dynamic,
    /// An on-premises directory masters the group.
    OnPremises,
    /// Directory roles can be assigned to the group.
    RoleAssignable,
    /// The group's membership is hidden.
    HiddenMembership,
    /// The group was deleted and can be restored.
    GroupDeleted,
    /// The directory does not show the group.
    GroupMissing,
    /// The tenant has disconnected.
    Disconnected,
    /// A service throttles the tenant.
    Throttled,
}
