//! Asks a team's creator, by card, for a decision about a group, and takes the answer.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::context::{Requeue, after_refusal, load_link, requeue};
use super::types::{Ending, Next, SyncRecord, SyncReport, SyncRun, TenantContext};
use super::waiting::Handled;
use super::{Deps, SyncError};
use crate::activity::Actor;
use crate::codes::{Decision, FailureReason, Note};
use crate::decision::Decider;
use crate::link::{
    ACTION_LEASE, Asked, Begun, Card, CardAnswer, Ended, FollowUp, Link, LinkAction, Phase,
};
use crate::people::PersonIndex;
use crate::phrases::cards;
use clients::http::{Access, CallError};
use clients::webex::{AttachmentAction, MembershipRole, WebexId, plain};
use domain::ids::{PersonId, RoomId, TeamId};
use domain::merge::TRIES;
use store::message::Message;

/// Time for which a card waits for its answer.
const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Time after which a card that was sent is read.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// Sends the card, and waits for its answer.
pub(super) async fn ask_creator(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
) -> Result<Ending, SyncError> {
    if let Phase::Asked { card: Some(card) } = &link.phase {
        let lapses_at = card.sent_at + ANSWERED_WITHIN;
        // The creator still has time to answer.
        if run.started < lapses_at {
            return await_answer(deps, run, link, card, lapses_at).await;
        }
        let phase = Phase::ended(Ended::NotAnswered);
        let link = Link { phase, ..link.clone() };
        let report = SyncReport::of_note(Note::CreatorDidNotAnswer);
        let record = SyncRecord { link, report };
        return Ok(Ending { record, next: Next::Done { settles_at: None } });
    }
    send_card(deps, run, link, 1).await
}

/// Waits for the answer to a card, and reads it until it shows.
async fn await_answer(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    card: &Card,
    lapses_at: Timestamp,
) -> Result<Ending, SyncError> {
    let waits = Next::Done { settles_at: Some(lapses_at) };
    if card.unseen == 0 {
        return Ok(Ending::unchanged(link, waits));
    }
    if deps.webex.has_message(&run.access.webex, &card.message).await? {
        let phase = Phase::Asked { card: Some(Card { unseen: 0, ..card.clone() }) };
        return Ok(Ending::unchanged(&Link { phase, ..link.clone() }, waits));
    }
    let next = Next::Failed { reason: FailureReason::CardNotShown };
    // More cards would annoy a person whom only our reading does not show them.
    if card.unseen >= TRIES {
        return Ok(Ending::unchanged(link, next));
    }
    Ok(Ending { next, ..send_card(deps, run, link, card.unseen + 1).await? })
}

/// Sends the card for the n-th time.
async fn send_card(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    unseen: u32,
) -> Result<Ending, SyncError> {
    let (webex, access) = (&deps.webex, &run.access.webex);
    let space = WebexId::new(link.region.clone(), link.team.general_space());
    let named = webex.room(access, &space).await?.and_then(|room| room.creator);
    let creators = creators(deps, run.context, access, &space, named).await?;
    let Some(&creator) = creators.first() else {
        return Ok(Ending::unchanged(link, Next::Failed { reason: FailureReason::NoModerator }));
    };
    let to = WebexId::new(run.context.tenant.region.clone(), creator);
    let text = cards::question(&plain(&link.title));
    let card = creation_card(&link.title, link.team);
    // After a crash here the creator is asked again, and only the stored card counts.
    let message = webex.send_card(access, &to, &text, card).await?;
    let link = Link {
        phase: Phase::Asked { card: Some(Card { message, sent_at: run.started, unseen }) },
        asked: Some(Asked { person: creator, at: run.started }),
        ..link.clone()
    };
    let record = SyncRecord { link, report: SyncReport::of_note(Note::CreatorAsked) };
    let next = Next::Done { settles_at: Some(run.started + SHOWN_WITHIN) };
    Ok(Ending { record, next })
}

/// The team's creator if Webex names one, otherwise its moderators.
pub(super) async fn creators(
    deps: &Deps,
    context: &TenantContext,
    webex: &Access,
    space: &WebexId<RoomId>,
    named: Option<PersonId>,
) -> Result<Vec<PersonId>, CallError> {
    // Webex knows the creator, so no moderator is asked instead.
    if let Some(named) = named {
        return Ok(vec![named]);
    }
    let people = deps.webex.memberships(webex, space).await?.into_inner().members;
    let moderators = people.iter().filter(|one| {
        one.role == MembershipRole::Moderator && one.person != context.tenant.service_account
    });
    Ok(moderators.map(|one| one.person).collect())
}

