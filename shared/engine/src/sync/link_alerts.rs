//! Alerts about one link: raised when their reason begins, withdrawn when it ends.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::failing_people::FailingPeople;
use crate::link::{Ended, Link, Phase, RenameRefusal};
use crate::notify::{self, AlertKey, AlertMessage, LinkAlert};
use domain::ids::TenantId;
use domain::merge::OWNER_LIMIT;
use store::table::{StoreError, Write};

/// Number of owners that raises an alert: a group can have 100, and further ones become members.
const NEARLY_ALL_OWNERS: usize = OWNER_LIMIT - 5;

/// Time before the end of a group in which an alert is raised.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Time for which a link fails before an alert is raised. A run comes at its end, and a cycle sends
/// the alert within minutes.
pub(super) const ALERT_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// Time for which the return of a link is shown.
const RETURN_SHOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Most people whom one alert names. It counts the others.
const NAMED: usize = 3;

/// Alerts of a link after a run, and the writes that lead there.
pub(super) struct AlertPlan {
    pub(super) alerts: BTreeSet<LinkAlert>,
    pub(super) writes: Vec<Write>,
}

/// Says which alerts begin and end. An alert that stays costs nothing.
pub(super) fn plan_alerts(
    tenant: TenantId,
    link: &Link,
    failing: &FailingPeople,
    now: Timestamp,
) -> Result<AlertPlan, StoreError> {
    let is_ended = matches!(link.phase, Phase::Ended { .. });
    let (mut alerts, mut writes) = (link.alerts.clone(), vec![]);
    let has_news = |alert| alert == LinkAlert::PeopleFailing && !failing.new.is_empty();
    for (alert, message) in messages(link, failing, now) {
        let key = AlertKey::Link(link.team, alert);
        // No one can act on the other alerts of a link that has ended.
        match message.filter(|_| !is_ended || alert == LinkAlert::Ended) {
            // Raised only at the beginning, since each raised alert is sent.
            Some(message) => {
                if alerts.insert(alert) || has_news(alert) {
                    let page = format!("/teams/{}", link.team);
                    writes.push(notify::raise(tenant, key, message, page, now)?);
                }
            }
            None => {
                if alerts.remove(&alert) {
                    writes.push(notify::withdraw(tenant, key));
                }
            }
        }
    }
    Ok(AlertPlan { alerts, writes })
}

/// Each alert with its message, where its reason holds.
fn messages(
    link: &Link,
    failing_people: &FailingPeople,
    now: Timestamp,
) -> [(LinkAlert, Option<AlertMessage>); 9] {
    let team = || link.title.clone();
    let pending = link.held.map(|_| AlertMessage::RemovalsPending { team: team() });
    let failing = link.failure.as_ref();
    let failing = failing.filter(|failure| now.duration_since(failure.since) >= ALERT_AFTER);
    let failing = failing.map(|failure| AlertMessage::LinkFailing {
        team: team(),
        since: failure.since,
        reason: failure.reason.clone(),
    });
    let people = link.failing_people;
    let FailingPeople { new, unsent, .. } = failing_people;
    let people_failing = (people > 0).then(|| AlertMessage::PeopleFailing {
        team: team(),
        people,
        named: new.iter().chain(unsent).take(NAMED).cloned().collect(),
    });
    let lost_side = link.names.as_ref().and_then(|names| names.lost_for_good());
    let rename_lost = lost_side.map(|side| AlertMessage::RenameLost { team: team(), side });
    // One rename gets one alert.
    let refused = link.rename_refused.clone().filter(|_| lost_side.is_none());
    let rename_refused = refused.map(|RenameRefusal { side, to, said }| {
        AlertMessage::RenameRefused { team: team(), side, to, said }
    });
    let owners = link.counts.owners;
    let near_owner_limit = (owners >= NEARLY_ALL_OWNERS).then(|| AlertMessage::NearOwnerLimit {
        team: team(),
        owners,
        limit: OWNER_LIMIT,
    });
    let ends_soon = link.group_ends_at.filter(|end| end.duration_since(now) < ENDS_SOON);
    let near_expiry = ends_soon.map(|_| AlertMessage::NearExpiry { team: team() });
    let ended = match &link.phase {
        Phase::Ended { why, way_back: Some(_) } => Some(match why {
            Ended::TeamDeleted => AlertMessage::TeamDeleted { team: team() },
            // Only a missing team or group leaves a way back.
            _ => AlertMessage::GroupDeleted { team: team() },
        }),
        _ => None,
    };
    let returned = link.returned_at.filter(|at| now.duration_since(*at) < RETURN_SHOWN_FOR);
    let returned = returned.map(|_| AlertMessage::LinkReturned { team: team() });
    [
        (LinkAlert::Ended, ended),
        (LinkAlert::Returned, returned),
        (LinkAlert::PendingApproval, pending),
        (LinkAlert::Failing, failing),
        (LinkAlert::PeopleFailing, people_failing),
        (LinkAlert::RenameLost, rename_lost),
        (LinkAlert::RenameRefused, rename_refused),
        (LinkAlert::NearOwnerLimit, near_owner_limit),
        (LinkAlert::NearExpiry, near_expiry),
    ]
}
