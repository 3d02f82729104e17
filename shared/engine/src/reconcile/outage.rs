//! Services that fail for a tenant as a whole. Its admins get one notice, and none for each link.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SyncError;
use super::context::Cycle;
use super::parts::Part;
use crate::credentials::tokens::TokensError;
use crate::notify::{self, AlertKey, AlertMessage, LinkFailures, Provider};
use clients::http::{Api, ErrorClass};
use store::table::Write;

/// Time for which a service fails before an alert is raised.
const ALERT_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// Time in which links recover after an outage, before their own failures are sent.
const RECOVERY: SignedDuration = SignedDuration::from_mins(15);

/// The failure of a part of the cycle, cycle after cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Outage {
    provider: Provider,
    since: Timestamp,
    /// The service's last answer, with its request id.
    said: String,
    /// The end, if the part works again.
    until: Option<Timestamp>,
    /// The alert about it was sent, and is withdrawn.
    is_alerted: bool,
}

impl Outage {
    fn is_long(&self, now: Timestamp) -> bool {
        self.until.unwrap_or(now).duration_since(self.since) >= ALERT_AFTER
    }

    /// Returns `true` if links can still suffer from it.
    fn has_effect(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|at| now < at + RECOVERY)
    }
}

/// The outages of a tenant, by the part that fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Outages(BTreeMap<String, Outage>);

/// The effect of a part's success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// It worked before, or failed for a short time.
    Plain,
    /// It failed for so long that admins were notified.
    AfterLong,
}

impl Outages {
    /// Records that a part failed. Refusals of the tenant and throttling have their own alerts and
    /// pauses.
    pub(super) fn record_failure(&mut self, part: Part, error: &SyncError, now: Timestamp) {
        let of_service = match error {
            SyncError::Call(call) | SyncError::Tokens(TokensError::Refresh(call)) => Some(call.api),
            SyncError::Tokens(TokensError::Entra(_)) => Some(Api::Entra),
            _ => None,
        };
        let is_failure = error.suspension_reason().is_none()
            && matches!(error.class(), Some(ErrorClass::Transient | ErrorClass::Permanent));
        let Some(api) = of_service.filter(|_| is_failure) else { return };
        let (said, provider) = (error.to_string(), Provider::of(api));
        let new = Outage { provider, since: now, said, until: None, is_alerted: false };
        match self.0.get_mut(&part.to_string()) {
            // The beginning stays, since the alert waits for a long outage.
            Some(lasting) if lasting.until.is_none() => lasting.said = new.said,
            _ => _ = self.0.insert(part.to_string(), new),
        }
    }

    /// Records that a part works.
    pub(super) fn record_success(&mut self, part: Part, now: Timestamp) -> Recovery {
        let name = part.to_string();
        match self.0.get_mut(&name) {
            Some(outage) if outage.until.is_some() => Recovery::Plain,
            Some(outage) if outage.is_long(now) => {
                // It stays known while links recover, and holds back their alerts.
                outage.until = Some(now);
                Recovery::AfterLong
            }
            _ => {
                self.0.remove(&name);
                Recovery::Plain
            }
        }
    }

    /// Ends the outages of parts that no longer run.
    pub(super) fn end_other_parts(&mut self, parts: &[Part], now: Timestamp) {
        let names: Vec<String> = parts.iter().map(Part::to_string).collect();
        // No success of theirs would ever end them.
        for (_, outage) in self.0.iter_mut().filter(|(name, _)| !names.contains(name)) {
            outage.until.get_or_insert(now);
        }
    }

    /// Returns the treatment of the failures of single links: an outage explains them.
    pub(super) fn link_failures(&self) -> LinkFailures {
        if self.0.is_empty() { LinkFailures::Sent } else { LinkFailures::Held }
    }

    fn of(&mut self, provider: Provider) -> impl Iterator<Item = &mut Outage> {
        self.0.values_mut().filter(move |outage| outage.provider == provider)
    }
}

/// Raises and withdraws the alerts about outages, and drops those without further effect.
pub(super) async fn update_alerts(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    if cycle.outages.0.is_empty() {
        return Ok(());
    }
    let (tenant, now) = (cycle.tenant(), cycle.now());
    for provider in [Provider::Webex, Provider::Microsoft] {
        let key = AlertKey::ServiceFailing(provider);
        let known = notify::load(cycle.store(), tenant, key).await?;
        let is_sent = known.as_ref().is_some_and(|known| known.notified_at.is_some());
        let to_alert = |one: &&mut Outage| one.is_long(now) && !one.is_alerted;
        // One that lasts comes before one that is over.
        let first = cycle.outages.of(provider).filter(to_alert);
        let first = first.min_by_key(|outage| (outage.until.is_some(), outage.since)).cloned();
        let change: Option<Write> = match first {
            // While Webex failed, no alert could be sent. It is sent now, with the end.
            Some(Outage { since, until, said, .. })
                if !is_sent && (known.is_none() || until.is_some()) =>
            {
                let message = AlertMessage::ServiceFailing { provider, since, until, said };
                Some(notify::raise(tenant, key, message, "/".into(), now)?)
            }
            Some(Outage { until: Some(_), .. }) => {
                cycle.outages.of(provider).for_each(|outage| outage.is_alerted = true);
                Some(notify::withdraw(tenant, key))
            }
            Some(_) => None,
            None => known.map(|_| notify::withdraw(tenant, key)),
        };
        cycle.store().write(Vec::from_iter(change)).await?;
    }
    let mut ended = vec![];
    cycle.outages.0.retain(|_, outage| {
        ended.extend((!outage.has_effect(now)).then_some(outage.provider));
        outage.has_effect(now)
    });
    // Without a recipient, only the pages have shown it.
    ended.retain(|provider| cycle.outages.of(*provider).next().is_none());
    let writes =
        ended.into_iter().map(|one| notify::withdraw(tenant, AlertKey::ServiceFailing(one)));
    for write in writes {
        cycle.store().write(vec![write]).await?;
    }
    Ok(())
}
