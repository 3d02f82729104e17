//! Webex's webhooks: registered, checked and reactivated. They shorten delays; correctness does
//! not depend on them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SyncError;
use super::context::Cycle;
use super::cursor::{self, Stored};
use crate::credentials::webhook_keys::{WebhookKeys, WebhookKind};
use clients::http::{Access, CallError};
use clients::webex::{
    NewWebhook, Webhook, WebhookEvent as Event, WebhookOwner as Owner, WebhookResource as Resource,
    WebhookStatus, WebhookUpdate,
};

/// Name of the item with their state.
const CURSOR: &str = "webhooks";

/// A webhook that the tenant should have.
#[derive(Clone, Copy)]
struct Expected {
    resource: Resource,
    event: Event,
    owner: Owner,
}

const fn of(resource: Resource, event: Event, owner: Owner) -> Expected {
    Expected { resource, event, owner }
}

/// All expected webhooks. Webex documents organization-wide webhooks for rooms but not for
/// memberships: those are tried and can be refused.
const EXPECTED: [Expected; 7] = [
    of(Resource::Rooms, Event::Created, Owner::Org),
    of(Resource::Rooms, Event::Updated, Owner::Org),
    of(Resource::Rooms, Event::Migrated, Owner::Org),
    of(Resource::Memberships, Event::Created, Owner::Org),
    of(Resource::Memberships, Event::Updated, Owner::Org),
    of(Resource::Memberships, Event::Deleted, Owner::Org),
    // The service account sends the cards itself, so it hears of every answer.
    of(Resource::AttachmentActions, Event::Created, Owner::Creator),
];

/// Time after which refused organization-wide webhooks are tried again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Stored state of the tenant's webhooks.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct WebhookState {
    /// Generation of the key that signs them; empty before the first.
    generation: String,
    /// Resources without organization-wide webhooks.
    refused: Vec<Resource>,
    refused_at: Option<Timestamp>,
}

/// Outcome of creating a webhook.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Creation {
    Created,
    OrgRefused,
}

/// Repairs the tenant's webhooks: one active webhook per expected one.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let before: WebhookState = match cursor::load(cycle, CURSOR).await? {
        Stored::Cursor(state) => state,
        Stored::Absent | Stored::Unreadable => WebhookState::default(),
    };
    let mut state = before.clone();
    if state.refused_at.is_some_and(|at| cycle.now().duration_since(at) > RETRY_AFTER) {
        (state.refused, state.refused_at) = (vec![], None);
    }
    let keys = cycle.reconciler.keys.get().await?;
    let access = cycle.webex().await?;
    let mut registered = registered(cycle, &access).await?;
    let is_rekeyed = state.generation != keys.current();
    for mut expected in EXPECTED {
        if state.refused.contains(&expected.resource) {
            expected.owner = Owner::Creator;
        }
        let first = single(cycle, &access, &mut registered, expected).await?;
        let is_good = |webhook: &Webhook| {
            webhook.status == WebhookStatus::Active
                && webhook.target_url == target_url(cycle)
                && !is_rekeyed
        };
        if first.as_ref().is_some_and(is_good) {
            continue;
        }
        cycle.report.repaired += 1;
        let was_inactive =
            first.as_ref().is_some_and(|webhook| webhook.status != WebhookStatus::Active);
        metrics::counter!("WebhooksInactive").increment(u64::from(was_inactive));
        let updated = match first {
            Some(webhook) => update(cycle, &access, &webhook, &keys).await?,
            None => None,
        };
        // A webhook that is gone meanwhile is created again, by the account itself if Webex
        // refuses one of the organization.
        if updated.is_none()
            && create(cycle, &access, expected, &keys).await? == Creation::OrgRefused
        {
            state.refused.push(expected.resource);
            state.refused_at = Some(cycle.now());
            let own = Expected { owner: Owner::Creator, ..expected };
            create(cycle, &access, own, &keys).await?;
        }
    }
    // After all of them: a cycle that is cut off gives the others the new key next time.
    state.generation = keys.current();
    if state != before {
        cycle.store().write(vec![cursor::put(cycle.tenant(), CURSOR, &state)?]).await?;
    }
    Ok(())
}

