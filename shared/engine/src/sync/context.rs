//! Loads what a message needs, and queues messages for later.

use std::sync::atomic::AtomicUsize;

use jiff::{SignedDuration, Timestamp};

use super::next::YIELD;
use super::types::{ApiAccess, TenantContext};
use super::{Deps, SyncError};
use crate::link::{self, Link, LinkRow};
use crate::tenant::{self, TenantSnapshot};
use clients::http::{Deadline, ErrorClass};
use domain::ids::{TeamId, TenantId};
use store::message::{Job, Message, Trigger};
use store::queue::QueueError;
use store::table::{StoreError, from_item};
use uuid::Uuid;

/// Time after which a message that keeps failing is dropped.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Pause of a message after an error that may pass soon.
const RETRY_TRANSIENT: SignedDuration = SignedDuration::from_secs(30);

/// Pause of a message after an error that only a person can remove.
const RETRY_PERMANENT: SignedDuration = SignedDuration::from_mins(15);

/// Seconds over which messages are spread that wait for the same quota, and not with a link.
const SPREAD_OVER: u128 = 300;

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

/// Queues the same message again for a later moment.
pub(super) async fn send_at(
    deps: &Deps,
    message: &Message,
    at: Timestamp,
) -> Result<(), SyncError> {
    let delay = at.duration_since(deps.clock.now());
    Ok(deps.queue.send(message, delay.try_into().unwrap_or_default()).await?)
}

/// Queues a message again that no link can wait for, some time after `until`. The id spreads
/// messages that wait for the same quota.
pub(super) async fn send_spread(
    deps: &Deps,
    message: &Message,
    until: Timestamp,
    id: Uuid,
) -> Result<(), SyncError> {
    let own = i64::try_from(id.as_u128() % SPREAD_OVER).unwrap_or(0);
    send_at(deps, message, until + SignedDuration::from_secs(own)).await
}

/// Queues a message again whose error no link can store; after a day the message is dropped.
pub(super) async fn retry_message(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    error: SyncError,
) -> Result<(), SyncError> {
    let tenant = context.tenant.tenant;
    let now = deps.clock.now();
    let is_old = now.duration_since(message.at) > GIVE_UP_AFTER;
    let until = match error.class() {
        None => return Err(error),
        // A backoff says when to come back, so it does not count as a failure.
        Some(ErrorClass::ThrottledUntil(until)) => {
            let until =
                tenant::back_off(deps.store.as_ref(), tenant, error.api(), until, now).await?;
            // A message that waited before gives others their time first.
            if now.duration_since(message.at) > YIELD { until + YIELD } else { until }
        }
        Some(_) if is_old => {
            tracing::error!(
                event = "message_dropped", %tenant, %error, ?message,
                "A message was dropped after a day of retries."
            );
            return Ok(());
        }
        Some(ErrorClass::Transient) => now + RETRY_TRANSIENT,
        Some(ErrorClass::NeedsAdministrator | ErrorClass::Permanent) => now + RETRY_PERMANENT,
    };
    tracing::warn!(
        event = "message_delayed", %tenant, %error, again = %until,
        "A message was delayed after an error."
    );
    send_at(deps, message, until).await
}
