//! The last message to the recipient of alerts: that the tenant ends, and by whom.

use super::{Offboarding, OffboardingDeps, OffboardingError};
use crate::notify;
use crate::phrases::offboard as phrases;
use crate::tenant::settings::{self, AlertRecipient};

/// Sends the message while the service account still has its tokens. It is sent again if this step
/// is: better twice than not at all. The pages say it in any case.
pub(super) async fn announce(offboarding: &Offboarding, deps: &OffboardingDeps<'_>) {
    if let Err(error) = send(offboarding, deps).await {
        let tenant = offboarding.tenant.tenant;
        tracing::warn!(
            event = "end_not_announced", %tenant, %error,
            "No message about the end of the tenant could be sent."
        );
    }
}

async fn send(
    offboarding: &Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<(), OffboardingError> {
    let tenant = &offboarding.tenant;
    let (settings, _) = settings::load(deps.store, tenant.tenant).await?;
    let Some(recipient) = &settings.alert_recipient else {
        return Ok(());
    };
    let message = match offboarding.released_by {
        Some(_) => Some(phrases::RELEASED.to_owned()),
        // The tenant has no further cycle that would send them.
        None => notify::unsent_decisions(deps.store, tenant.tenant).await?,
    };
    let Some(message) = message else {
        return Ok(());
    };
    let access = deps.tokens.webex(tenant.tenant, tenant.service_account, deps.deadline).await?;
    match recipient {
        AlertRecipient::Space(space) => deps.webex.send_to_room(&access, space, &message).await?,
        AlertRecipient::Person(person) => {
            deps.webex.send_to_person(&access, person, &message).await?
        }
    };
    Ok(())
}
