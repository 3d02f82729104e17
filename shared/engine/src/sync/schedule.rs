//! Arithmetic of moments: daily runs, pauses after failures, and messages that wait.

use jiff::{SignedDuration, Timestamp};

use super::link_alerts::ALERT_AFTER;
use super::types::TenantContext;
use crate::link::{FailureKind, Link};
use crate::tenant::Running;
use domain::ids::TeamId;
use store::queue::LONGEST_DELAY;

/// Added to the moment of a delayed message, in case that the message is lost.
pub(super) const MESSAGE_LOSS_MARGIN: SignedDuration = SignedDuration::from_mins(2);

/// Returns `true` if the queue can hold a message until then.
pub(super) fn is_within_message_delay(until: Timestamp, now: Timestamp) -> bool {
    until.duration_since(now) <= SignedDuration::try_from(LONGEST_DELAY).unwrap_or_default()
}

/// The last daily run in the tenant's present mode.
pub(super) fn last_full_sync(context: &TenantContext, link: &Link) -> Option<Timestamp> {
    match context.settings.running {
        Running::Live => link.full_sync_at,
        Running::Preview => link.previewed_at,
    }
}

/// The next daily moment of a team after `at`.
///
/// It derives from the team's id, so that the daily runs of a tenant are spread evenly whenever
/// its links were created.
pub(super) fn next_daily_moment(team: TeamId, at: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let own = i64::try_from(team.0.as_u128() % DAY.unsigned_abs() as u128).unwrap_or(0);
    at + SignedDuration::from_millis(DAY - (at.as_millisecond() - own).rem_euclid(DAY))
}

/// Pause of a failing link: doubles each time, up to a limit that depends on the failure.
fn pause(link: &Link) -> SignedDuration {
    let Some(failure) = &link.failure else { return SignedDuration::ZERO };
    let (first, longest) = match failure.kind() {
        FailureKind::CallFailed | FailureKind::NoProgress => (30, 3600),
        FailureKind::GroupMissing | FailureKind::TeamMissing | FailureKind::Contradicted => {
            (60, 3600)
        }
        FailureKind::NoOwner | FailureKind::NeedsAdministrator => (300, 3600),
        // Only a person can mend these: more tries would just cost calls.
        FailureKind::GroupNotOurs | FailureKind::CreationRestricted | FailureKind::Archived => {
            (3600, 86_400)
        }
    };
    // Further doublings change nothing, and in the end the shift would overflow.
    let seconds = (first << failure.tries.saturating_sub(1).min(12)).min(longest);
    spread(link.team, SignedDuration::from_secs(seconds))
}

/// The next try of a failing link. It is early enough to raise the alert about the failure in time.
pub(super) fn next_try(link: &Link, now: Timestamp) -> Timestamp {
    let again = now + pause(link);
    let alert_at = link.failure.as_ref().map(|failure| failure.since + ALERT_AFTER);
    alert_at.filter(|at| *at > now).map_or(again, |at| again.min(at))
}

/// Three quarters of `span` and up to a quarter more, by the team's id.
///
/// Links that fail together do not retry together.
fn spread(team: TeamId, span: SignedDuration) -> SignedDuration {
    let quarter = span.as_secs() / 4;
    let divisor = u128::try_from(quarter.max(1)).unwrap_or(1);
    let own = i64::try_from(team.0.as_u128() % divisor).unwrap_or(0);
    SignedDuration::from_secs(3 * quarter + own)
}
