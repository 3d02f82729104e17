//! The activity in words.

use domain::ids::TeamId;
use domain::membership::{Role, Side};
pub(crate) use engine::phrases::activity::{change, note, refusal};

use engine::activity::{Activity, EntryId, PersonChange};
use engine::preview::Move;
use store::message::Trigger;

use crate::http::page_id::PageLink;
use crate::view::names::DisplayNames;
use crate::view::phrases::date;
use crate::view::phrases::decisions::{cause, note_lines};

/// The most people that one entry names; the page counts the others.
pub(crate) const CHANGES_SHOWN: usize = 25;

/// An entry of a list.
pub(crate) struct Entry {
    pub(crate) team: Option<TeamId>,
    /// The team's title, where the page is not about one team.
    pub(crate) title: Option<String>,
    pub(crate) id: EntryId,
    pub(crate) at: String,
    /// The actor or the trigger.
    pub(crate) cause: String,
    pub(crate) lines: Vec<String>,
    pub(crate) further: usize,
    pub(crate) request_ids: Vec<String>,
}

impl Entry {
    pub(crate) fn of(
        activity: &Activity,
        team: Option<TeamId>,
        title: Option<String>,
        names: &DisplayNames,
    ) -> Self {
        let shown = activity.changes.iter().take(CHANGES_SHOWN);
        let changes = shown.map(|change| change_line(change, &names.name(change.person)));
        let notes = activity.notes.iter().flat_map(|note| note_lines(note, names));
        Self {
            team,
            title,
            id: activity.id,
            at: date(activity.at),
            cause: cause(activity),
            lines: notes.chain(changes).collect(),
            further: activity.changes.len().saturating_sub(CHANGES_SHOWN),
            request_ids: activity.request_ids.clone(),
        }
    }

    /// Returns the entry's own page. A decision about the tenant has none.
    pub(crate) fn link(&self) -> Option<PageLink> {
        self.team.map(|team| PageLink::ActivityEntry(team, self.id))
    }

    pub(crate) fn team_link(&self) -> Option<PageLink> {
        self.team.map(PageLink::Team)
    }
}

/// The trigger of a sync.
pub(crate) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::WebexWebhook | Trigger::SpaceWebhook | Trigger::WebexEvent => "A change in Webex",
        Trigger::GraphNotification | Trigger::GraphDelta => "A change in Microsoft 365",
        Trigger::Due => "Planned check",
        Trigger::Administrator => "An administrator",
        Trigger::Person => "Someone became eligible",
        Trigger::Retry => "Follow-up check",
    }
}

/// A group of triggers that the list can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TriggerFilter {
    Webex,
    Microsoft,
    Administrator,
    Schedule,
    Person,
}

impl TriggerFilter {
    pub(crate) const ALL: [Self; 5] =
        [Self::Webex, Self::Microsoft, Self::Administrator, Self::Schedule, Self::Person];

    pub(crate) fn of(trigger: Trigger) -> Self {
        match trigger {
            Trigger::WebexWebhook | Trigger::SpaceWebhook | Trigger::WebexEvent => Self::Webex,
            Trigger::GraphNotification | Trigger::GraphDelta => Self::Microsoft,
            Trigger::Administrator => Self::Administrator,
            Trigger::Due | Trigger::Retry => Self::Schedule,
            Trigger::Person => Self::Person,
        }
    }

    /// The filter's name in the address.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Webex => "webex",
            Self::Microsoft => "microsoft",
            Self::Administrator => "administrator",
            Self::Schedule => "schedule",
            Self::Person => "person",
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Webex => "Changes in Webex",
            Self::Microsoft => "Changes in Microsoft 365",
            Self::Administrator => "Decisions of people",
            Self::Schedule => "Scheduled checks",
            Self::Person => "People who became eligible",
        }
    }
}

/// The filter that shows everything.
pub(crate) const ALL_TRIGGERS: &str = "Everything";

/// A change that was made.
pub(crate) fn change_line(change: &PersonChange, name: &str) -> String {
    let Place { side, role, a_role } = Place::of(change.side);
    let line = match (change.from, change.to) {
        (Role::None, Role::Owner) => format!("{name} was added to {side} as {role}"),
        (Role::None, _) => format!("{name} was added to {side}"),
        (_, Role::None) => format!("{name} was removed from {side}"),
        (_, Role::Owner) => format!("{name} became {a_role} of {side}"),
        // The other roles are matched above, so this person was an owner.
        (_, Role::Member) => format!("{name} is no longer {a_role} of {side}"),
    };
    match &change.refused {
        Some(refused) => format!("{line}: refused ({})", refusal(refused)),
        None => line,
    }
}

/// A change that would be made.
pub(crate) fn planned_line(planned: &Move, name: &str) -> String {
    role_line(planned.side, planned.from, planned.to, name)
}

/// A change of a role on one side that would be made.
pub(crate) fn role_line(side: Side, from: Role, to: Role, name: &str) -> String {
    let Place { side, role, a_role } = Place::of(side);
    match (from, to) {
        (Role::None, Role::Owner) => format!("{name} is added to {side} as {role}"),
        (Role::None, _) => format!("{name} is added to {side}"),
        (_, Role::None) => format!("{name} is removed from {side}"),
        (_, Role::Owner) => format!("{name} becomes {a_role} of {side}"),
        (_, Role::Member) => format!("{name} is no longer {a_role} of {side}"),
    }
}

/// A removal that waits, or waited.
pub(crate) fn planned_removal(side: Side, name: &str) -> String {
    role_line(side, Role::Member, Role::None, name)
}

/// A side, and its highest role.
struct Place {
    side: &'static str,
    role: &'static str,
    a_role: &'static str,
}

impl Place {
    fn of(side: Side) -> Self {
        match side {
            Side::Team => Self { side: "the team", role: "moderator", a_role: "a moderator" },
            Side::Group => Self { side: "the group", role: "owner", a_role: "an owner" },
        }
    }
}

/// The last line of a file that does not contain everything.
pub(crate) fn file_continues_at(address: &str) -> String {
    format!("Continued at {address}")
}

/// The columns of the file.
pub(crate) const COLUMNS: [&str; 19] = [
    "at",
    "team",
    "team id",
    "cause",
    "what",
    "side",
    "person",
    "address",
    "Webex person id",
    "Entra object id",
    "from",
    "to",
    "refused",
    "request ids",
    "actor",
    "actor's Webex person id",
    "actor's organization",
    "actor's address",
    "actor's Microsoft user",
];

/// A side, in the file.
pub(crate) fn side(side: Side) -> &'static str {
    match side {
        Side::Team => "Webex team",
        Side::Group => "Microsoft 365 group",
    }
}

/// A role, in the file.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::None => "absent",
        Role::Member => "member",
        Role::Owner => "owner",
    }
}
