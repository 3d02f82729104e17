//! The job of an offboarding: one step after another, until the deadline.

use jiff::Timestamp;

use super::{
    Groups, Offboarding, OffboardingError, OffboardingFailure, OffboardingStage, Purged, groups,
    load, purge_page, release, save, teams, webhooks,
};
use crate::credentials::tokens::Tokens;
use crate::tenant::{self, Tenant, organization};
use clients::graph::Graph;
use clients::http::{CALL_TIMEOUT, Deadline};
use clients::webex::Webex;
use domain::clock::Clock;
use domain::ids::TenantId;
use store::table::{Store, StoreError};

/// Dependencies of an offboarding.
#[derive(Clone, Copy)]
pub struct OffboardingDeps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// Tokens.
    pub tokens: &'a Tokens,
    /// Webex.
    pub webex: &'a Webex,
    /// Graph.
    pub graph: &'a Graph,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// End of this pass.
    pub deadline: Deadline,
}

impl OffboardingDeps<'_> {
    /// Returns `true` if one more team can be left: a call to read and one to write.
    pub(super) fn has_time(&self) -> bool {
        self.deadline.leaves_time(self.clock.now(), CALL_TIMEOUT)
    }
}

/// Result of one step.
enum Progress {
    /// The step is to be stored.
    Advanced,
    /// Nothing can be done now.
    Waiting,
}

/// Does the steps that fit into this pass. Returns `None` for a tenant without an offboarding.
///
/// A cycle calls it for a listed tenant that is no longer a [`Tenant`](tenant::Tenant), and does
/// nothing else for it.
///
/// # Errors
/// The error that ended the pass early. Earlier steps are stored, and the next pass continues.
pub async fn advance(
    deps: &OffboardingDeps<'_>,
    tenant: TenantId,
) -> Result<Option<Offboarding>, OffboardingError> {
    let Some(mut offboarding) = load(deps.store, tenant).await? else {
        return Ok(None);
    };
    let now = deps.clock.now();
    // Its calls count against the same limits as those of before.
    if tenant::load_throttled_until(deps.store, tenant, now).await?.is_some() {
        return Ok(Some(offboarding));
    }
    while deps.has_time() {
        let from = offboarding.stage;
        // Stored also after an error: what a part of the page did is in the receipt.
        let error = match step(&mut offboarding, deps).await {
            Ok(Progress::Waiting) => break,
            Ok(Progress::Advanced) => None,
            Err(error) if error.is_final() => {
                skip_stage(&mut offboarding, &error, deps.clock.now());
                None
            }
            Err(error) => Some(error),
        };
        match save(deps.store, &mut offboarding).await {
            // Another pass continues it, or the organization connects again.
            Err(StoreError::ConditionFailed) => break,
            saved => saved?,
        }
        if let Some(error) = error {
            if let Some((api, until)) = error.backoff() {
                tenant::back_off(deps.store, tenant, api, until, deps.clock.now()).await?;
            }
            return Err(error);
        }
        tracing::info!(
            event = "offboarding_advanced",
            %tenant,
            ?from,
            to = ?offboarding.stage,
            "completed a step of an offboarding"
        );
    }
    Ok(Some(offboarding))
}

async fn step(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<Progress, OffboardingError> {
    let now = deps.clock.now();
    match offboarding.stage {
        OffboardingStage::Hooks => {
            release::announce(offboarding, deps).await;
            webhooks::delete_all(offboarding, deps).await?;
            offboarding.stage = OffboardingStage::Teams;
        }
        OffboardingStage::Teams => teams::leave_page(offboarding, deps).await?,
        OffboardingStage::Secret => {
            // This stage is stored before, and keeps the organization from connecting meanwhile.
            deps.tokens.discard(offboarding.tenant.tenant).await?;
            offboarding.receipt.tokens_deleted_at = Some(now);
            offboarding.stage = match offboarding.groups {
                Groups::Delete => OffboardingStage::Counting,
                Groups::Keep => offboarding.after_groups(now),
            };
        }
        OffboardingStage::Counting => groups::count_page(offboarding, deps).await?,
        OffboardingStage::Groups => groups::delete_page(offboarding, deps).await?,
        OffboardingStage::Retaining { until } if until <= now => {
            let (org, tenant) = (offboarding.tenant.org, offboarding.tenant.tenant);
            match organization::replace_tenant(deps.store, org, tenant).await {
                Ok(()) => offboarding.stage = OffboardingStage::Purging,
                // The organization has connected again, so the links stay.
                Err(StoreError::ConditionFailed) => return Ok(Progress::Waiting),
                Err(error) => return Err(error.into()),
            }
        }
        OffboardingStage::Purging => {
            let Tenant { tenant, directory, .. } = offboarding.tenant;
            if purge_page(deps.store, tenant, directory).await? == Purged::All {
                offboarding.receipt.purged_at = Some(now);
                offboarding.stage = OffboardingStage::Done;
            }
        }
        OffboardingStage::PendingApproval { .. }
        | OffboardingStage::Retaining { .. }
        | OffboardingStage::Done => return Ok(Progress::Waiting),
    }
    Ok(Progress::Advanced)
}

/// Ends a stage that can never complete, with a failure in the receipt.
fn skip_stage(offboarding: &mut Offboarding, error: &OffboardingError, now: Timestamp) {
    let said = error.to_string();
    let (failure, next) = match offboarding.stage {
        OffboardingStage::Hooks => (OffboardingFailure::Hooks { said }, OffboardingStage::Teams),
        OffboardingStage::Teams => (OffboardingFailure::Teams { said }, OffboardingStage::Secret),
        OffboardingStage::Counting | OffboardingStage::Groups => {
            (OffboardingFailure::Groups { said }, offboarding.after_groups(now))
        }
        // A stage without calls cannot be refused for good, so it is tried again.
        other => (OffboardingFailure::Other { said }, other),
    };
    offboarding.receipt.record_failure(failure);
    // The next stage goes through all links again.
    offboarding.cursor = None;
    offboarding.stage = next;
}
