//! The end of Webex's webhooks and of Graph's subscription.

use super::{Offboarding, OffboardingDeps, OffboardingError, OffboardingFailure};
use clients::webex::WebhookOwner;

/// Deletes both. They are independent: one is deleted although the other never can be.
pub(super) async fn delete_all(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<(), OffboardingError> {
    let deleted = delete_webhooks(offboarding, deps).await;
    let failure = |said| OffboardingFailure::Webhooks { said };
    offboarding.receipt.webhooks += or_record_failure(offboarding, deleted, failure)?;
    let deleted = delete_subscriptions(offboarding, deps).await;
    let failure = |said| OffboardingFailure::Subscription { said };
    offboarding.receipt.subscriptions += or_record_failure(offboarding, deleted, failure)?;
    Ok(())
}

async fn delete_webhooks(
    offboarding: &Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<usize, OffboardingError> {
    let tenant = &offboarding.tenant;
    let account = tenant.service_account;
    let access = deps.tokens.webex(tenant.tenant, account, deps.deadline).await?;
    // By address, since ids that are stored could miss one that was made in a crash.
    let path = format!("/webhooks/webex/{}", tenant.tenant);
    let mut deleted = 0;
    let mut all = deps.webex.webhooks(&access, WebhookOwner::Creator).await?;
    // Not every account can list those of the organization.
    let of_org = deps.webex.webhooks(&access, WebhookOwner::Org).await;
    all.extend(of_org.unwrap_or_default());
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all.dedup_by(|one, other| one.id == other.id);
    for webhook in all.iter().filter(|webhook| webhook.target_url.ends_with(&path)) {
        deps.webex.delete_webhook(&access, &webhook.id).await?;
        deleted += 1;
    }
    Ok(deleted)
}

async fn delete_subscriptions(
    offboarding: &Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<usize, OffboardingError> {
    let tenant = &offboarding.tenant;
    let access = deps.tokens.graph(tenant.directory, deps.deadline).await?;
    let path = format!("/webhooks/graph/{}", tenant.tenant);
    let mut deleted = 0;
    for subscription in deps.graph.subscriptions(&access).await? {
        if subscription.notification_url.ends_with(&path) {
            deps.graph.delete_subscription(&access, &subscription.id).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

fn or_record_failure(
    offboarding: &mut Offboarding,
    deleted: Result<usize, OffboardingError>,
    failure: impl Fn(String) -> OffboardingFailure,
) -> Result<usize, OffboardingError> {
    match deleted {
        Err(error) if error.is_final() => {
            offboarding.receipt.record_failure(failure(error.to_string()));
            Ok(0)
        }
        other => other,
    }
}
