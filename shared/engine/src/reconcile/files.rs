//! Whether Microsoft still accepts our app for files. What is lost there stops folders, and nothing else.

use super::{Round, SyncError, look_at_every_link};
use crate::credentials::registration::Registration;
use crate::tenant::files_consent::{self, FilesConsent, Lost};
use crate::tenant::settings::Folders;
use crate::tenant::suspension::Why;
use crate::tenant::{self, Gate};
use clients::http::{Api, Class};
use store::keys;
use store::table::from_item;

impl Round<'_> {
    /// Asks Microsoft once while folders are wanted, and keeps the answer where it is another than before.
    pub(super) async fn files_consent(&mut self) -> Result<(), SyncError> {
        let tenant = self.tenant();
        let Some(seen) = self.at_hand.tenant.files.clone() else { return Ok(()) };
        let gate = keys::gate(tenant, Api::SharePoint);
        let gate: Option<Gate> = self.store().get(&gate).await?.map(from_item).transpose()?;
        if self.at_hand.settings.folders == Folders::No || gate.is_some_and(|gate| gate.closed_until > self.now()) {
            return Ok(());
        }
        let mut refusal = self.files_refusal().await;
        if matches!(refusal, Ok(Some(_))) {
            // A token can end early: a new one is tried before anybody is called.
            self.rounds.sync.tokens.forget_app(Registration::Files, self.directory());
            refusal = self.files_refusal().await;
        }
        let refusal = match refusal {
            Ok(refusal) => refusal,
            Err(error) => match error.class() {
                // SharePoint's limits are no matter of what else a round does.
                Some(Class::ThrottledUntil(until)) => {
                    return Ok(tenant::shut_gate(self.store(), tenant, Api::SharePoint, until).await?);
                }
                _ => return Err(error),
            },
        };
        if refusal.as_ref().map(|(why, _)| *why) == seen.lost.as_ref().map(|lost| lost.why) {
            return Ok(());
        }
        let now = self.now();
        let became = match refusal {
            Some((why, said)) => FilesConsent { lost: Some(Lost { why, since: now, said }), ..seen.clone() },
            None => FilesConsent { since: now, lost: None, ..seen.clone() },
        };
        files_consent::turn(self.store(), tenant, &seen, &became).await?;
        if became.lost.is_none() {
            // Whatever waited for it.
            look_at_every_link(self.store(), tenant, now).await?;
        }
        Ok(())
    }

    /// Why files are refused, and in which words; `None` where they are not.
    async fn files_refusal(&self) -> Result<Option<(Why, String)>, SyncError> {
        let sync = &self.rounds.sync;
        let access = match sync.tokens.files(self.directory(), self.deadline).await.map_err(SyncError::from) {
            Ok(access) => access,
            Err(error) => return error.suspension_reason().map(|why| Some((why, error.to_string()))).ok_or(error),
        };
        let refusal = sync.graph.refusal_of_files(&access).await?;
        Ok(refusal.map(|error| (Why::ConsentLost, error.to_string())))
    }
}
