//! Asking the creator of a team, by card, whether it should have a group.

use jiff::SignedDuration;
use serde_json::json;

use super::look::{End, Look};
use super::{Desk, Sync, SyncError};
use crate::link::{self, Asked, Card, Ended, Link, Phase, TroubleKind};
use clients::http::{Access, CallError};
use clients::webex::{AttachmentAction, Role, WebexId, plain};
use domain::ids::{PersonId, RoomId, TeamId};
use store::message::{Cause, Message};

/// How long a card waits for its answer.
const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Sync {
    /// Sends the card, once, and waits for its answer, for as long as it is good.
    pub(super) async fn ask_creator(&self, look: &mut Look<'_>) -> Result<End, SyncError> {
        if let Phase::Asked { card: Some(card) } = &look.link.phase {
            let lapses_at = card.sent_at + ANSWERED_WITHIN;
            if look.started < lapses_at {
                return Ok(End::Looked { due: Some(lapses_at) });
            }
            look.report.note("Nobody answered whether the team should have a group: it gets none.");
            look.link.phase = Phase::Ended { why: Ended::NotAnswered };
            return Ok(End::Looked { due: None });
        }
        let space = WebexId::new(look.link.region.clone(), look.link.team.general_space());
        let named = self.webex.room(&look.calls.webex, &space).await?.and_then(|room| room.creator);
        let creators = self.creators(look.desk, &look.calls.webex, &space, named).await?;
        let Some(&creator) = creators.first() else {
            return Ok(End::Trouble {
                kind: TroubleKind::NoOwner,
                reason: "Nobody is there to be asked: the team has no moderator.".into(),
            });
        };
        let to = WebexId::new(look.desk.tenant.region.clone(), creator);
        let text = format!("Create a Microsoft 365 group for the team “{}”?", plain(&look.link.title));
        let card = question(&look.link.title, look.link.team);
        let message = self.webex.send_card(&look.calls.webex, &to, &text, card).await?;
        look.link.phase = Phase::Asked { card: Some(Card { message, sent_at: look.started }) };
        look.link.asked = Some(Asked { person: creator, at: look.started });
        look.report.note("The creator was asked whether the team should have a group.");
        Ok(End::Looked { due: Some(look.started + ANSWERED_WITHIN) })
    }

    /// Who counts as a team's creator: whom Webex names, else its moderators.
    pub(super) async fn creators(
        &self,
        desk: &Desk,
        webex: &Access,
        space: &WebexId<RoomId>,
        named: Option<PersonId>,
    ) -> Result<Vec<PersonId>, CallError> {
        if let Some(named) = named {
            return Ok(vec![named]);
        }
        let people = self.webex.memberships(webex, space).await?.into_inner();
        let moderators = people.iter().filter(|one| one.role == Role::Moderator && one.person != desk.tenant.officer);
        Ok(moderators.map(|one| one.person).collect())
    }

    /// Takes the answer to a card. Only an answer to the very card that was sent for the team counts.
    pub(super) async fn card_answered(&self, desk: &Desk, message: &Message, action: &str) -> Result<(), SyncError> {
        let tenant = desk.tenant.tenant;
        if let Some(until) = desk.shut_until {
            return self.send_at(message, until).await;
        }
        let answer = match self.answer(desk, action).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(()),
            Err(error) => return self.later(desk, message, error).await,
        };
        let input = |name: &str| answer.inputs.get(name).and_then(serde_json::Value::as_str);
        let Some(team) = input("team").and_then(|team| team.parse::<TeamId>().ok()) else { return Ok(()) };
        let Some(kept) = self.kept(tenant, team).await? else { return Ok(()) };
        if !matches!(&kept.link.phase, Phase::Asked { card: Some(card) } if card.message == answer.message_id) {
            return Ok(());
        }
        // A card can be forwarded: whoever has it may press it.
        match self.may_answer(desk, &kept.link, answer.person).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(%tenant, %team, person = %answer.person, "an answer of somebody who is neither creator nor moderator counts for nothing");
                return Ok(());
            }
            Err(error) => return self.later(desk, message, error).await,
        }
        let now = self.clock.now();
        let until = now + SignedDuration::from_secs(30);
        let Some((lease, kept)) = link::take_lease(self.store.as_ref(), tenant, team, now, until).await? else {
            return self.send_at(message, until).await;
        };
        let mut link = kept.link.clone();
        link.phase = match input("group") {
            Some("yes") => Phase::Creating { request: None },
            _ => Phase::Ended { why: Ended::NotWanted },
        };
        let closing = link::Closing {
            looked: kept.looked,
            wanted: kept.wanted,
            hinted: kept.hinted,
            next_look: now,
            delayed: None,
        };
        self.store.write(vec![lease.close(tenant, &link, &closing)?]).await?;
        Ok(self.ask_again(tenant, &link, (now, Cause::Again), now).await?)
    }

    /// Whether somebody is the team's creator, or a moderator of it.
    async fn may_answer(&self, desk: &Desk, link: &Link, person: PersonId) -> Result<bool, SyncError> {
        let access = self.tokens.webex(desk.tenant.tenant, desk.tenant.officer, desk.deadline).await?;
        let space = WebexId::new(link.region.clone(), link.team.general_space());
        if self.webex.room(&access, &space).await?.and_then(|room| room.creator) == Some(person) {
            return Ok(true);
        }
        let people = self.webex.memberships(&access, &space).await?.into_inner();
        Ok(people.iter().any(|one| one.person == person && one.role == Role::Moderator))
    }

    async fn answer(&self, desk: &Desk, action: &str) -> Result<Option<AttachmentAction>, SyncError> {
        let access = self.tokens.webex(desk.tenant.tenant, desk.tenant.officer, desk.deadline).await?;
        Ok(self.webex.attachment_action(&access, action).await?)
    }
}

/// The card: two buttons. <https://developer.webex.com/docs/buttons-and-cards>
fn question(title: &str, team: TeamId) -> serde_json::Value {
    let button = |title: &str, group: &str| json!({"type": "Action.Submit", "title": title, "data": {"team": team, "group": group}});
    json!({
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.3",
        "body": [
            {"type": "TextBlock", "text": "Create a Microsoft 365 group for this team?", "weight": "bolder", "size": "medium", "wrap": true},
            {"type": "TextBlock", "text": format!("Team: {}", plain(title)), "wrap": true},
            {"type": "TextBlock", "wrap": true, "text": "The group gets the team's people, its moderators as owners, and its name, with a mailbox and a SharePoint site. From then on both are kept as one: whoever joins or leaves on one side joins or leaves on the other."},
            {"type": "TextBlock", "wrap": true, "isSubtle": true, "text": "Without an answer within 7 days, no group is created."},
        ],
        "actions": [button("Create", "yes"), button("Not now", "no")],
    })
}
