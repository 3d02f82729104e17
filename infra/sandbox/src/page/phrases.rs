//! Sentences about what the functions do.

use domain::membership::{Role, Side};
use engine::activity::{Activity, PersonChange};
use engine::link::{Ended, Link, Phase};
use engine::phrases::differences::pending_because;
use engine::phrases::{activity as activity_phrases, failures};
use store::message::Trigger;

use super::cast::first_name;
use super::log::Note;

pub(super) use engine::phrases::failures::suspension;
pub(super) use engine::phrases::folders::{blocker, status};

/// The reason why a team is not linked before its organization has connected.
pub(super) const NOT_CONNECTED: &str =
    "The organization is not connected yet. Connect both sides in the setup pages.";

/// The reason why a team is not linked while sync is off.
pub(super) const SYNC_IS_OFF: &str = "Sync is off. Turn it on in the settings of the setup pages.";

/// The maximum number of people that are named; more are counted.
const MAX_NAMES: usize = 3;

/// The name of a side.
fn service(side: Side) -> &'static str {
    match side {
        Side::Team => "Webex",
        Side::Group => "Microsoft 365",
    }
}

fn place(side: Side) -> &'static str {
    match side {
        Side::Team => "the Webex team",
        Side::Group => "the Microsoft 365 group",
    }
}

fn title(side: Side) -> &'static str {
    match side {
        Side::Team => "moderator",
        Side::Group => "owner",
    }
}

/// The trigger of a sync.
pub(super) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::WebexWebhook => "Webhook from Webex",
        Trigger::SpaceWebhook => "Webhook from Webex about the space",
        Trigger::WebexEvent => "Webex event, found by reconciliation",
        Trigger::GraphNotification => "Notification from Microsoft",
        Trigger::GraphDelta => "Changed group, found by reconciliation",
        Trigger::Due => "Scheduled sync",
        Trigger::Administrator => "Request of an administrator",
        Trigger::Person => "Changed account",
        Trigger::Retry => "Follow-up of the previous sync",
    }
}

/// A change of one or more people.
#[derive(Clone, Copy, PartialEq, Eq)]
struct RoleChange {
    side: Side,
    from: Role,
    to: Role,
}

impl RoleChange {
    fn of(change: &PersonChange) -> Self {
        Self { side: change.side, from: change.from, to: change.to }
    }
}

/// A sentence for each kind of change of a sync.
pub(super) fn decisions(activity: &Activity, name: &impl Fn(&PersonChange) -> String) -> Vec<Note> {
    let mut notes: Vec<Note> =
        activity.notes.iter().map(|note| Note::from(activity_phrases::note(note))).collect();
    let mut applied: Vec<(RoleChange, Vec<String>)> = Vec::new();
    for person in &activity.changes {
        let (who, change) = (name(person), RoleChange::of(person));
        if let Some(refused) = &person.refused {
            let (result, why) = (result(change, Form::Refused), activity_phrases::refusal(refused));
            let text = format!("{who} {result}: {why}");
            notes.push(Note::from(text).side(change.side));
            continue;
        }
        match applied.iter_mut().find(|(known, _)| *known == change) {
            Some((_, people)) => people.push(who),
            None => applied.push((change, vec![who])),
        }
    }
    notes.extend(applied.iter().map(|(change, people)| {
        let text = sentence(activity.trigger, *change, people);
        Note::from(text).side(change.side)
    }));
    notes
}

/// `Hugo Laurent was added in Microsoft 365, so Hugo was added to the Webex team.`
fn sentence(trigger: Trigger, change: RoleChange, people: &[String]) -> String {
    let (who, pronoun, form) = match people {
        [one] => (one.clone(), first_name(one).to_owned(), Form::One),
        several => (listed(several), "they".to_owned(), Form::Several),
    };
    let result = result(change, form);
    if trigger == Trigger::Administrator {
        return format!("{who} {result}, as an administrator requested.");
    }
    let reason = reason(RoleChange { side: change.side.other(), ..change }, form);
    format!("{who} {reason}, so {pronoun} {result}.")
}

/// `Ana, Ben and 3 more`.
fn listed(people: &[String]) -> String {
    let names: Vec<&str> = people.iter().map(|name| first_name(name)).collect();
    match names.as_slice() {
        [] => "no one".into(),
        [one] => (*one).into(),
        [first @ .., last] if names.len() <= MAX_NAMES => {
            format!("{} and {last}", first.join(", "))
        }
        many => {
            let named = many[..MAX_NAMES - 1].join(", ");
            format!("{named} and {} more", many.len() + 1 - MAX_NAMES)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    Several,
    Refused,
}

/// The change on the side where a person made it.
fn reason(change: RoleChange, form: Form) -> String {
    let RoleChange { side, from, to } = change;
    let (service, title) = (service(side), title(side));
    let (was, is) = if form == Form::One { ("was", "is") } else { ("were", "are") };
    match (from, to) {
        (_, Role::None) => format!("{was} removed in {service}"),
        (Role::None, Role::Member) => format!("{was} added in {service}"),
        (Role::None, Role::Owner) => format!("{was} added as {title} in {service}"),
        (_, Role::Owner) => format!("became {title} in {service}"),
        (_, Role::Member) => format!("{is} no longer {title} in {service}"),
    }
}

/// The change on the other side.
fn result(change: RoleChange, form: Form) -> String {
    let RoleChange { side, from, to } = change;
    let (place, title) = (place(side), title(side));
    let was = match form {
        Form::One => "was",
        Form::Several => "were",
        Form::Refused => "could not be",
    };
    match (from, to, form) {
        (_, Role::None, _) => format!("{was} removed from {place}"),
        (Role::None, Role::Member, _) => format!("{was} added to {place}"),
        (Role::None, Role::Owner, _) => format!("{was} added to {place} as {title}"),
        (_, Role::Owner, Form::Refused) => format!("could not become {title} of {place}"),
        (_, Role::Owner, _) => format!("became {title} of {place}"),
        (_, Role::Member, Form::Refused) => format!("could not cease to be {title} of {place}"),
        (_, Role::Member, Form::One) => format!("is no longer {title} of {place}"),
        (_, Role::Member, Form::Several) => format!("are no longer {title}s of {place}"),
    }
}

/// The reason why a link does not sync.
pub(super) fn link_reason(link: &Link) -> Option<String> {
    if let Phase::Ended { why, .. } = link.phase {
        let why = match why {
            Ended::TeamDeleted => "The team was deleted. The group remains.",
            Ended::GroupDeleted => "The group was deleted permanently.",
            Ended::Declined => "The team should have no group.",
            Ended::NotAnswered => "The creator was asked and did not answer.",
        };
        return Some(why.into());
    }
    let failure = link.failure.as_ref().map(|failure| failures::failure(&failure.reason));
    failure.or_else(|| link.held.map(|why| pending_because(why).to_owned()))
}
