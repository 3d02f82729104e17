//! Tokens and secrets that must not expire, and the suspension of a tenant.

use jiff::{SignedDuration, Timestamp};

use super::SyncError;
use super::context::Cycle;
use super::lease::Extent;
use crate::credentials::registration::Registration;
use crate::notify::{self, AlertKey, AlertMessage};
use crate::tenant::suspension::{self, Refusal, Suspension, SuspensionReason};
use clients::webex::ScimOrder;
use store::table::Write;

/// Remaining life at which the end of a secret is worth an alert.
const ALERT_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Window of the events that are read to test the permission to read them.
const PROBED: SignedDuration = SignedDuration::from_mins(1);

/// Returns `true` if the tenant is not suspended, or no longer.
///
/// A suspended tenant is probed every five minutes. Its cursors do not move, so that later cycles
/// read everything that happens meanwhile.
pub(super) async fn try_resume(cycle: &mut Cycle<'_>, extent: Extent) -> Result<bool, SyncError> {
    let tenant = cycle.tenant();
    if !cycle.reconciler.allowed.includes(cycle.snapshot.tenant.org) {
        close(cycle, extent).await?;
        return Ok(false);
    }
    let Some(suspension) = cycle.snapshot.suspension.take() else {
        return Ok(true);
    };
    cycle.report.suspension = Some(suspension.why);
    if extent == Extent::Minute {
        return Ok(false);
    }
    // A token keeps the permissions it was issued with, so the probe needs a new one.
    cycle.reconciler.sync.tokens.purge(tenant, cycle.directory());
    if let Err(error) = probe(cycle).await {
        let now = cycle.now();
        cycle.report.failures.push(format!("probe: {error}"));
        let (why, said) = match error.suspension_reason() {
            Some(why) => (why, error.to_string()),
            // The error says nothing about the permissions: the suspension stays as it is.
            None => (suspension.why, suspension.said),
        };
        cycle.report.suspension = Some(why);
        let refusal = Refusal { why, of: "probe".into(), said };
        suspension::begin(cycle.store(), tenant, refusal, now).await?;
        notify_suspension(cycle).await?;
        return Ok(false);
    }
    tracing::info!(
        event = "tenant_resumed",
        %tenant,
        since = %suspension.since,
        why = ?suspension.why,
        "resumed a suspended tenant"
    );
    suspension::end(cycle.store(), tenant).await?;
    (cycle.report.suspension, cycle.snapshot.throttled_until) = (None, None);
    notify_resumed(cycle, &suspension).await?;
    Ok(true)
}

/// Stops the tenant of an organization that the operator no longer serves.
async fn close(cycle: &mut Cycle<'_>, extent: Extent) -> Result<(), SyncError> {
    let why = SuspensionReason::ClosedByOperator;
    cycle.report.suspension = Some(why);
    let known = cycle.snapshot.suspension.take();
    let is_closed = known.as_ref().is_some_and(|known| known.why == why);
    if is_closed && extent == Extent::Minute {
        return Ok(());
    }
    let (tenant, now) = (cycle.tenant(), cycle.now());
    suspension::close(cycle.store(), tenant, known.as_ref(), now).await?;
    if !is_closed {
        tracing::warn!(
            event = "tenant_closed", %tenant,
            "stopped the tenant of an organization that is no longer served"
        );
    }
    notify_suspension(cycle).await
}

/// Makes one call with each permission that the integration needs.
async fn probe(cycle: &Cycle<'_>) -> Result<(), SyncError> {
    let (sync, now) = (&cycle.reconciler.sync, cycle.now());
    let (webex, graph) = (cycle.webex().await?, cycle.graph().await?);
    sync.webex.membership_events(&webex, None, now - PROBED, now).await?;
    sync.webex.scim_page(&webex, cycle.snapshot.tenant.org, 1, 1, ScimOrder::ById).await?;
    sync.graph.subscriptions(&graph).await?;
    Ok(())
}

