//! What a look does beside people and names: the officer's place in the team, and the group's expiry.

use jiff::SignedDuration;

use super::look::Look;
use super::read::Reading;
use super::{Desk, Sync, SyncError};
use crate::link::{OfficerPlace, PutThere};
use crate::tenant::OfficerStanding;
use clients::graph::SUBSCRIPTION_LIFE;
use clients::http::Class;
use clients::webex::{Added, Role, WebexId};
use store::message::Message;

impl Sync {
    /// By default the officer stands inside: it adds itself to the General space as a moderator, once. Whom a person put out stays out. One that was replaced leaves.
    pub(super) async fn step_inside(&self, look: &mut Look<'_>, reading: &Reading) -> Result<(), SyncError> {
        let mut place = reading.place;
        if wants_inside(look, reading) {
            let space = WebexId::new(look.link.region.clone(), look.link.team.general_space());
            let account = look.desk.tenant.officer;
            let officer = WebexId::new(look.desk.tenant.region.clone(), account);
            match self.webex.add_membership(&look.calls.webex, &space, &officer, Role::Moderator).await {
                Ok(added) => {
                    // An answer that was lost says "already there" at the second try; a reading decides.
                    let is_there = added == Added::Added
                        || self.webex.membership_in(&look.calls.webex, &space, &officer).await?.is_some();
                    if is_there {
                        place = OfficerPlace::Inside { account, by: PutThere::Itself };
                    }
                }
                // Without it people are kept as one all the same.
                Err(error) if error.class() == Class::Permanent => {
                    look.report.note(format!("The officer could not join the team: {error}"))
                }
                Err(error) => return Err(error.into()),
            }
        }
        let Some(former) = &reading.former else {
            look.link.officer = place;
            return Ok(());
        };
        match self.webex.remove_membership(&look.calls.webex, &former.id).await {
            Ok(_) => look.link.officer = place,
            Err(error) if error.class() == Class::Permanent => {
                look.report.note(format!("The account that was replaced could not be taken out of the team: {error}"))
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The directory's expiration policy counts no activity in Webex: the group of a living team is renewed a month before its end.
    pub(super) async fn renew_before_expiry(&self, look: &mut Look<'_>, reading: &Reading) -> Result<(), SyncError> {
        let Some(group) = &reading.group else { return Ok(()) };
        look.link.group_ends_at = group.group.expires;
        let is_near = group
            .group
            .expires
            .is_some_and(|end| end.duration_since(look.started) < SignedDuration::from_hours(30 * 24));
        if is_near {
            self.graph.renew_group(&look.calls.graph, group.group.id).await?;
            look.report.note("The group was renewed before its expiry.");
        }
        Ok(())
    }

    /// Microsoft wants a subscription to be reauthorized before its end, and may say so many times: to let it live on answers that. One that is lost is made anew by a round.
    pub(super) async fn renew(&self, desk: &Desk, message: &Message, subscription: &str) -> Result<(), SyncError> {
        if let Some(until) = desk.shut_until {
            return self.send_at(message, until).await;
        }
        let renewed = async {
            let access = self.tokens.graph(desk.tenant.directory, desk.deadline).await?;
            let ends_at = self.clock.now() + SUBSCRIPTION_LIFE;
            Ok(self.graph.renew_subscription(&access, subscription, ends_at).await?)
        };
        match renewed.await {
            Ok(_) => Ok(()),
            Err(error) => self.later(desk, message, error).await,
        }
    }

    /// Whether the team is archived. Asked only where the team refused something, so that it costs nothing in step.
    pub(super) async fn is_archived(&self, look: &Look<'_>) -> Result<bool, SyncError> {
        let space = WebexId::new(look.link.region.clone(), look.link.team.general_space());
        Ok(self.webex.room(&look.calls.webex, &space).await?.is_some_and(|room| room.is_read_only))
    }
}

/// Whether the officer has yet to step inside.
pub(super) fn wants_inside(look: &Look<'_>, reading: &Reading) -> bool {
    let wants = look.desk.settings.standing == OfficerStanding::Inside && reading.place == OfficerPlace::NotYet;
    wants && !reading.memberships.is_empty()
}
