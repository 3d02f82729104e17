//! The form of the settings: as it is filled in, what is wrong with it, and what two versions differ in.

use domain::membership::Side;
use domain::merge::Direction;
use engine::tenant::settings::{
    BrakeLimits, Folders, GroupDeleted, NameCarriage, NewTeams, OfficerStanding, Running, Settings, SettingsVersion,
    TeamDeleted, Told,
};
use jiff::Timestamp;

use crate::incoming::Incoming;

/// The form as it is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) version: SettingsVersion,
    pub(crate) enabled: String,
    pub(crate) running: String,
    pub(crate) new_teams: String,
    pub(crate) pilot_group: String,
    pub(crate) standing: String,
    pub(crate) direction: String,
    pub(crate) last_word: String,
    pub(crate) names: String,
    pub(crate) fallback_owner: String,
    pub(crate) link_people: String,
    pub(crate) link_percent: String,
    pub(crate) tenant_people: String,
    pub(crate) tenant_percent: String,
    pub(crate) on_team_deleted: String,
    pub(crate) on_group_deleted: String,
    pub(crate) folders: String,
    pub(crate) told: String,
    pub(crate) told_space: String,
    pub(crate) told_person: String,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) says: String,
}

impl Fault {
    pub(crate) fn new(field: &'static str, says: impl Into<String>) -> Self {
        Self { field, says: says.into() }
    }
}

/// A field that two versions differ in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) label: &'static str,
    pub(crate) stored: String,
    pub(crate) wanted: String,
}

/// A choice with its spelling in the form, and in words.
macro_rules! choices {
    ($($name:ident: $kind:ty { $($variant:path = $value:literal, $words:literal;)+ })+) => {$(
        mod $name {
            use super::*;
            pub(crate) fn value(of: $kind) -> &'static str { match of { $($variant => $value),+ } }
            pub(crate) fn words(of: $kind) -> &'static str { match of { $($variant => $words),+ } }
            pub(crate) fn parse(text: &str) -> Option<$kind> { match text { $($value => Some($variant),)+ _ => None } }
        }
    )+};
}

choices! {
    running: Running { Running::Live = "live", "changes are made"; Running::Preview = "preview", "changes are shown only"; }
    new_teams: NewTeams { NewTeams::Ask = "ask", "ask the creator"; NewTeams::Every = "every", "every new team"; NewTeams::Selected = "selected", "selected teams only"; }
    standing: OfficerStanding { OfficerStanding::Inside = "inside", "inside the teams"; OfficerStanding::Outside = "outside", "outside the teams"; }
    direction: Direction { Direction::Both = "both", "both ways"; Direction::Microsoft = "microsoft", "from Microsoft 365 only"; }
    last_word: Side { Side::Group = "group", "Microsoft 365"; Side::Team = "team", "Webex"; }
    names: NameCarriage { NameCarriage::BothWays = "both-ways", "carried"; NameCarriage::No = "no", "not carried"; }
    team_deleted: TeamDeleted { TeamDeleted::KeepGroup = "keep-group", "the group stays"; TeamDeleted::DeleteGroup = "delete-group", "the group is deleted"; }
    group_deleted: GroupDeleted { GroupDeleted::Restore = "restore", "it is restored once"; GroupDeleted::EndLink = "end-link", "it stays deleted"; }
    folders: Folders { Folders::No = "no", "none"; Folders::EachSpace = "each-space", "each space has one"; }
}

