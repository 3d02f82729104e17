//! Sentences about the backfill of teams.

use super::failures;
use crate::codes::{BackfillBlocker, BackfillFailure};

/// Says why a team cannot get a group.
pub fn blocker(blocker: BackfillBlocker) -> &'static str {
    match blocker {
        BackfillBlocker::Linked => "It is linked already.",
        BackfillBlocker::CreatorAsked => "Its creator was asked by card and has not answered yet.",
        BackfillBlocker::Archived => "It is archived.",
        BackfillBlocker::OtherOrganization => "It belongs to another organization.",
        BackfillBlocker::NoOwner => {
            "No moderator is eligible, and the settings name no fallback owner."
        }
    }
}

/// Says why a chosen team failed.
pub fn failure(failure: &BackfillFailure) -> String {
    match failure {
        BackfillFailure::LinkMissing => "Its link is gone.".into(),
        BackfillFailure::TeamDeleted => "The team was deleted.".into(),
        BackfillFailure::GroupDeleted => "The group was deleted.".into(),
        BackfillFailure::Unlinked => "The link was ended.".into(),
        BackfillFailure::CreatorSilent => "The creator did not answer.".into(),
        BackfillFailure::SyncFailed { reason } => failures::failure(reason),
        BackfillFailure::TeamHidden => "The team cannot be seen.".into(),
        BackfillFailure::PeopleChanged => {
            "Its people are not as they were when it was shown, so it was not begun.".into()
        }
        BackfillFailure::Blocked { blocker: reason } => blocker(*reason).into(),
    }
}
