//! Alerts sent in Webex to the recipient that the settings name.

use super::context::Cycle;
use super::{SyncError, outage};
use crate::notify;
use crate::tenant::settings::AlertRecipient;
use clients::http::CallError;

/// Sends all unsent alerts, the most urgent first. Without a recipient only the pages show them.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    outage::update_alerts(cycle).await?;
    let Some(recipient) = &cycle.snapshot.settings.alert_recipient else {
        return Ok(());
    };
    let (store, tenant) = (cycle.store(), cycle.tenant());
    let public_url = &cycle.reconciler.public_url;
    let link_failures = cycle.outages.link_failures();
    let unsent = notify::unsent(store, tenant, public_url, link_failures).await?;
    if unsent.is_empty() {
        return Ok(());
    }
    let access = cycle.webex().await?;
    let webex = &cycle.reconciler.sync.webex;
    let (mut count, mut failed) = (0, None);
    for message in unsent {
        let sent: Result<String, CallError> = match recipient {
            AlertRecipient::Space(space) => {
                webex.send_to_room(&access, space, &message.markdown).await
            }
            AlertRecipient::Person(person) => {
                webex.send_to_person(&access, person, &message.markdown).await
            }
        };
        match sent {
            Ok(_) => count += message.mark_notified(store, cycle.now()).await?,
            // The next one can still be said: it may be the text that Webex refuses.
            Err(error) => _ = failed.get_or_insert(error),
        }
    }
    cycle.report.alerts_sent += count;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