impl Form {
    /// The form that shows these settings.
    pub(crate) fn of(settings: &Settings, version: SettingsVersion) -> Self {
        let Settings {
            switched_on_at,
            running,
            new_teams,
            pilot_group,
            direction,
            last_word,
            names,
            standing,
            fallback_owner,
            brake,
            on_team_deleted,
            on_group_deleted,
            folders,
            told,
        } = settings;
        let (told, told_space, told_person) = match told {
            None => ("nobody", String::new(), String::new()),
            Some(Told::Space(space)) => ("space", space.id.to_string(), String::new()),
            Some(Told::Person(person)) => ("person", String::new(), person.id.to_string()),
        };
        Self {
            version,
            enabled: if switched_on_at.is_some() { "yes" } else { "" }.into(),
            running: self::running::value(*running).into(),
            new_teams: self::new_teams::value(*new_teams).into(),
            pilot_group: pilot_group.map(|group| group.to_string()).unwrap_or_default(),
            standing: self::standing::value(*standing).into(),
            direction: self::direction::value(*direction).into(),
            last_word: self::last_word::value(*last_word).into(),
            names: self::names::value(*names).into(),
            fallback_owner: fallback_owner.map(|owner| owner.to_string()).unwrap_or_default(),
            link_people: brake.link_people.to_string(),
            link_percent: brake.link_percent.to_string(),
            tenant_people: brake.tenant_people.to_string(),
            tenant_percent: brake.tenant_percent.to_string(),
            on_team_deleted: team_deleted::value(*on_team_deleted).into(),
            on_group_deleted: group_deleted::value(*on_group_deleted).into(),
            folders: self::folders::value(*folders).into(),
            told: told.into(),
            told_space,
            told_person,
        }
    }

    /// The form as it was sent.
    pub(crate) fn sent(incoming: &Incoming) -> Self {
        let field = |name: &str| incoming.field(name).unwrap_or_default().trim().chars().take(1000).collect::<String>();
        Self {
            version: SettingsVersion(field("version").parse().unwrap_or_default()),
            enabled: field("enabled"),
            running: field("running"),
            new_teams: field("new_teams"),
            pilot_group: field("pilot_group"),
            standing: field("standing"),
            direction: field("direction"),
            last_word: field("last_word"),
            names: field("names"),
            fallback_owner: field("fallback_owner"),
            link_people: field("link_people"),
            link_percent: field("link_percent"),
            tenant_people: field("tenant_people"),
            tenant_percent: field("tenant_percent"),
            on_team_deleted: field("on_team_deleted"),
            on_group_deleted: field("on_group_deleted"),
            folders: field("folders"),
            told: field("told"),
            told_space: field("told_space"),
            told_person: field("told_person"),
        }
    }

    /// Reads the form over what is stored: what has to be looked up stays as it is for now.
    pub(crate) fn draft(&self, stored: &Settings, now: Timestamp) -> Result<Settings, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut number = |field: &'static str, text: &str, most: usize| match text.parse::<usize>() {
            Ok(number) if number <= most => number,
            _ => {
                faults.push(Fault::new(field, format!("Enter a whole number from 0 to {most}.")));
                0
            }
        };
        let brake = BrakeLimits {
            link_people: number("link_people", &self.link_people, 10_000),
            link_percent: number("link_percent", &self.link_percent, 100),
            tenant_people: number("tenant_people", &self.tenant_people, 1_000_000),
            tenant_percent: number("tenant_percent", &self.tenant_percent, 100),
        };
        let is_on = self.enabled == "yes";
        let settings = Settings {
            switched_on_at: is_on.then(|| stored.switched_on_at.unwrap_or(now)),
            running: chosen(running::parse(&self.running), "running", &mut faults, stored.running),
            new_teams: chosen(new_teams::parse(&self.new_teams), "new_teams", &mut faults, stored.new_teams),
            pilot_group: stored.pilot_group,
            direction: chosen(direction::parse(&self.direction), "direction", &mut faults, stored.direction),
            last_word: chosen(last_word::parse(&self.last_word), "last_word", &mut faults, stored.last_word),
            names: chosen(names::parse(&self.names), "names", &mut faults, stored.names),
            standing: chosen(standing::parse(&self.standing), "standing", &mut faults, stored.standing),
            fallback_owner: stored.fallback_owner,
            brake,
            on_team_deleted: chosen(
                team_deleted::parse(&self.on_team_deleted),
                "on_team_deleted",
                &mut faults,
                stored.on_team_deleted,
            ),
            on_group_deleted: chosen(
                group_deleted::parse(&self.on_group_deleted),
                "on_group_deleted",
                &mut faults,
                stored.on_group_deleted,
            ),
            folders: chosen(folders::parse(&self.folders), "folders", &mut faults, stored.folders),
            told: stored.told.clone(),
        };
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }
}

