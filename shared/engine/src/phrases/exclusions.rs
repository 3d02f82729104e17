//! Sentences about excluded people.

use domain::membership::ExclusionReason;

/// Words of an exclusion, for an admin.
pub trait ExclusionWords {
    /// Returns the reason.
    fn explanation(self) -> &'static str;
    /// Returns the remedy.
    fn remedy(self) -> &'static str;
}

impl ExclusionWords for ExclusionReason {
    fn explanation(self) -> &'static str {
        match self {
            Self::NotSynchronized => {
                "The Webex account has no externalId, so its Microsoft account is unknown."
            }
            Self::NotSignedIn => "The person has not signed in to Webex yet.",
            Self::Inactive => "The Webex account is not active.",
            Self::OtherOrganization => "The account belongs to another Webex organization.",
            Self::NotAPerson => "This is a bot, a device or a service account.",
            Self::Guest => "The Microsoft account is a guest of the directory.",
            Self::NoEntraUser => {
                "The account's externalId is not the object id of a user of the directory."
            }
            Self::NoWebexAccount => "The Microsoft user has no Webex account in the organization.",
            Self::SharedObjectId => "Two Webex accounts have the same externalId.",
            Self::MovedObjectId => {
                "Another Webex account had this externalId before, and the two accounts' names \
                 differ."
            }
            Self::NamesDiffer => {
                "The Webex account signs in with a name that the Microsoft user does not have."
            }
            Self::NameTaken => "Another Webex account signs in with the Microsoft user's name.",
            Self::NotAUser => "This member of the group is not a user.",
            Self::ServiceAccount => "This is the integration's own account.",
            Self::MembershipUnreadable => {
                "Webex shows that the person is in the team, but not in which role."
            }
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::NotSynchronized => {
                "Synchronize the person from Entra ID, so that the externalId becomes the object \
                 id."
            }
            Self::NotSignedIn => "Ask the person to sign in to Webex once.",
            Self::Inactive => "Activate the account in Control Hub.",
            Self::OtherOrganization
            | Self::NotAPerson
            | Self::Guest
            | Self::NotAUser
            | Self::ServiceAccount => "None is needed: the account is left as it is on its side.",
            Self::NoEntraUser => {
                "Correct the externalId: it must be the object id of the person's user in Entra \
                 ID."
            }
            Self::NoWebexAccount => "Synchronize the person to Webex from Entra ID.",
            Self::SharedObjectId => "Correct the externalId of the wrong account.",
            Self::MembershipUnreadable => {
                "None is needed: the person is synced again as soon as Webex shows the role."
            }
            Self::NameTaken => {
                "Write the externalId to the account with that name, and remove it from this one."
            }
            Self::MovedObjectId | Self::NamesDiffer => {
                "Confirm in the setup pages that both are the same person, or correct the \
                 externalId."
            }
        }
    }
}
