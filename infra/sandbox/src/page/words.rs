//! What the functions do, in plain words.

use domain::membership::{Side, Standing};
use domain::merge::HeldFor;
use engine::activity::{Activity, PersonChange};
use engine::link::{Ended, Link, Phase};
use store::message::Cause;

use super::cast::first;
use super::log::Words;

/// So many people are named, more are counted.
const NAMED: usize = 3;

/// What a side is called.
pub(super) fn name_of(side: Side) -> &'static str {
    match side {
        Side::Team => "Webex",
        Side::Group => "Microsoft 365",
    }
}

fn thing(side: Side) -> &'static str {
    match side {
        Side::Team => "the Webex team",
        Side::Group => "the Microsoft 365 group",
    }
}

fn role(side: Side) -> &'static str {
    match side {
        Side::Team => "moderator",
        Side::Group => "owner",
    }
}

/// What gave rise to a look.
pub(super) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::WebexWebhook => "Webhook from Webex",
        Cause::SpaceWebhook => "Webhook from Webex, about the space itself",
        Cause::WebexEvent => "Webex event, found by the round",
        Cause::GraphNotification => "Notification from Microsoft",
        Cause::GraphDelta => "Changed group, found by the round",
        Cause::Due => "The next look has come",
        Cause::Administrator => "An administrator asked",
        Cause::Person => "Somebody’s account changed",
        Cause::Again => "A look asks for another",
    }
}

/// What a look did, a sentence for each kind of change.
pub(super) fn decisions(activity: &Activity, name: &impl Fn(&PersonChange) -> String) -> Vec<Words> {
    let mut said: Vec<Words> = activity.notes.iter().map(|note| Words::from(note.as_str())).collect();
    let mut done: Vec<(Side, Standing, Standing, Vec<String>)> = Vec::new();
    for change in &activity.changes {
        let who = name(change);
        if let Some(refused) = &change.refused {
            let becomes = becomes(change.side, change.from, change.to, Told::Refused);
            said.push(Words::from(format!("{who} {becomes}: {refused}")).side(change.side));
            continue;
        }
        match done.iter_mut().find(|(side, from, to, _)| (*side, *from, *to) == (change.side, change.from, change.to)) {
            Some((.., people)) => people.push(who),
            None => done.push((change.side, change.from, change.to, vec![who])),
        }
    }
    said.extend(done.into_iter().map(|(side, from, to, people)| carried(activity.cause, (side, from, to), &people)));
    said
}

fn carried(cause: Cause, (side, from, to): (Side, Standing, Standing), people: &[String]) -> Words {
    let (who, again, told) = match people {
        [one] => (one.clone(), first(one).to_owned(), Told::One),
        several => (listed(several), "they".to_owned(), Told::Several),
    };
    let therefore = becomes(side, from, to, told);
    if cause == Cause::Administrator {
        return Words::from(format!("{who} {therefore}, as an administrator wished.")).side(side);
    }
    let because = becomes_where(side.other(), from, to, told);
    Words::from(format!("{who} {because}, so {again} {therefore}.")).side(side)
}

/// `Ana, Ben and 3 more`.
pub(super) fn listed(people: &[String]) -> String {
    let names: Vec<&str> = people.iter().map(|name| first(name)).collect();
    match names.as_slice() {
        [] => "nobody".into(),
        [one] => (*one).into(),
        few if few.len() <= NAMED => format!("{} and {}", few[..few.len() - 1].join(", "), few[few.len() - 1]),
        many => format!("{} and {} more", many[..NAMED - 1].join(", "), many.len() + 1 - NAMED),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    One,
    Several,
    Refused,
}

fn becomes_where(side: Side, from: Standing, to: Standing, told: Told) -> String {
    let place = name_of(side);
    let was = if told == Told::One { "was" } else { "were" };
    let is = if told == Told::One { "is" } else { "are" };
    let role = role(side);
    match (from, to) {
        (_, Standing::Absent) => format!("{was} removed in {place}"),
        (Standing::Absent, Standing::Member) => format!("{was} added in {place}"),
        (Standing::Absent, Standing::Owner) => format!("{was} added as {role} in {place}"),
        (_, Standing::Owner) => format!("became {role} in {place}"),
        (_, Standing::Member) => format!("{is} no longer {role} in {place}"),
    }
}

fn becomes(side: Side, from: Standing, to: Standing, told: Told) -> String {
    let (place, role) = (thing(side), role(side));
    let was = match told {
        Told::One => "was",
        Told::Several => "were",
        Told::Refused => "could not be",
    };
    match (from, to, told) {
        (_, Standing::Absent, _) => format!("{was} removed from {place}"),
        (Standing::Absent, Standing::Member, _) => format!("{was} added to {place}"),
        (Standing::Absent, Standing::Owner, _) => format!("{was} added to {place} as {role}"),
        (_, Standing::Owner, Told::Refused) => format!("could not become {role} of {place}"),
        (_, Standing::Owner, _) => format!("became {role} of {place}"),
        (_, Standing::Member, Told::Refused) => format!("could not cease to be {role} of {place}"),
        (_, Standing::Member, Told::One) => format!("is no longer {role} of {place}"),
        (_, Standing::Member, Told::Several) => format!("are no longer {role}s of {place}"),
    }
}

/// Why a plan waits.
pub(super) fn held_for(why: HeldFor) -> &'static str {
    match why {
        HeldFor::LinkLimit => "More people would be removed within a day than is usual for this team.",
        HeldFor::Everybody => "Everybody on one side would be removed.",
        HeldFor::TenantLimit => "More people would be removed within a day than is usual for this customer.",
        HeldFor::AlreadyHolding => "An earlier plan waits, and while it does nobody is removed.",
        HeldFor::OfficerLimited => "The officer’s account lost a role: what it reads proves nothing.",
        HeldFor::NotShown => "The preview before it went live did not show all of these removals.",
    }
}

/// What a link that goes no further says of itself.
pub(super) fn reason(link: &Link) -> Option<String> {
    if let Phase::Ended { why } = link.phase {
        let why = match why {
            Ended::TeamDeleted => "The team was deleted. The group stays.",
            Ended::GroupDeleted => "The group was deleted for good.",
            Ended::NotWanted => "No group is wanted.",
            Ended::NotAnswered => "The creator was asked, and did not answer.",
        };
        return Some(why.into());
    }
    let trouble = link.trouble.as_ref().map(|trouble| trouble.reason.clone());
    trouble.or_else(|| link.held.map(|why| held_for(why).to_owned()))
}
