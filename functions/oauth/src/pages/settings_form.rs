//! The form of the settings: its fields as strings, and what is wrong with them.

use domain::membership::Side;
use domain::merge::Direction;
use engine::tenant::settings::{
    AlertRecipient, Folders, GroupDeleted, NameSync, NewTeams, RemovalLimits, Running,
    ServiceAccountMode, Settings, SettingsVersion, TeamDeleted,
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::view::phrases::settings::{Problem, label};

/// The longest value that is read, in characters.
const LONGEST: usize = 1000;

/// The form as it is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
// A browser does not send a box that is not ticked.
#[serde(default)]
pub(crate) struct SettingsForm {
    pub(crate) version: String,
    /// `off` stops all writes, whatever the other fields say.
    pub(crate) switch: String,
    pub(crate) enabled: String,
    pub(crate) running: String,
    pub(crate) new_teams: String,
    pub(crate) pilot_group: String,
    pub(crate) account_mode: String,
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
    pub(crate) recipient: String,
    pub(crate) recipient_space: String,
    pub(crate) recipient_person: String,
}

/// A field with what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) problem: Problem,
}

impl Fault {
    pub(crate) fn new(field: &'static str, problem: Problem) -> Self {
        Self { field, problem }
    }

    /// Returns the field's name on the page.
    pub(crate) fn label(&self) -> &'static str {
        label(self.field)
    }
}

/// A setting with a fixed spelling in the form.
pub(crate) trait Choice: Sized {
    fn value(self) -> String;
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! choices {
    ($($kind:ident { $($variant:ident = $value:literal),+ })+) => {$(
        impl Choice for $kind {
            fn value(self) -> String {
                match self { $($kind::$variant => $value),+ }.into()
            }

            fn parse(text: &str) -> Option<Self> {
                match text { $($value => Some($kind::$variant),)+ _ => None }
            }
        }
    )+};
}

choices! {
    Running { Live = "live", Preview = "preview" }
    NewTeams { Ask = "ask", Every = "every", Selected = "selected" }
    ServiceAccountMode { Member = "inside", Observer = "outside" }
    Direction { Both = "both", Microsoft = "microsoft" }
    Side { Group = "group", Team = "team" }
    NameSync { BothWays = "both-ways", No = "no" }
    TeamDeleted { KeepGroup = "keep-group", DeleteGroup = "delete-group" }
    GroupDeleted { Restore = "restore", EndLink = "end-link" }
    Folders { No = "no", EachSpace = "each-space" }
}

impl SettingsForm {
    /// Fills in the form that shows these settings.
    pub(crate) fn of(settings: &Settings, version: SettingsVersion) -> Self {
        let (recipient, recipient_space, recipient_person) = match &settings.alert_recipient {
            None => ("none", String::new(), String::new()),
            Some(AlertRecipient::Space(space)) => ("space", space.id.to_string(), String::new()),
            Some(AlertRecipient::Person(person)) => {
                ("person", String::new(), person.id.to_string())
            }
        };
        let removal_limits = &settings.removal_limits;
        let is_on = settings.switched_on_at.is_some();
        Self {
            version: version.0.to_string(),
            switch: String::new(),
            enabled: if is_on { "yes" } else { "" }.into(),
            running: settings.running.value(),
            new_teams: settings.new_teams.value(),
            pilot_group: settings.pilot_group.map(|id| id.to_string()).unwrap_or_default(),
            account_mode: settings.service_account_mode.value(),
            direction: settings.direction.value(),
            last_word: settings.last_word.value(),
            names: settings.names.value(),
            fallback_owner: settings.fallback_owner.map(|id| id.to_string()).unwrap_or_default(),
            link_people: removal_limits.link_people.to_string(),
            link_percent: removal_limits.link_percent.to_string(),
            tenant_people: removal_limits.tenant_people.to_string(),
            tenant_percent: removal_limits.tenant_percent.to_string(),
            on_team_deleted: settings.on_team_deleted.value(),
            on_group_deleted: settings.on_group_deleted.value(),
            folders: settings.folders.value(),
            recipient: recipient.into(),
            recipient_space,
            recipient_person,
        }
    }

    /// The version of the settings that the form was made from.
    pub(crate) fn version(&self) -> SettingsVersion {
        SettingsVersion(self.version.parse().unwrap_or_default())
    }