/// Returns the tenant's webhooks that lead to this deployment, at its present or an earlier URL.
async fn registered(cycle: &Cycle<'_>, access: &Access) -> Result<Vec<Webhook>, SyncError> {
    let webex = &cycle.reconciler.sync.webex;
    let mut all = webex.webhooks(access, Owner::Creator).await?;
    match webex.webhooks(access, Owner::Org).await {
        Ok(of_org) => all.extend(of_org),
        // Without the scope for them there are none.
        Err(error) if is_refused(&error) => {}
        Err(error) => return Err(error.into()),
    }
    let path = format!("/webhooks/webex/{}", cycle.tenant());
    all.retain(|webhook| webhook.target_url.ends_with(&path));
    // Both listings can show the same webhook.
    all.sort_by_key(|webhook| webhook.id.to_string());
    all.dedup_by(|a, b| a.id == b.id);
    Ok(all)
}

/// Takes the webhook for `expected` from the registered ones and deletes duplicates, which a lost
/// answer leaves: each would deliver every event.
async fn single(
    cycle: &Cycle<'_>,
    access: &Access,
    registered: &mut Vec<Webhook>,
    expected: Expected,
) -> Result<Option<Webhook>, SyncError> {
    let is_it = |webhook: &mut Webhook| {
        webhook.resource == Some(expected.resource)
            && webhook.event == Some(expected.event)
            // One with a filter would leave out events.
            && webhook.filter.is_none()
    };
    let mut found: Vec<Webhook> = registered.extract_if(.., is_it).collect();
    for duplicate in found.drain(1.min(found.len())..) {
        cycle.reconciler.sync.webex.delete_webhook(access, &duplicate.id).await?;
    }
    Ok(found.pop())
}

/// Reactivates a webhook. Returns `None` if it no longer exists.
async fn update(
    cycle: &Cycle<'_>,
    access: &Access,
    webhook: &Webhook,
    keys: &WebhookKeys,
) -> Result<Option<Webhook>, SyncError> {
    let update = WebhookUpdate {
        name: webhook.name.clone(),
        target_url: target_url(cycle),
        secret: keys.secret(cycle.tenant(), WebhookKind::Webex),
    };
    tracing::info!(
        event = "webhook_repaired",
        tenant = %cycle.tenant(),
        resource = ?webhook.resource,
        webhook_event = ?webhook.event,
        status = ?webhook.status,
        "repaired a webhook"
    );
    Ok(cycle.reconciler.sync.webex.update_webhook(access, &webhook.id, &update).await?)
}

async fn create(
    cycle: &Cycle<'_>,
    access: &Access,
    Expected { resource, event, owner }: Expected,
    keys: &WebhookKeys,
) -> Result<Creation, SyncError> {
    let webhook = NewWebhook {
        name: format!("Microsoft 365 groups: {}", name(resource, event)),
        target_url: target_url(cycle),
        resource,
        event,
        filter: None,
        secret: keys.secret(cycle.tenant(), WebhookKind::Webex),
        owned_by: owner,
    };
    match cycle.reconciler.sync.webex.create_webhook(access, &webhook).await {
        Ok(_) => Ok(Creation::Created),
        Err(error) if owner == Owner::Org && is_refused(&error) => Ok(Creation::OrgRefused),
        Err(error) => Err(error.into()),
    }
}

fn target_url(cycle: &Cycle<'_>) -> String {
    format!("{}/webhooks/webex/{}", cycle.reconciler.public_url, cycle.tenant())
}

fn is_refused(error: &CallError) -> bool {
    matches!(error.status(), Some(400 | 403))
}

/// Returns the part of a webhook's name that admins see in Webex.
fn name(resource: Resource, event: Event) -> String {
    let resource = match resource {
        Resource::Rooms => "Rooms",
        Resource::Memberships => "Memberships",
        Resource::Messages => "Messages",
        Resource::AttachmentActions => "AttachmentActions",
    };
    let event = match event {
        Event::Created => "Created",
        Event::Updated => "Updated",
        Event::Deleted => "Deleted",
        Event::Migrated => "Migrated",
    };
    format!("{resource} {event}")
}
