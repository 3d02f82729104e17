//! Loads what a message needs, and says what follows an error.

use std::sync::atomic::AtomicUsize;

use jiff::{SignedDuration, Timestamp};

use super::next::YIELD;
use super::types::{ApiAccess, TenantContext};
use super::waiting::Handled;
use super::{Deps, SyncError};
use crate::link::{self, Link, LinkRow};
use crate::tenant::{self, TenantSnapshot};
use clients::http::{Deadline, ErrorClass};
use domain::ids::{TeamId, TenantId};
use store::message::{Job, Message, Trigger};
use store::queue::QueueError;
use store::table::{StoreError, from_item};

/// Pause of a message after an error that may pass soon.
const RETRY_TRANSIENT: SignedDuration = SignedDuration::from_secs(30);

/// Pause of a message after an error that only a person can remove.
const RETRY_PERMANENT: SignedDuration = SignedDuration::from_mins(15);

/// Another sync run of a linked team, for what is requested of it.
pub(super) struct Requeue {
    pub(super) requested_at: Timestamp,
    pub(super) not_before: Timestamp,
}

impl Deps {
    /// Reads the tenant, its settings, rules and backoff, and the link, in one request.
    pub(super) async fn load_context(
        &self,
        tenant: TenantId,
        team: Option<TeamId>,
        deadline: Deadline,
    ) -> Result<Option<(TenantContext, Option<LinkRow>)>, StoreError> {
        let link = team.map(|team| link::key(tenant, team));
        let store = self.store.as_ref();
        let snapshot =
            tenant::load_snapshot(store, tenant, link.as_slice(), self.clock.now()).await?;
        let Some((snapshot, mut others)) = snapshot else { return Ok(None) };
        let row = others.pop().map(from_item).transpose()?;
        let TenantSnapshot {
            tenant,
            settings,
            rules,
            throttled_until,
            throttled_by,
            webex_calls,
            graph_writes,
            all_graph_writes,
            ..
        } = snapshot;
        let context = TenantContext {
            tenant,
            settings,
            rules,
            throttled_until,
            throttled_by,
            webex_calls,
            graph_writes,
            all_graph_writes,
            deadline,
        };
        Ok(Some((context, row)))
    }

    /// Obtains both access tokens at the same time.
    pub(super) async fn api_access(&self, context: &TenantContext) -> Result<ApiAccess, SyncError> {
        let tenant = &context.tenant;
        // Either can need a call.
        let (webex, graph) = futures::future::join(
            self.tokens.webex(tenant.tenant, tenant.service_account, context.deadline),
            self.tokens.graph(tenant.directory, context.deadline),
        )
        .await;
        Ok(ApiAccess { webex: webex?, graph: graph?, webex_acquired: AtomicUsize::new(0) })
    }
}

/// Reads the row of a team's link.
pub(super) async fn load_link(
    deps: &Deps,
    tenant: TenantId,
    team: TeamId,
) -> Result<Option<LinkRow>, StoreError> {
    deps.store.get(&link::key(tenant, team)).await?.map(from_item).transpose()
}

/// Queues another sync run of a linked team.
pub(super) async fn requeue(
    deps: &Deps,
    tenant: TenantId,
    link: &Link,
    request: Requeue,
) -> Result<(), QueueError> {
    let Requeue { requested_at: at, not_before } = request;
    let job = Job::Team { team: link.team, region: Some(link.region.clone()) };
    let message = Message { v: Default::default(), tenant, at, trigger: Trigger::Retry, job };
    // A moment in the past is no duration: the message then goes without delay.
    let delay = not_before.duration_since(deps.clock.now());
    deps.queue.send(&message, delay.try_into().unwrap_or_default()).await
}

/// Returns what follows an error that no link can store.
pub(super) async fn after_refusal(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    error: SyncError,
) -> Result<Handled, SyncError> {
    let tenant = context.tenant.tenant;
    let now = deps.clock.now();
    let handled = match error.class() {
        // Our own error, or one of AWS: the message returns to the queue as it is.
        None => return Err(error),
        Some(ErrorClass::ThrottledUntil(until)) => {
            let until =
                tenant::back_off(deps.store.as_ref(), tenant, error.api(), until, now).await?;
            // One that is throttled again and again gives way to the others.
            let is_second = now.duration_since(message.at) > YIELD;
            Handled::Throttled { until, again: if is_second { until + YIELD } else { until } }
        }
        Some(ErrorClass::Transient) => Handled::Again(now + RETRY_TRANSIENT),
        Some(ErrorClass::NeedsAdministrator | ErrorClass::Permanent) => {
            Handled::Again(now + RETRY_PERMANENT)
        }
    };
    tracing::warn!(
        event = "message_delayed", %tenant, %error, ?handled,
        "A message was delayed after an error."
    );
    Ok(handled)
}
