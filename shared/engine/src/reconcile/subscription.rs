//! The Graph subscription to the directory's groups: created, renewed, and replaced when it is
//! lost. Notifications shorten delays; correctness does not depend on them.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::SyncError;
use super::context::Cycle;
use super::cursor::{self, Stored};
use crate::credentials::webhook_keys::WebhookKind;
use clients::graph::{SUBSCRIPTION_LIFE, Subscription};

/// Name of the item with its state.
const CURSOR: &str = "subscription";

/// Remaining life at which a subscription is renewed: half of it, so that two weeks of failures
/// lose nothing.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Generation of the key in the subscription's `clientState`. It cannot be changed, so a new key
/// needs a new subscription.
#[derive(Serialize, Deserialize)]
struct Generation {
    generation: String,
}

/// Keeps exactly one current subscription of the tenant.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let (tenant, graph) = (cycle.tenant(), &cycle.reconciler.sync.graph);
    let known: Option<Generation> = match cursor::load(cycle, CURSOR).await? {
        Stored::Cursor(known) => Some(known),
        Stored::Absent | Stored::Unreadable => None,
    };
    let keys = cycle.reconciler.keys.get().await?;
    let is_current = known.is_some_and(|known| known.generation == keys.current());
    let path = format!("/webhooks/graph/{tenant}");
    let url = format!("{}{path}", cycle.reconciler.public_url);
    let access = cycle.graph().await?;
    // Subscriptions with an earlier base URL, or whose creation answer was lost, are ours too.
    let is_ours = |subscription: &Subscription| subscription.notification_url.ends_with(&path);
    let all = graph.subscriptions(&access).await?;
    let ours: Vec<_> = all.into_iter().filter(is_ours).collect();
    let usable = ours.iter().filter(|one| is_current && one.notifies(&url));
    let newest = usable.max_by_key(|one| one.ends_at);
    let ends_at = cycle.now() + SUBSCRIPTION_LIFE;
    let current = match newest {
        Some(newest) if newest.ends_at.duration_since(cycle.now()) > RENEWED_BEFORE => {
            Some(&newest.id)
        }
        Some(newest) => {
            cycle.report.repaired += 1;
            let renewed = graph.renew_subscription(&access, &newest.id, ends_at).await?;
            // One that is gone meanwhile is created again.
            renewed.map(|_| &newest.id)
        }
        None => None,
    };
    if current.is_none() {
        let secret = keys.secret(tenant, WebhookKind::Graph);
        let created = graph.subscribe(&access, &url, &secret, ends_at).await?;
        tracing::info!(
            event = "subscription_created",
            %tenant,
            subscription = created.id,
            "subscribed to groups"
        );
        cycle.report.repaired += 1;
        let generation = Generation { generation: keys.current() };
        cycle.store().write(vec![cursor::put(tenant, CURSOR, &generation)?]).await?;
    }
    // Last, so that no notification is lost between the old and the new one.
    for other in ours.iter().filter(|one| Some(&one.id) != current) {
        graph.delete_subscription(&access, &other.id).await?;
    }
    Ok(())
}
