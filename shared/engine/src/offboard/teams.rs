//! The service account's exit from the teams, page by page.

use jiff::SignedDuration;

use super::{
    Offboarding, OffboardingDeps, OffboardingError, OffboardingFailure, OffboardingStage, groups,
};
use crate::link::{Begun, FollowUp, JoinedBy, LinkAction, LinkRow, ServiceAccountPresence};
use clients::http::{CALL_TIMEOUT, ErrorClass};
use clients::webex::{MembershipListing, WebexId};
use store::table::StoreError;

/// Links per page: an interrupted pass repeats as many.
const PAGE: usize = 25;

/// Leaves the teams of one page that the service account joined for its work.
pub(super) async fn leave_page(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<(), OffboardingError> {
    let page = groups::links(offboarding, deps, PAGE).await?;
    for row in page.rows.iter().filter(|row| has_joined(row)) {
        if !deps.has_time() {
            return Ok(());
        }
        match leave_team(offboarding, deps, row).await {
            // One team that refuses does not keep the account in the others.
            Err(OffboardingError::Call(call)) if call.class() == ErrorClass::Permanent => {
                let (title, said) = (row.link.title.clone(), call.to_string());
                offboarding.receipt.record_failure(OffboardingFailure::Team { title, said });
            }
            left => left?,
        }
    }
    offboarding.cursor = page.next;
    if offboarding.cursor.is_none() {
        offboarding.stage = OffboardingStage::Secret;
    }
    Ok(())
}

fn has_joined(row: &LinkRow) -> bool {
    matches!(row.link.service_account, ServiceAccountPresence::Member { by: JoinedBy::Itself, .. })
}

/// Removes the service account from one team, under the link's lease. The link records it, so that
/// a tenant that connects again does not take it for a person's removal.
async fn leave_team(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
    row: &LinkRow,
) -> Result<(), OffboardingError> {
    let now = deps.clock.now();
    let lasts = SignedDuration::try_from(CALL_TIMEOUT * 3).unwrap_or_default();
    let (tenant, team) = (offboarding.tenant.tenant, row.link.team);
    let action = match LinkAction::begin(deps.store, tenant, team, now, lasts).await? {
        Begun::Held(action) => action,
        // A sync that began before may still add the account. It ends within a minute.
        Begun::Busy => return Err(OffboardingError::SyncUnderWay(team)),
        Begun::Gone => return Ok(()),
    };
    let row = &action.row;
    let account = offboarding.tenant.service_account;
    let access = deps.tokens.webex(tenant, account, deps.deadline).await?;
    let room = WebexId::new(row.link.region.clone(), team.general_space());
    let listing = match deps.webex.memberships(&access, &room).await {
        Ok(listing) => listing.into_inner(),
        // A deleted team has no one to remove.
        Err(error) if matches!(error.status(), Some(404 | 410)) => {
            match deps.webex.room(&access, &room).await? {
                None => MembershipListing::default(),
                Some(_) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    };
    let mut own = listing.members.into_iter().find(|membership| membership.person == account);
    if listing.unreadable.contains(&account) {
        // It is there, and the removal needs the id of the membership.
        let account = WebexId::new(offboarding.tenant.region.clone(), account);
        own = deps.webex.membership_in(&access, &room, &account).await?;
    }
    if let Some(own) = own {
        deps.webex.remove_membership(&access, &own.id).await?;
        offboarding.receipt.teams_left += 1;
    }
    let mut link = row.link.clone();
    link.service_account = ServiceAccountPresence::NeverJoined;
    match action.end(&link, FollowUp::AsPlanned, vec![]).await {
        // The lease is lost: the next pass finds the account gone.
        Ok(()) | Err(StoreError::ConditionFailed) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
