//! Webex's webhooks: registered, checked, started again. They make things fast; nothing depends on them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Round, SyncError};
use crate::credentials::webhook_keys::{Kind, WebhookKeys};
use clients::http::{Access, CallError};
use clients::webex::{NewWebhook, Webhook, WebhookEvent, WebhookOwner, WebhookResource, WebhookStatus, WebhookUpdate};
use store::keys;
use store::table::{Condition, Write, from_item, to_item};

/// What we want to hear of, and whether we would for the whole organization: that is documented for spaces, and not for memberships, so that it is tried.
const WANTED: [(WebhookResource, WebhookEvent, WebhookOwner); 7] = [
    (WebhookResource::Rooms, WebhookEvent::Created, WebhookOwner::Org),
    (WebhookResource::Rooms, WebhookEvent::Updated, WebhookOwner::Org),
    (WebhookResource::Rooms, WebhookEvent::Migrated, WebhookOwner::Org),
    (WebhookResource::Memberships, WebhookEvent::Created, WebhookOwner::Org),
    (WebhookResource::Memberships, WebhookEvent::Updated, WebhookOwner::Org),
    (WebhookResource::Memberships, WebhookEvent::Deleted, WebhookOwner::Org),
    (WebhookResource::AttachmentActions, WebhookEvent::Created, WebhookOwner::Creator),
];

/// How long after a refusal organization-wide webhooks are tried again.
const TRIED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is known of the tenant's webhooks.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// What they prove themselves with; empty before the first.
    generation: String,
    /// For which resources no organization-wide webhooks are given.
    refused: Vec<WebhookResource>,
    refused_at: Option<Timestamp>,
}

impl Round<'_> {
    pub(super) async fn webhooks(&mut self) -> Result<(), SyncError> {
        let key = keys::cursor(self.tenant(), "webhooks");
        let before: Known = self.store().get(&key).await?.map(from_item).transpose()?.unwrap_or_default();
        let mut known = before.clone();
        if known.refused_at.is_some_and(|at| self.now().duration_since(at) > TRIED_AGAIN_AFTER) {
            (known.refused, known.refused_at) = (vec![], None);
        }
        let keys = self.rounds.keys.get().await?;
        let access = self.webex().await?;
        let mut standing = self.standing(&access).await?;
        let is_rekeyed = known.generation != keys.current();
        for (resource, event, owner) in WANTED {
            let owner = if known.refused.contains(&resource) { WebhookOwner::Creator } else { owner };
            let is_it = |webhook: &mut Webhook| {
                webhook.resource == Some(resource) && webhook.event == Some(event) && webhook.filter.is_none()
            };
            let mut found = standing.extract_if(.., is_it);
            let first = found.next();
            // A lost answer leaves two: each would tell of everything.
            let doubled: Vec<Webhook> = found.collect();
            for webhook in doubled {
                self.rounds.sync.webex.delete_webhook(&access, &webhook.id).await?;
            }
            let is_good = |webhook: &Webhook| {
                webhook.status == WebhookStatus::Active && webhook.target_url == self.target() && !is_rekeyed
            };
            if first.as_ref().is_some_and(is_good) {
                continue;
            }
            self.report.repaired += 1;
            let was_inactive = first.as_ref().is_some_and(|webhook| webhook.status != WebhookStatus::Active);
            metrics::counter!("HooksInactive").increment(u64::from(was_inactive));
            let mended = match first {
                Some(webhook) => self.mend(&access, &webhook, &keys).await?,
                None => None,
            };
            if mended.is_none() && self.make(&access, (resource, event, owner), &keys).await? == Made::OrgRefused {
                known.refused.push(resource);
                known.refused_at = Some(self.now());
                self.make(&access, (resource, event, WebhookOwner::Creator), &keys).await?;
            }
        }
        known.generation = keys.current().into();
        if known != before {
            self.store().write(vec![Write::Put(to_item(&key, &known)?, Condition::Any)]).await?;
        }
        Ok(())
    }

    /// The tenant's webhooks that lead here, or led to an earlier address of ours.
    async fn standing(&self, access: &Access) -> Result<Vec<Webhook>, SyncError> {
        let webex = &self.rounds.sync.webex;
        let mut all = webex.webhooks(access, WebhookOwner::Creator).await?.into_inner();
        match webex.webhooks(access, WebhookOwner::Org).await {
            Ok(of_org) => all.extend(of_org.into_inner()),
            // Without the scope for it there are none.
            Err(error) if is_refused(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let path = format!("/webhooks/webex/{}", self.tenant());
        all.retain(|webhook| webhook.target_url.ends_with(&path));
        all.sort_by_key(|webhook| webhook.id.to_string());
        all.dedup_by(|a, b| a.id == b.id);
        Ok(all)
    }

    async fn mend(&self, access: &Access, webhook: &Webhook, keys: &WebhookKeys) -> Result<Option<Webhook>, SyncError> {
        let update = WebhookUpdate {
            name: webhook.name.clone(),
            target_url: self.target(),
            secret: keys.secret(self.tenant(), Kind::Webex),
        };
        tracing::info!(tenant = %self.tenant(), resource = ?webhook.resource, event = ?webhook.event, status = ?webhook.status, "a webhook is mended");
        Ok(self.rounds.sync.webex.update_webhook(access, &webhook.id, &update).await?)
    }

    async fn make(
        &self,
        access: &Access,
        (resource, event, owned_by): (WebhookResource, WebhookEvent, WebhookOwner),
        keys: &WebhookKeys,
    ) -> Result<Made, SyncError> {
        let webhook = NewWebhook {
            name: format!("Microsoft 365 groups: {resource:?} {event:?}"),
            target_url: self.target(),
            resource,
            event,
            filter: None,
            secret: keys.secret(self.tenant(), Kind::Webex),
            owned_by,
        };
        match self.rounds.sync.webex.create_webhook(access, &webhook).await {
            Ok(_) => Ok(Made::Made),
            Err(error) if owned_by == WebhookOwner::Org && is_refused(&error) => Ok(Made::OrgRefused),
            Err(error) => Err(error.into()),
        }
    }

    fn target(&self) -> String {
        format!("{}/webhooks/webex/{}", self.rounds.public_url, self.tenant())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Made,
    OrgRefused,
}

fn is_refused(error: &CallError) -> bool {
    matches!(error.status(), Some(400 | 403))
}
