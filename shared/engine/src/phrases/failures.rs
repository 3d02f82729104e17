//! Sentences about failures and suspensions.

use crate::codes::{FailureReason, StuckStep, SuspensionReason};
use domain::membership::{Role, Side};
use domain::merge::PersonFailure;

/// Returns the reason of a sync failure.
pub fn failure(reason: &FailureReason) -> String {
    match reason {
        FailureReason::CallFailed { said } | FailureReason::NeedsAdministrator { said } => {
            return said.clone();
        }
        FailureReason::NoProgress { first, left, said } => {
            return no_progress(first.as_ref(), *left, said.as_deref());
        }
        FailureReason::NoModerator => "The team has no moderator who could be asked.",
        FailureReason::CardNotShown => {
            "Webex accepted the question to the creator, but does not show it."
        }
        FailureReason::NoOwner => {
            "No moderator of the team is eligible, and there is no owner of last resort. A group \
             without an owner gets no site."
        }
        FailureReason::TeamMissing => {
            "The team is not visible. After three hours its link ends, until the team is back."
        }
        FailureReason::TeamContradicted => {
            "Webex lists the team's people, but does not find the team. People are synced, its \
             name is not. Is the service account still in the team?"
        }
        FailureReason::ManyTeamsDeleted => {
            "Several teams were deleted within a day. Their groups stay until an administrator \
             checks."
        }
        FailureReason::GroupMissing => {
            "The group is not visible. After three hours its link ends, until the group is back."
        }
        FailureReason::GroupNotShown => {
            "Microsoft 365 accepted the group, but does not show it. It is tried again."
        }
        FailureReason::GroupContradicted => {
            "Microsoft 365 lists the group's people, but does not find the group. People are \
             synced, its name is not."
        }
        FailureReason::ManyGroupsDeleted => {
            "Several groups of the directory were deleted within a day. Nothing is done until an \
             administrator checks."
        }
        FailureReason::GroupNotOurs => {
            "Another group already has the name that is unique to this team."
        }
        FailureReason::CreationRestricted => {
            "The directory's settings do not let users create groups (EnableGroupCreation)."
        }
        FailureReason::Archived => "The team is archived. Its link is paused.",
    }
    .into()
}

/// Says which change is stuck, what the service said, and what happens next.
fn no_progress(first: Option<&StuckStep>, left: usize, said: Option<&str>) -> String {
    let step = match first {
        None => "People could not be looked up.".to_owned(),
        Some(StuckStep { person, side, to }) => {
            let place = match side {
                Side::Team => "in the Webex team",
                Side::Group => "in the Microsoft 365 group",
            };
            let change = match to {
                Role::None => "removed",
                Role::Member => "made a member",
                Role::Owner => "made an owner",
            };
            format!("The Microsoft 365 user {} could not be {change} {place}.", person.object)
        }
    };
    let said = said.map(|said| format!(" The service said: {said}.")).unwrap_or_default();
    let others = match left {
        0 | 1 => String::new(),
        _ => format!(" {} more changes wait.", left - 1),
    };
    format!("{step}{said}{others} It is tried again, at the latest after an hour.")
}

/// Returns the cause that keeps one person out of sync.
pub fn person_failure(failure: &PersonFailure) -> String {
    match failure {
        PersonFailure::Refused { side, said } => {
            format!("The {side} refused it: {said}. It is retried every day.")
        }
        PersonFailure::WriteLost { side } => format!(
            "The {side} accepted this change several times but never made it. It is retried every \
             day."
        ),
        PersonFailure::NoAnswer { side } => format!(
            "The {side} has not answered this change clearly for half an hour. It is retried \
             every hour."
        ),
        PersonFailure::NotListed { side } => format!(
            "The list of the {side} has lacked this person for half an hour, but the {side} does \
             not confirm it when asked. Nothing is changed."
        ),
    }
}

/// Returns what an administrator can do about a person who is not in sync.
pub(crate) fn remedy(failure: &PersonFailure) -> &'static str {
    match failure {
        PersonFailure::Refused { .. } => {
            "To try it sooner, end the cause and choose “Sync now” on the team's page."
        }
        PersonFailure::WriteLost { .. } => {
            "Make the change there yourself, or give its request id to the service's support: the \
             team's page has it."
        }
        PersonFailure::NoAnswer { .. } | PersonFailure::NotListed { .. } => {
            "If this lasts, look at the service's status page."
        }
    }
}

/// Returns what happened to a suspended tenant, and what to do.
pub fn suspension(reason: SuspensionReason) -> &'static str {
    match reason {
        SuspensionReason::ConsentLost => {
            "Microsoft 365 no longer accepts the integration: an administrator of the directory \
             has to authorize it again."
        }
        SuspensionReason::ServiceAccountSignedOut => {
            "The service account is signed out of Webex: connect it again, or replace it."
        }
        SuspensionReason::ComplianceRoleLost => {
            "The service account no longer has the compliance officer role: assign it again, or \
             replace the account."
        }
        SuspensionReason::AdministratorRoleLost => {
            "The service account can no longer read people: make it a read-only administrator \
             again, or replace the account."
        }
        SuspensionReason::ClosedByOperator => {
            "The operator of the integration has closed it for your organization. You can still \
             switch it off and disconnect."
        }
        SuspensionReason::OwnCredential => {
            "The integration's own sign-in is refused: its operator has to renew its credentials."
        }
    }
}
