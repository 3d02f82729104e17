//! The settings in words.

use std::fmt;

use domain::membership::Side;
use domain::merge::Direction;
use engine::tenant::settings::{
    AlertRecipient, Folders, GroupDeleted, NameSync, NewTeams, RemovalLimits, Running,
    ServiceAccountMode, Settings, TeamDeleted,
};

/// The problem with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Not a whole number up to a maximum.
    Number {
        most: usize,
    },
    /// None of the choices.
    Choice,
    ScopesMissing,
    NotAGroupId,
    NoSuchGroup,
    GuestOwner,
    NoSuchOwner,
    NotASpace,
    NoSuchPerson,
    CannotWrite,
    FoldersNeedMember,
    FoldersNeedConsent,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number { most } => {
                return write!(f, "Enter a whole number from 0 to {most}.");
            }
            Self::Choice => "Choose one of these.",
            Self::ScopesMissing => {
                "For this the account has to grant more than it did. Connect it again with “inside \
                 the teams”, then save."
            }
            Self::NotAGroupId => "Enter the object id of a group, as Entra shows it.",
            Self::NoSuchGroup => "The directory has no group with this object id.",
            Self::GuestOwner => "A guest of the directory cannot own groups here.",
            Self::NoSuchOwner => {
                "The directory has no user with this user principal name or object id."
            }
            Self::NotASpace => "Paste the space's link, or its id.",
            Self::NoSuchPerson => "The organization has no person with this address.",
            Self::CannotWrite => {
                "The connected account cannot write there. Add it to the space first."
            }
            Self::FoldersNeedMember => {
                "Folders need the account inside the teams. Choose “Inside the teams” above, or no \
                 folders here."
            }
            Self::FoldersNeedConsent => {
                "The directory has not consented to files yet. Authorize it first, on the page \
                 about folders."
            }
        })
    }
}

/// The name of a form field, as the page and the differences show it.
pub(crate) fn label(field: &str) -> &'static str {
    match field {
        "running" => "Preview mode",
        "new_teams" => "New teams",
        "pilot_group" => "Pilot group",
        "direction" => "Direction",
        "last_word" => "Last word",
        "names" => "Names",
        "account_mode" => "Account visibility",
        "fallback_owner" => "Fallback owner",
        "link_people" => "Removal limit of one team: people",
        "link_percent" => "Removal limit of one team: percent",
        "tenant_people" => "Removal limit of all teams: people",
        "tenant_percent" => "Removal limit of all teams: percent",
        "on_team_deleted" => "When a team is deleted",
        "on_group_deleted" => "When a group is deleted",
        "folders" => "Folders of spaces",
        "recipient_space" => "Notifications: space",
        "recipient_person" => "Notifications: person",
        _ => "Settings",
    }
}

/// A field that two versions of the settings differ in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) label: &'static str,
    pub(crate) stored: String,
    pub(crate) requested: String,
}

/// Returns the fields that two versions of the settings differ in.
pub(crate) fn differences(stored: &Settings, requested: &Settings) -> Vec<Difference> {
    let pairs = rows(stored).into_iter().zip(rows(requested));
    // Compared as an admin reads them, so that no difference is shown that looks like none.
    let changed = pairs.filter(|(stored, requested)| stored.value != requested.value);
    let difference = |(stored, requested): (ShownSetting, ShownSetting)| Difference {
        label: stored.label,
        stored: stored.value,
        requested: requested.value,
    };
    changed.map(difference).collect()
}

/// A setting, in words.
struct ShownSetting {
    label: &'static str,
    value: String,
}

fn row(label: &'static str, value: impl Into<String>) -> ShownSetting {
    ShownSetting { label, value: value.into() }
}

/// Names every field, so that a new one does not compile until it is shown.
fn rows(settings: &Settings) -> Vec<ShownSetting> {
    let Settings {
        switched_on_at,
        running,
        new_teams,
        pilot_group,
        direction,
        last_word,
        names,
        service_account_mode,
        fallback_owner,
        removal_limits,
        on_team_deleted,
        on_group_deleted,
        folders,
        alert_recipient,
    } = settings;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".into());
    let pilot_group = or_none(pilot_group.map(|group| group.to_string()));
    let fallback_owner = or_none(fallback_owner.map(|owner| owner.to_string()));
    let switch = if switched_on_at.is_some() { "on" } else { "off" };
    let mut rows = vec![
        row("Microsoft 365 Groups integration", switch),
        row("Preview mode", self::running(*running)),
        row("New teams", self::new_teams(*new_teams)),
        row("Pilot group", pilot_group),
        row("Direction", self::direction(*direction)),
        row("Last word", self::last_word(*last_word)),
        row("Names", self::names(*names)),
        row("Account visibility", account_mode(*service_account_mode)),
        row("Fallback owner", fallback_owner),
    ];
    rows.extend(limits(removal_limits));
    rows.extend([
        row("When a team is deleted", team_deleted(*on_team_deleted)),
        row("When a group is deleted", group_deleted(*on_group_deleted)),
        row("Folders of spaces", self::folders(*folders)),
        row("Notifications", recipient(alert_recipient.as_ref())),
    ]);
    rows
}

fn limits(limits: &RemovalLimits) -> [ShownSetting; 4] {
    let RemovalLimits { link_people, link_percent, tenant_people, tenant_percent } = limits;
    [
        row("Removal limit of one team: people", link_people.to_string()),
        row("Removal limit of one team: percent", link_percent.to_string()),
        row("Removal limit of all teams: people", tenant_people.to_string()),
        row("Removal limit of all teams: percent", tenant_percent.to_string()),
    ]
}

fn running(running: Running) -> &'static str {
    match running {
        Running::Live => "changes are made",
        Running::Preview => "changes are shown only",
    }
}

fn new_teams(new_teams: NewTeams) -> &'static str {
    match new_teams {
        NewTeams::Ask => "ask the creator",
        NewTeams::Every => "every new team",
        NewTeams::Selected => "selected teams only",
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Both => "both ways",
        Direction::Microsoft => "from Microsoft 365 only",
    }
}

fn last_word(side: Side) -> &'static str {
    match side {
        Side::Group => "Microsoft 365",
        Side::Team => "Webex",
    }
}

fn names(names: NameSync) -> &'static str {
    match names {
        NameSync::BothWays => "synced",
        NameSync::No => "not synced",
    }
}

fn account_mode(service_account_mode: ServiceAccountMode) -> &'static str {
    match service_account_mode {
        ServiceAccountMode::Member => "inside the teams",
        ServiceAccountMode::Observer => "outside the teams",
    }
}

fn team_deleted(policy: TeamDeleted) -> &'static str {
    match policy {
        TeamDeleted::KeepGroup => "the group stays",
        TeamDeleted::DeleteGroup => "the group is deleted",
    }
}

fn group_deleted(policy: GroupDeleted) -> &'static str {
    match policy {
        GroupDeleted::Restore => "it is restored once",
        GroupDeleted::EndLink => "it stays deleted",
    }
}

fn folders(folders: Folders) -> &'static str {
    match folders {
        Folders::No => "none",
        Folders::EachSpace => "each space has one",
    }
}

fn recipient(alert_recipient: Option<&AlertRecipient>) -> String {
    match alert_recipient {
        None => "no one".into(),
        Some(AlertRecipient::Space(space)) => format!("the space {}", space.id),
        Some(AlertRecipient::Person(person)) => format!("the person {}", person.id),
    }
}
