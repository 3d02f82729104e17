//! What was done, in words.

use domain::ids::TeamId;
use domain::membership::{Side, Standing};
use engine::activity::{Activity, EntryId, PersonChange};
use engine::link::Who;
use store::message::Cause;

use crate::called::Called;
use crate::home::date;

/// People that one entry names; of further ones it says how many.
pub(crate) const CHANGES_SHOWN: usize = 25;

/// Something that was done.
pub(crate) struct Entry {
    /// To which team.
    pub(crate) team: TeamId,
    /// Its title, where the page is not about one.
    pub(crate) title: Option<String>,
    pub(crate) id: EntryId,
    pub(crate) at: String,
    pub(crate) cause: &'static str,
    pub(crate) lines: Vec<String>,
    pub(crate) further: usize,
    pub(crate) request_ids: Vec<String>,
}

/// What gave rise to it.
pub(crate) fn caused_by(cause: Cause) -> &'static str {
    match cause {
        Cause::WebexWebhook | Cause::SpaceWebhook | Cause::WebexEvent => "A change in Webex",
        Cause::GraphNotification | Cause::GraphDelta => "A change in Microsoft 365",
        Cause::Due => "The regular look",
        Cause::Administrator => "An administrator",
        Cause::Person => "A person can take part now",
        Cause::Again => "The look before asked for another",
    }
}

/// What became of somebody.
pub(crate) fn line(change: &PersonChange, name: &str) -> String {
    let (there, role) = match change.side {
        Side::Team => ("the team", "moderator"),
        Side::Group => ("the group", "owner"),
    };
    let done = match (change.from, change.to) {
        (Standing::Absent, Standing::Owner) => format!("{name} is added to {there} as {role}"),
        (Standing::Absent, _) => format!("{name} is added to {there}"),
        (_, Standing::Absent) => format!("{name} is removed from {there}"),
        (_, Standing::Owner) => format!("{name} becomes {role} of {there}"),
        (_, Standing::Member) => format!("{name} is no {role} of {there} any more"),
    };
    match &change.refused {
        Some(refused) => format!("{done}: refused ({refused})"),
        None => done,
    }
}

/// An entry of a list.
pub(crate) fn entry(done: &Activity, team: TeamId, title: Option<String>, called: &Called) -> Entry {
    let shown = done.changes.iter().take(CHANGES_SHOWN);
    let changes = shown.map(|change| line(change, &called.who(Who::Person(change.person)).0));
    Entry {
        team,
        title,
        id: done.id,
        at: date(done.at),
        cause: caused_by(done.cause),
        lines: done.notes.iter().cloned().chain(changes).collect(),
        further: done.changes.len().saturating_sub(CHANGES_SHOWN),
        request_ids: done.request_ids.clone(),
    }
}
