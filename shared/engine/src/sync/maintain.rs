//! Maintenance beside people and names: the service account's membership and the group's expiry.

use jiff::SignedDuration;

use super::context::after_refusal;
use super::types::{Reading, Recorded, SyncRecord, SyncRun, TenantContext};
use super::waiting::Handled;
use super::{Deps, SyncError};
use crate::codes::Note;
use crate::link::{Link, ServiceAccountPresence};
use crate::tenant::ServiceAccountMode;
use clients::graph::SUBSCRIPTION_LIFE;
use clients::http::ErrorClass;
use clients::webex::{Added, MembershipRole, WebexId};
use store::message::Message;

/// Time before its end in which a group is renewed.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Lets the service account join the General space as a moderator, once, and a former one leave.
///
/// An account that a person removed stays out. A refusal is noted: people sync without it.
pub(super) async fn join_team(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
) -> Recorded<()> {
    let (webex, access) = (&deps.webex, &run.access.webex);
    let mut record = SyncRecord::of(link.clone());
    let result = async {
        let mut presence = reading.service_account;
        if should_join(run, reading) {
            let space = WebexId::new(link.region.clone(), link.team.general_space());
            let account = run.context.tenant.service_account;
            let id = WebexId::new(run.context.tenant.region.clone(), account);
            match webex.add_membership(access, &space, &id, MembershipRole::Moderator).await {
                Ok(added) => {
                    // A conflict can answer a second try after a lost answer: a reading decides.
                    let is_there = added == Added::Added
                        || webex.membership_in(access, &space, &id).await?.is_some();
                    if is_there {
                        presence = ServiceAccountPresence::Joined { account };
                    }
                }
                Err(error) if error.class() == ErrorClass::Permanent => {
                    let said = error.to_string();
                    record.report.notes.push(Note::ServiceAccountNotAdded { said });
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(former) = &reading.former {
            match webex.remove_membership(access, &former.id).await {
                Ok(_) => {}
                // The link goes on naming the former account, so that the next run tries again.
                Err(error) if error.class() == ErrorClass::Permanent => {
                    let said = error.to_string();
                    record.report.notes.push(Note::FormerAccountNotRemoved { said });
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        record.link.service_account = presence;
        Ok(())
    }
    .await;
    Recorded { record, result }
}

/// Renews a group a month before its end: the directory's expiration policy counts no activity in
/// Webex.
pub(super) async fn renew_before_expiry(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
) -> Recorded<()> {
    let mut record = SyncRecord::of(link.clone());
    let group = reading.group.as_ref().and_then(|group| group.group.as_ref());
    let Some(group) = group else { return Recorded { record, result: Ok(()) } };
    let ends_at = group.expires;
    // Also without a renewal, since an alert goes by it.
    record.link.group_ends_at = ends_at;
    let mut result = Ok(());
    if ends_at.is_some_and(|end| end.duration_since(run.started) < RENEWED_BEFORE) {
        match deps.graph.renew_group(&run.access.graph, group.id).await {
            Ok(_) => record.report.notes.push(Note::GroupRenewed),
            // The rest of the run is done, and its outcome is stored with the error.
            Err(error) => result = Err(error.into()),
        }
    }
    Recorded { record, result }
}

/// Renews a subscription to Graph's change notifications.
///
/// Microsoft demands it before the end, possibly many times. A reconciliation cycle replaces a
/// subscription that is lost.
pub(super) async fn renew_subscription(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    subscription: &str,
) -> Result<Handled, SyncError> {
    if let Some(until) = context.throttled_until {
        return Ok(Handled::NoRoom(until));
    }
    let renewed = async {
        let access = deps.tokens.graph(context.tenant.directory, context.deadline).await?;
        let ends_at = deps.clock.now() + SUBSCRIPTION_LIFE;
        Ok(deps.graph.renew_subscription(&access, subscription, ends_at).await?)
    };
    match renewed.await {
        Ok(_) => Ok(Handled::Done),
        Err(error) => after_refusal(deps, context, message, error).await,
    }
}

/// Asks Webex if the team is archived. Called only where the team refused something.
pub(super) async fn is_archived(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
) -> Result<bool, SyncError> {
    let space = WebexId::new(link.region.clone(), link.team.general_space());
    let room = deps.webex.room(&run.access.webex, &space).await?;
    Ok(room.is_some_and(|room| room.is_read_only))
}

/// Returns `true` if the service account must still join.
pub(super) fn should_join(run: &SyncRun<'_>, reading: &Reading) -> bool {
    run.context.settings.service_account_mode == ServiceAccountMode::Member
        && reading.service_account == ServiceAccountPresence::NeverJoined
        // Webex accepts no one into an empty space.
        && !reading.memberships.is_empty()
}