fn chosen<T>(parsed: Option<T>, field: &'static str, faults: &mut Vec<Fault>, stored: T) -> T {
    parsed.unwrap_or_else(|| {
        faults.push(Fault::new(field, "Choose one of these."));
        stored
    })
}

/// What two settings differ in. Every field is named here, so that a new one does not compile until it is shown.
pub(crate) fn differences(stored: &Settings, wanted: &Settings) -> Vec<Difference> {
    let rows = |settings: &Settings| -> Vec<(&'static str, String)> {
        let Settings {
            switched_on_at,
            running,
            new_teams,
            pilot_group,
            direction,
            last_word,
            names,
            standing,
            fallback_owner,
            brake: BrakeLimits { link_people, link_percent, tenant_people, tenant_percent },
            on_team_deleted,
            on_group_deleted,
            folders,
            told,
        } = settings;
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".into());
        let told = match told {
            None => "nobody".into(),
            Some(Told::Space(space)) => format!("the space {}", space.id),
            Some(Told::Person(person)) => format!("the person {}", person.id),
        };
        vec![
            ("Microsoft 365 Groups integration", if switched_on_at.is_some() { "on" } else { "off" }.into()),
            ("Preview mode", self::running::words(*running).into()),
            ("New teams", self::new_teams::words(*new_teams).into()),
            ("Pilot group", or_none(pilot_group.map(|group| group.to_string()))),
            ("Direction", self::direction::words(*direction).into()),
            ("Last word", self::last_word::words(*last_word).into()),
            ("Names", self::names::words(*names).into()),
            ("Where the account stands", self::standing::words(*standing).into()),
            ("Fallback owner", or_none(fallback_owner.map(|owner| owner.to_string()))),
            ("Brake of one team: people", link_people.to_string()),
            ("Brake of one team: percent", link_percent.to_string()),
            ("Brake of all teams: people", tenant_people.to_string()),
            ("Brake of all teams: percent", tenant_percent.to_string()),
            ("When a team is deleted", team_deleted::words(*on_team_deleted).into()),
            ("When a group is deleted", group_deleted::words(*on_group_deleted).into()),
            ("Folders of spaces", self::folders::words(*folders).into()),
            ("Who is told", told),
        ]
    };
    let pairs = rows(stored).into_iter().zip(rows(wanted));
    let different = pairs.filter(|((_, stored), (_, wanted))| stored != wanted);
    different.map(|((label, stored), (_, wanted))| Difference { label, stored, wanted }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_was_not_touched_changes_nothing() {
        let now = "2026-11-23T08:00:00Z".parse().unwrap();
        let stored = Settings { switched_on_at: Some(now), ..Settings::default() };
        let draft = Form::of(&stored, SettingsVersion(3)).draft(&stored, now).ok().unwrap();
        assert_eq!(draft, stored);
        assert_eq!(differences(&stored, &draft), []);
    }

    #[test]
    fn what_is_out_of_range_or_not_offered_is_said_of_its_field() {
        let stored = Settings::default();
        let form = Form {
            link_percent: "101".into(),
            tenant_people: "-1".into(),
            new_teams: "all".into(),
            ..Form::of(&stored, SettingsVersion(0))
        };
        let faults = form.draft(&stored, Timestamp::UNIX_EPOCH).err().unwrap();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["link_percent", "tenant_people", "new_teams"]);
    }
}
