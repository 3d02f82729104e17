//! Alerts sent in Webex to the recipient that the settings name.

use super::context::Cycle;
use super::{SyncError, outage};
use crate::notify::{self, AlertKey};
use crate::tenant::settings::AlertRecipient;
use clients::http::CallError;

/// Sends all unsent alerts in one message. Without a recipient only the pages show them.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    outage::update_alerts(cycle).await?;
    let Some(recipient) = &cycle.snapshot.settings.alert_recipient else {
        return Ok(());
    };
    let (store, tenant) = (cycle.store(), cycle.tenant());
    let public_url = &cycle.reconciler.public_url;
    let link_failures = cycle.outages.link_failures();
    let Some(unsent) = notify::unsent(store, tenant, public_url, link_failures).await? else {
        return Ok(());
    };
    let access = cycle.webex().await?;
    let webex = &cycle.reconciler.sync.webex;
    let sent: Result<String, CallError> = match recipient {
        AlertRecipient::Space(space) => webex.send_to_room(&access, space, &unsent.markdown).await,
        AlertRecipient::Person(person) => {
            webex.send_to_person(&access, person, &unsent.markdown).await
        }
    };
    sent?;
    let count = unsent.mark_notified(store, cycle.now()).await?;
    // A resumption is over once it is sent.
    store.write(vec![notify::withdraw(tenant, AlertKey::Resumed)]).await?;
    cycle.report.alerts_sent += count;
    Ok(())
}
