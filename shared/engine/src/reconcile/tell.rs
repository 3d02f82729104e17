//! Telling whoever the tenant names, in Webex.

use super::{Round, SyncError};
use crate::notify::{self, Matter};
use crate::tenant::settings::Told;
use clients::http::CallError;

impl Round<'_> {
    /// Tells what has not been told yet, in one message. Where nobody is named it stays untold, and the pages show it.
    pub(super) async fn tell(&mut self) -> Result<(), SyncError> {
        let Some(told) = &self.at_hand.settings.told else { return Ok(()) };
        let (store, tenant) = (self.store(), self.tenant());
        let Some(untold) = notify::untold(store, tenant, &self.rounds.public_url).await? else { return Ok(()) };
        let access = self.webex().await?;
        let webex = &self.rounds.sync.webex;
        let sent: Result<String, CallError> = match told {
            Told::Space(space) => webex.send_to_room(&access, space, &untold.markdown).await,
            Told::Person(person) => webex.send_to_person(&access, person, &untold.markdown).await,
        };
        sent?;
        let count = untold.was_told(store, self.now()).await?;
        // Said once, it is over.
        store.write(vec![notify::withdraw(tenant, Matter::GoesOn)]).await?;
        self.report.told += count;
        Ok(())
    }
}