/// Refreshes the service account's tokens, and raises an alert if they end soon. The end of a
/// client secret is counted.
pub(super) async fn keep_tokens_alive(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let tokens = &cycle.reconciler.sync.tokens;
    let refreshed = tokens.keep_alive(cycle.tenant(), cycle.deadline).await;
    if let Ok(at) = refreshed {
        let message = AlertMessage::ServiceAccountTokensEnd { at };
        update_end_alert(cycle, AlertKey::ServiceAccountTokensEnding, at, message).await?;
    }
    for registration in [Registration::Groups, Registration::Files] {
        if let Some(at) = tokens.secret_ends_at(registration)
            && is_near(cycle, at)
        {
            count_ending_secret(registration, at);
        }
    }
    // The error comes last: a client secret that ends is counted all the same.
    refreshed.map(drop).map_err(Into::into)
}

fn is_near(cycle: &Cycle<'_>, end: Timestamp) -> bool {
    end.duration_since(cycle.now()) < ALERT_BEFORE
}

/// Rings for the operator: no admin of a tenant can renew a secret of the deployment.
fn count_ending_secret(registration: Registration, at: Timestamp) {
    metrics::counter!("AppSecretsEnding").increment(1);
    tracing::warn!(
        event = "app_secret_ends",
        %registration,
        %at,
        "the client secret of an app registration ends soon"
    );
}

/// Raises the alert if `end` is near, and withdraws it if it is not.
async fn update_end_alert(
    cycle: &Cycle<'_>,
    alert: AlertKey,
    end: Timestamp,
    message: AlertMessage,
) -> Result<(), SyncError> {
    let is_near = is_near(cycle, end);
    let is_raised = notify::load(cycle.store(), cycle.tenant(), alert).await?.is_some();
    let change = match (is_near, is_raised) {
        (true, false) => raise(cycle, alert, message)?,
        (false, true) => notify::withdraw(cycle.tenant(), alert),
        _ => return Ok(()),
    };
    Ok(cycle.store().write(vec![change]).await?)
}

async fn notify_resumed(cycle: &Cycle<'_>, suspension: &Suspension) -> Result<(), SyncError> {
    let tenant = cycle.tenant();
    let alert = notify::load(cycle.store(), tenant, AlertKey::Suspended).await?;
    let mut changes = vec![notify::withdraw(tenant, AlertKey::Suspended)];
    // The end is news only to a recipient who heard of the beginning.
    if alert.is_some_and(|alert| alert.notified_at.is_some()) {
        let message = AlertMessage::Resumed { since: suspension.since };
        changes.push(raise(cycle, AlertKey::Resumed, message)?);
    }
    Ok(cycle.store().write(changes).await?)
}

/// Raises the alert of a new suspension that an admin can end, and sends it if messages still work.
pub(super) async fn notify_suspension(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let tenant = cycle.tenant();
    let Some(suspension) = suspension::load(cycle.store(), tenant).await? else {
        return Ok(());
    };
    let Suspension { why: reason, since, .. } = suspension;
    // No admin of a tenant can mend it. It rings for the operator.
    if reason == SuspensionReason::OwnCredential {
        return Ok(());
    }
    let message = AlertMessage::Suspended { reason, since };
    let known = notify::load(cycle.store(), tenant, AlertKey::Suspended).await?;
    if known.is_none_or(|known| known.message != message) {
        let raised = raise(cycle, AlertKey::Suspended, message)?;
        let outdated = notify::withdraw(tenant, AlertKey::Resumed);
        cycle.store().write(vec![outdated, raised]).await?;
    }
    if let Err(error) = super::notify::run(cycle).await {
        cycle.report.failures.push(format!("notify: {error}"));
    }
    Ok(())
}

fn raise(cycle: &Cycle<'_>, alert: AlertKey, message: AlertMessage) -> Result<Write, SyncError> {
    Ok(notify::raise(cycle.tenant(), alert, message, "/".into(), cycle.now())?)
}