/// Takes the answer to a card. Only an answer to the card that was sent for the team counts.
pub(super) async fn card_answered(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    action: &str,
) -> Result<Handled, SyncError> {
    let tenant = context.tenant.tenant;
    if let Some(until) = context.throttled_until {
        return Ok(Handled::NoRoom(until));
    }
    let card = match load_answer(deps, context, action).await {
        Ok(Some(card)) => card,
        Ok(None) => return Ok(Handled::Done),
        Err(error) => return after_refusal(deps, context, message, error).await,
    };
    let input = |name: &str| card.inputs.get(name).and_then(serde_json::Value::as_str);
    let team = input("team").and_then(|team| team.parse::<TeamId>().ok());
    let Some(team) = team else { return Ok(Handled::Done) };
    let Some(row) = load_link(deps, tenant, team).await? else { return Ok(Handled::Done) };
    let answer = match input("group") {
        Some("yes") => CardAnswer::Yes,
        // Only a clear yes creates a group.
        _ => CardAnswer::No,
    };
    // An answer that changes nothing costs no further call.
    if row.link.phase.after_answer(&card.message_id, answer).is_none() {
        return Ok(Handled::Done);
    }
    // A card can be forwarded, and everyone who has it can press its buttons.
    match may_answer(deps, context, &row.link, card.person).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!(
                event = "card_answer_ignored", %tenant, %team, person = %card.person,
                "An answer was ignored: the person is neither creator nor moderator."
            );
            return Ok(Handled::Done);
        }
        Err(error) => return after_refusal(deps, context, message, error).await,
    }
    store_answer(deps, context, team, &card, answer).await
}

/// Stores the decision under a lease, and queues a sync. While another run has the lease, the
/// answer waits.
async fn store_answer(
    deps: &Deps,
    context: &TenantContext,
    team: TeamId,
    card: &AttachmentAction,
    answer: CardAnswer,
) -> Result<Handled, SyncError> {
    let (store, tenant, now) = (deps.store.as_ref(), context.tenant.tenant, deps.clock.now());
    let action = match LinkAction::begin(store, tenant, team, now, ACTION_LEASE).await? {
        Begun::Held(action) => action,
        Begun::Busy => return Ok(Handled::Again(now + ACTION_LEASE)),
        Begun::Gone => return Ok(Handled::Done),
    };
    // The card was pressed more than once, and another answer was faster.
    let Some(phase) = action.row.link.phase.after_answer(&card.message_id, answer) else {
        action.leave().await?;
        return Ok(Handled::Done);
    };
    let link = Link { phase, ..action.row.link.clone() };
    let known = PersonIndex::new(store, tenant).people([card.person]).await?;
    let name = known.get(&card.person).map_or_else(String::new, |known| known.name.clone());
    let actor = Actor::Person { person: card.person, name };
    let by = Decider { actor: &actor, now };
    let writes = by.of_team(tenant, team, Decision::CardAnswered { answer })?;
    action.end(&link, FollowUp::AtOnce, writes).await?;
    let request = Requeue { requested_at: now, not_before: now };
    requeue(deps, tenant, &link, request).await?;
    Ok(Handled::Done)
}

/// Returns `true` if the person is the team's creator or one of its moderators.
async fn may_answer(
    deps: &Deps,
    context: &TenantContext,
    link: &Link,
    person: PersonId,
) -> Result<bool, SyncError> {
    let access = webex_access(deps, context).await?;
    let space = WebexId::new(link.region.clone(), link.team.general_space());
    let room = deps.webex.room(&access, &space).await?;
    if room.and_then(|room| room.creator) == Some(person) {
        return Ok(true);
    }
    let people = deps.webex.memberships(&access, &space).await?.into_inner().members;
    let is_moderator = |role| role == MembershipRole::Moderator;
    Ok(people.iter().any(|one| one.person == person && is_moderator(one.role)))
}

async fn load_answer(
    deps: &Deps,
    context: &TenantContext,
    action: &str,
) -> Result<Option<AttachmentAction>, SyncError> {
    let access = webex_access(deps, context).await?;
    Ok(deps.webex.attachment_action(&access, action).await?)
}

async fn webex_access(deps: &Deps, context: &TenantContext) -> Result<Access, SyncError> {
    let tenant = &context.tenant;
    let account = tenant.service_account;
    Ok(deps.tokens.webex(tenant.tenant, account, context.deadline).await?)
}

/// The card with two buttons. <https://developer.webex.com/docs/buttons-and-cards>
fn creation_card(title: &str, team: TeamId) -> serde_json::Value {
    let button = |title: &str, group: &str| {
        let data = json!({"team": team, "group": group});
        json!({"type": "Action.Submit", "title": title, "data": data})
    };
    let text = |text: &str| json!({"type": "TextBlock", "text": text, "wrap": true});
    let mut question = text(cards::QUESTION);
    question["weight"] = "bolder".into();
    question["size"] = "medium".into();
    let mut timeout = text(cards::DEADLINE);
    timeout["isSubtle"] = true.into();
    json!({
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.3",
        "body": [question, text(&cards::team(&plain(title))), text(cards::EXPLANATION), timeout],
        "actions": [button(cards::YES, "yes"), button(cards::NO, "no")],
    })
}
