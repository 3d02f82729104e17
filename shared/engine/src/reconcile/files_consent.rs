//! The consent to our app for files. Its loss stops folders only.

use super::context::Cycle;
use super::{SyncError, request_sync_of_every_link};
use crate::credentials::registration::Registration;
use crate::tenant::files_consent::{self, FilesConsent, Lost};
use crate::tenant::settings::Folders;
use crate::tenant::suspension::SuspensionReason;
use crate::tenant::{self, Backoff};
use clients::http::{Api, ErrorClass};
use store::keys;
use store::table::from_item;

/// Microsoft's refusal of our app for files.
struct ConsentRefusal {
    reason: SuspensionReason,
    /// The service's words, with its request id.
    said: String,
}

/// Checks the consent with one call while folders are switched on, and stores a change.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let tenant = cycle.tenant();
    let Some(seen) = cycle.snapshot.tenant.files.clone() else {
        return Ok(());
    };
    let backoff = cycle.store().get(&keys::backoff(tenant, Api::SharePoint)).await?;
    let backoff: Option<Backoff> = backoff.map(from_item).transpose()?;
    let is_throttled = backoff.is_some_and(|backoff| backoff.throttled_until > cycle.now());
    if cycle.snapshot.settings.folders == Folders::No || is_throttled {
        return Ok(());
    }
    let mut refusal = refusal(cycle).await;
    if matches!(refusal, Ok(Some(_))) {
        // A token can end early: a new one is tried before the loss is reported.
        cycle.reconciler.sync.tokens.purge_app(Registration::Files, cycle.directory());
        refusal = self::refusal(cycle).await;
    }
    let refusal = match refusal {
        Ok(refusal) => refusal,
        Err(error) => match error.class() {
            // SharePoint's throttling does not delay the other parts of the cycle.
            Some(ErrorClass::ThrottledUntil(until)) => {
                let (store, now) = (cycle.store(), cycle.now());
                tenant::back_off(store, tenant, Api::SharePoint, until, now).await?;
                return Ok(());
            }
            _ => return Err(error),
        },
    };
    let known = seen.lost.as_ref().map(|lost| lost.why);
    if refusal.as_ref().map(|refusal| refusal.reason) == known {
        return Ok(());
    }
    let now = cycle.now();
    let changed = match refusal {
        Some(ConsentRefusal { reason, said }) => {
            FilesConsent { lost: Some(Lost { why: reason, since: now, said }), ..seen.clone() }
        }
        None => FilesConsent { since: now, lost: None, ..seen.clone() },
    };
    files_consent::update(cycle.store(), tenant, &seen, &changed).await?;
    if changed.lost.is_none() {
        // Folders that waited for the consent.
        request_sync_of_every_link(cycle.store(), tenant, now).await?;
    }
    Ok(())
}

/// Returns Microsoft's refusal, or `None` if it accepts our app.
async fn refusal(cycle: &Cycle<'_>) -> Result<Option<ConsentRefusal>, SyncError> {
    let sync = &cycle.reconciler.sync;
    let access = sync.tokens.files(cycle.directory(), cycle.deadline).await;
    let access = match access.map_err(SyncError::from) {
        Ok(access) => access,
        Err(error) => {
            let reason = error.suspension_reason();
            let said = error.to_string();
            return reason.map(|reason| Some(ConsentRefusal { reason, said })).ok_or(error);
        }
    };
    let refusal = sync.graph.refusal_of_files(&access).await?;
    Ok(refusal.map(|error| ConsentRefusal {
        reason: SuspensionReason::ConsentLost,
        said: error.to_string(),
    }))
}
