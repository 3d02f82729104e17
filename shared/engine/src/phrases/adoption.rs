//! Sentences about obstacles to an adoption.

use crate::codes::AdoptionBlocker;

impl AdoptionBlocker {
    /// Returns the sentence that says why a team cannot adopt a group.
    pub fn words(self) -> &'static str {
        use AdoptionBlocker as B;
        match self {
            B::TeamHasGroup => "The team already has a group.",
            B::GroupBeingCreated => "A group is being created for the team.",
            B::TeamArchived => "The team is archived.",
            B::TeamInOtherOrganization => "The team belongs to another organization.",
            B::TeamMissing => "Webex does not show the team.",
            B::GroupHasTeam => "It is linked to another team.",
            B::GroupElsewhere => "It is linked to a team of another organization.",
            B::NotUnified => "It is not a Microsoft 365 group.",
            B::Dynamic => {
                "Its members follow a rule (dynamic membership), so people can't be added or \
                 removed."
            }
            B::OnPremises => {
                "It is synchronized from an on-premises directory, so it can't be changed here."
            }
            B::RoleAssignable => {
                "Directory roles can be assigned to it, so its members are protected."
            }
            B::HiddenMembership => "Its membership is hidden, so its members can't be read.",
            B::GroupDeleted => "It was deleted. Restore it first.",
            B::GroupMissing => "There is no such group in your directory.",
            B::Disconnected => "The organization is no longer connected.",
            B::Throttled => "Webex or Microsoft asked for a pause. Try again in a few minutes.",
        }
    }
}
