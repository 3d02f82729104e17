//! Sentences about differences between a team and its group that are open.

use domain::membership::Side;
use domain::merge::{ApprovalReason, DeferredBy, NameWrite, OWNER_LIMIT, RuleRefusal};

/// A reading of the group that is not believed yet.
pub const LATE_READING: &str = "Microsoft 365 can show a state that is 15 minutes old, so a change \
    this soon after another one is not believed yet.";

/// A change of a person for which no clear answer came.
pub const NO_ANSWER: &str = "The change was sent and had no clear answer, so it is made again.";

/// Returns the reason why a person's difference is deferred.
pub fn deferred(side: Side, by: &DeferredBy) -> String {
    match by {
        DeferredBy::Rule { refusal: RuleRefusal::LastOwner } => {
            let role = match side {
                Side::Team => "moderator",
                Side::Group => "owner",
            };
            format!("The {side} keeps its last {role}; it is done when there is another.")
        }
        DeferredBy::Rule { refusal: RuleRefusal::OwnerLimit } => {
            format!("A group has at most {OWNER_LIMIT} owners; it is done when there is room.")
        }
        DeferredBy::Lost { .. } => {
            format!("The {side} accepted the change but did not make it: it is made again.")
        }
        DeferredBy::Service { said } => {
            format!("The {side} refused it: {said}. It is retried every day.")
        }
    }
}

/// Returns the reason why a person who is missing on one side is not removed from the other yet.
pub fn missing(side: Side) -> String {
    format!(
        "The list of the {side} lacks this person. Nothing is changed until the {side} says the \
         same twice when asked."
    )
}

/// Returns the reason why a rename is deferred.
pub fn rename(deferred: &NameWrite) -> String {
    match deferred {
        NameWrite::Team { title, .. } => format!(
            "The team does not have the group's name “{title}” yet: it is retried once a day \
             while the account is in the team."
        ),
        NameWrite::Group(name) => format!(
            "The group does not have the team's name “{name}” yet: it is retried once a day."
        ),
    }
}

/// Returns the reason why removals wait for approval.
pub fn pending_because(why: ApprovalReason) -> &'static str {
    match why {
        ApprovalReason::LinkLimit => {
            "More people of this team would be removed within 24 hours than the settings allow."
        }
        ApprovalReason::Everyone => "Everyone on one side would be removed.",
        ApprovalReason::TenantLimit => {
            "More people of all teams would be removed within 24 hours than the settings allow."
        }
        ApprovalReason::AlreadyPending => {
            "Earlier removals wait for your approval; until you decide, no one is removed here."
        }
        ApprovalReason::ServiceAccountLimited => {
            "The account in Webex lost a role: without the role it can't tell who has left."
        }
        ApprovalReason::NotPreviewed => {
            "The preview before this went live did not show all of these removals."
        }
    }
}
