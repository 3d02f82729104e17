//! The subscription to the directory's groups: made, prolonged, and made anew when it is lost. Notifications make things fast; nothing depends on them.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Round, SyncError};
use crate::credentials::webhook_keys::Kind;
use clients::graph::{SUBSCRIPTION_LIFE, Subscription};
use store::keys;
use store::table::{Condition, Write, from_item, to_item};

/// How long before its end a subscription is prolonged: half its life, so that two weeks of trouble lose nothing.
const PROLONGED_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What the subscription proves itself with. It cannot be changed: with a new key the subscription is made anew.
#[derive(Serialize, Deserialize)]
struct Generation {
    generation: String,
}

impl Round<'_> {
    pub(super) async fn subscription(&mut self) -> Result<(), SyncError> {
        let (tenant, graph) = (self.tenant(), &self.rounds.sync.graph);
        let key = keys::cursor(tenant, "subscription");
        let known: Option<Generation> = self.store().get(&key).await?.map(from_item).transpose()?;
        let keys = self.rounds.keys.get().await?;
        let is_current = known.is_some_and(|known| known.generation == keys.current());
        let url = format!("{}/webhooks/graph/{tenant}", self.rounds.public_url);
        let access = self.graph().await?;
        // Those of an earlier address or a lost answer are ours, too.
        let is_ours =
            |subscription: &Subscription| subscription.notification_url.ends_with(&format!("/webhooks/graph/{tenant}"));
        let ours: Vec<_> = graph.subscriptions(&access).await?.into_iter().filter(is_ours).collect();
        let standing = ours.iter().filter(|one| is_current && one.tells(&url)).max_by_key(|one| one.ends_at);
        let ends_at = self.now() + SUBSCRIPTION_LIFE;
        let kept = match standing {
            Some(standing) if standing.ends_at.duration_since(self.now()) > PROLONGED_BEFORE => Some(&standing.id),
            Some(standing) => {
                self.report.repaired += 1;
                graph.renew_subscription(&access, &standing.id, ends_at).await?.map(|_| &standing.id)
            }
            None => None,
        };
        if kept.is_none() {
            let made = graph.subscribe(&access, &url, &keys.secret(tenant, Kind::Graph), ends_at).await?;
            tracing::info!(%tenant, subscription = made.id, "subscribed to groups");
            self.report.repaired += 1;
            let generation = to_item(&key, &Generation { generation: keys.current().into() })?;
            self.store().write(vec![Write::Put(generation, Condition::Any)]).await?;
        }
        for other in ours.iter().filter(|one| Some(&one.id) != kept) {
            graph.delete_subscription(&access, &other.id).await?;
        }
        Ok(())
    }
}
