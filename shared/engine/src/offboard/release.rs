//! The message to the admins of an organization whose directory was released.

use super::{Offboarding, OffboardingDeps, OffboardingError};
use crate::phrases::offboard as phrases;
use crate::tenant::settings::{self, AlertRecipient};

/// Sends the message while the service account still has its tokens. It is sent again if this step
/// is: better twice than not at all. The pages say it in any case.
pub(super) async fn announce(offboarding: &Offboarding, deps: &OffboardingDeps<'_>) {
    if offboarding.released_by.is_none() {
        // The admin who disconnects knows it.
        return;
    }
    if let Err(error) = send(offboarding, deps).await {
        let tenant = offboarding.tenant.tenant;
        tracing::warn!(
            event = "release_not_announced", %tenant, %error,
            "No message about the release could be sent."
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
    let access = deps.tokens.webex(tenant.tenant, tenant.service_account, deps.deadline).await?;
    match recipient {
        AlertRecipient::Space(space) => {
            deps.webex.send_to_room(&access, space, phrases::RELEASED).await?
        }
        AlertRecipient::Person(person) => {
            deps.webex.send_to_person(&access, person, phrases::RELEASED).await?
        }
    };
    Ok(())
}