    /// Trims every field, and cuts what is longer than any value can be.
    pub(crate) fn trimmed(mut self) -> Self {
        for field in [
            &mut self.version,
            &mut self.enabled,
            &mut self.running,
            &mut self.new_teams,
            &mut self.pilot_group,
            &mut self.account_mode,
            &mut self.direction,
            &mut self.last_word,
            &mut self.names,
            &mut self.fallback_owner,
            &mut self.link_people,
            &mut self.link_percent,
            &mut self.tenant_people,
            &mut self.tenant_percent,
            &mut self.on_team_deleted,
            &mut self.on_group_deleted,
            &mut self.folders,
            &mut self.recipient,
            &mut self.recipient_space,
            &mut self.recipient_person,
        ] {
            *field = field.trim().chars().take(LONGEST).collect();
        }
        self
    }

    /// Reads the form over the stored settings. What a service has to look up stays as stored.
    pub(crate) fn draft(&self, stored: &Settings, now: Timestamp) -> Result<Settings, Vec<Fault>> {
        let mut reader = Reader { faults: vec![] };
        let removal_limits = RemovalLimits {
            link_people: reader.number("link_people", &self.link_people, 10_000),
            link_percent: reader.number("link_percent", &self.link_percent, 100),
            tenant_people: reader.number("tenant_people", &self.tenant_people, 1_000_000),
            tenant_percent: reader.number("tenant_percent", &self.tenant_percent, 100),
        };
        let is_on = self.enabled == "yes";
        let (team, group) = (&self.on_team_deleted, &self.on_group_deleted);
        let settings = Settings {
            // The first time stays: teams from before it are existing teams, which backfill serves.
            switched_on_at: is_on.then(|| stored.switched_on_at.unwrap_or(now)),
            running: reader.choice("running", &self.running, stored.running),
            new_teams: reader.choice("new_teams", &self.new_teams, stored.new_teams),
            pilot_group: stored.pilot_group,
            direction: reader.choice("direction", &self.direction, stored.direction),
            last_word: reader.choice("last_word", &self.last_word, stored.last_word),
            names: reader.choice("names", &self.names, stored.names),
            service_account_mode: reader.choice(
                "account_mode",
                &self.account_mode,
                stored.service_account_mode,
            ),
            fallback_owner: stored.fallback_owner,
            removal_limits,
            on_team_deleted: reader.choice("on_team_deleted", team, stored.on_team_deleted),
            on_group_deleted: reader.choice("on_group_deleted", group, stored.on_group_deleted),
            folders: reader.choice("folders", &self.folders, stored.folders),
            alert_recipient: stored.alert_recipient.clone(),
        };
        if reader.faults.is_empty() { Ok(settings) } else { Err(reader.faults) }
    }
}

/// Reads fields, and collects what is wrong with them.
struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn number(&mut self, field: &'static str, text: &str, most: usize) -> usize {
        match text.parse::<usize>() {
            Ok(number) if number <= most => number,
            _ => {
                self.faults.push(Fault::new(field, Problem::Number { most }));
                // Never used, because a fault refuses the whole form.
                0
            }
        }
    }

    fn choice<T: Choice>(&mut self, field: &'static str, text: &str, stored: T) -> T {
        T::parse(text).unwrap_or_else(|| {
            self.faults.push(Fault::new(field, Problem::Choice));
            // Never used, as above.
            stored
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::view::phrases::settings::differences;

    use super::*;

    #[test]
    fn untouched_form_changes_nothing() {
        let now = "2026-11-23T08:00:00Z".parse().unwrap();
        let stored = Settings { switched_on_at: Some(now), ..Settings::default() };
        let form = SettingsForm::of(&stored, SettingsVersion(3));
        let draft = form.draft(&stored, now).ok().unwrap();
        assert_eq!(draft, stored);
        assert_eq!(differences(&stored, &draft), []);
    }

    #[test]
    fn wrong_values_are_faults_of_their_fields() {
        let stored = Settings::default();
        let form = SettingsForm {
            link_percent: "101".into(),
            tenant_people: "-1".into(),
            new_teams: "all".into(),
            ..SettingsForm::of(&stored, SettingsVersion(0))
        };
        let faults = form.draft(&stored, Timestamp::UNIX_EPOCH).err().unwrap();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["link_percent", "tenant_people", "new_teams"]);
    }
}
