//! Request for a folder sync that follows a team sync. Costs nothing while nothing changes.

use jiff::Timestamp;

use super::types::LeasedLink;
use crate::folders::FolderRequest;
use crate::link::{FailureKind, Link, Phase};
use clients::http::Urgency;

/// Folder state of a link after a run.
pub(super) struct FolderPlan {
    pub(super) folders_since: Option<Timestamp>,
    pub(super) request: Option<FolderRequest>,
}

/// Compares a link before and after a run, and says which folders have to be synced.
pub(super) fn plan_folders(leased: &LeasedLink<'_>, link: &Link, now: Timestamp) -> FolderPlan {
    let (context, before) = (leased.context, &leased.row.link);
    let consent = context.tenant.files.as_ref().filter(|_| context.has_folders());
    let (Some(consent), Some(_)) = (consent, link.group()) else {
        if !link.is_over() && matches!(link.phase, Phase::Ended { .. }) {
            // What is stored of its folders stays for the way back.
            return FolderPlan { folders_since: link.folders_since, request: None };
        }
        let is_over = link.is_over();
        // A folder run purges what is stored of an ended link's folders.
        let request = (link.folders_since.is_some() && is_over).then_some(FolderRequest::All);
        return FolderPlan { folders_since: None, request };
    };
    let is_new = link.folders_since.is_none_or(|since| since < consent.since);
    let folders_since = if is_new { Some(now) } else { link.folders_since };
    let service_account = context.tenant.service_account;
    // Only a member of the team can link folders.
    let has_joined = link.service_account.is_member(service_account)
        && !before.service_account.is_member(service_account);
    let is_requested = leased.row.requests().urgency(leased.row.synced_at) == Urgency::High;
    let request = if is_new || has_joined || is_back(before, link) || is_requested {
        Some(FolderRequest::All)
    } else if link.title != before.title {
        // The General space has the team's name.
        Some(FolderRequest::Space(link.team.general_space(), link.region.clone()))
    } else {
        None
    };
    FolderPlan { folders_since, request }
}

/// Returns `true` if a side that could not be used is usable again.
fn is_back(before: &Link, link: &Link) -> bool {
    link.failure.is_none()
        && before.failure.as_ref().is_some_and(|failure| {
            matches!(
                failure.kind(),
                FailureKind::Archived | FailureKind::GroupMissing | FailureKind::TeamMissing
            )
        })
}
