//! The service account's exit from the teams, page by page.

use jiff::SignedDuration;

use super::{
    Offboarding, OffboardingDeps, OffboardingError, OffboardingFailure, OffboardingStage, groups,
};
use crate::link::{Begun, FollowUp, JoinedBy, LinkAction, LinkRow, ServiceAccountPresence};
use clients::http::{CALL_TIMEOUT, ErrorClass};
use clients::webex::WebexId;
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
            Ok(()) => {}
            Err(error) => {
                let is_stuck = match &error {
                    OffboardingError::NotConfirmed => !offboarding.can_repeat(),
                    OffboardingError::Call(call) => call.class() == ErrorClass::Permanent,
                    _ => false,
                };
                // One team that refuses does not keep the account in the others.
                if !is_stuck {
                    return Err(error);
                }
                let (title, said) = (row.link.title.clone(), error.to_string());
                offboarding.receipt.record_failure(OffboardingFailure::Team { title, said });
            }
        }
    }
    (offboarding.cursor, offboarding.repeats) = (page.next, 0);
    if offboarding.cursor.is_none() {
        offboarding.stage = OffboardingStage::Secret;
    }
    Ok(())
}

fn has_joined(row: &LinkRow) -> bool {
    matches!(
        row.link.service_account,
        ServiceAccountPresence::Member { by: JoinedBy::Itself, .. }
            | ServiceAccountPresence::Joined { .. }
    )
}

/// Removes the service account from one team, under the link's lease. The link records it, so that
/// a tenant that connects again does not take it for a person's removal.
async fn leave_team(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
    row: &LinkRow,
) -> Result<(), OffboardingError> {
    let now = deps.clock.now();
    let lasts = SignedDuration::try_from(CALL_TIMEOUT * 5).unwrap_or_default();
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
    let id = WebexId::new(offboarding.tenant.region.clone(), account);
    let own = match deps.webex.memberships(&access, &room).await {
        Ok(listing) => {
            let members = listing.into_inner().members;
            match members.into_iter().find(|membership| membership.person == account) {
                // A listing can lack a row, or give one without the id that the removal needs.
                None => deps.webex.membership_in(&access, &room, &id).await?,
                own => own,
            }
        }
        // A deleted team has no one to remove.
        Err(error) if matches!(error.status(), Some(404 | 410)) => {
            match deps.webex.room(&access, &room).await? {
                None => None,
                Some(_) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(own) = own {
        deps.webex.remove_membership(&access, &own.id).await?;
        // An answer is not a reading, and after this no one asks.
        if deps.webex.membership_in(&access, &room, &id).await?.is_some() {
            action.leave().await?;
            return Err(OffboardingError::NotConfirmed);
        }
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
