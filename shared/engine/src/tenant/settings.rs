//! A tenant's settings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::codes::Decision;
use crate::decision::Decider;
use clients::webex::WebexId;
use domain::ids::{GroupId, ObjectId, PersonId, RoomId, TenantId};
use domain::membership::Side;
use domain::merge::{Direction, RemovalLimit};
use store::keys;
use store::table::{Store, StoreError, from_item};
use store::versioned::{self, Version};

/// The settings that a tenant's administrators chose. Missing ones have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The moment of switching on; `None` while off. Only teams created later are new.
    pub switched_on_at: Option<Timestamp>,
    /// Live mode or preview mode.
    pub running: Running,
    /// The new teams that get a group.
    pub new_teams: NewTeams,
    /// The pilot group: only teams whose creator is a member count as new.
    pub pilot_group: Option<GroupId>,
    /// The direction of changes.
    pub direction: Direction,
    /// The side that wins if both sides changed differently.
    pub last_word: Side,
    /// The sync of names.
    pub names: NameSync,
    /// The service account's mode.
    pub service_account_mode: ServiceAccountMode,
    /// The owner of groups of teams without an eligible moderator.
    pub fallback_owner: Option<ObjectId>,
    /// The removal limits.
    pub removal_limits: RemovalLimits,
    /// The answer to the deletion of a team.
    pub on_team_deleted: TeamDeleted,
    /// The answer to the deletion of an existing team's group.
    pub on_group_deleted: GroupDeleted,
    /// The folders of spaces.
    pub folders: Folders,
    /// The recipient of alerts.
    pub alert_recipient: Option<AlertRecipient>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // No team or group changes before an admin has seen the settings.
            switched_on_at: None,
            running: Running::Live,
            new_teams: NewTeams::Ask,
            pilot_group: None,
            direction: Direction::Both,
            last_word: Side::Group,
            names: NameSync::BothWays,
            // An observer can neither rename teams nor link folders.
            service_account_mode: ServiceAccountMode::Member,
            fallback_owner: None,
            removal_limits: RemovalLimits::default(),
            // A group has mail and files that no team had, so an admin must ask for its deletion.
            on_team_deleted: TeamDeleted::KeepGroup,
            // After a mistake, people would lose mail and files that no one restored in time.
            on_group_deleted: GroupDeleted::Restore,
            // Folders need another consent, which a directory may never give.
            folders: Folders::No,
            alert_recipient: None,
        }
    }
}

/// The mode of syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Running {
    /// Syncs apply changes.
    Live,
    /// Syncs only store a preview of their changes.
    Preview,
}

/// The new teams that get a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewTeams {
    /// Those whose creator says so on a card.
    Ask,
    /// All of them.
    Every,
    /// Only teams that an administrator selected.
    Selected,
}

/// The sync of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameSync {
    /// New names go both ways, if the service account's mode allows it.
    BothWays,
    /// Team and group keep the names that they have.
    No,
}

/// The service account's mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceAccountMode {
    /// The account is a moderator of each linked team.
    Member,
    /// The account is in no team: people sync, names go to the group only.
    Observer,
}

/// Removals within 24 hours above which removals wait for an administrator.
///
/// Both the number and the share have to be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RemovalLimits {
    /// People of one link.
    pub link_people: usize,
    /// Percent of one link's people.
    pub link_percent: usize,
    /// People of the tenant.
    pub tenant_people: usize,
    /// Percent of all memberships of the tenant.
    pub tenant_percent: usize,
}

impl RemovalLimits {
    /// Returns the limit of one link.
    pub fn per_link(&self) -> RemovalLimit {
        RemovalLimit { people: self.link_people, percent: self.link_percent }
    }

    /// Returns the limit of the tenant.
    pub fn per_tenant(&self) -> RemovalLimit {
        RemovalLimit { people: self.tenant_people, percent: self.tenant_percent }
    }
}

impl Default for RemovalLimits {
    fn default() -> Self {
        let (link, tenant) = (RemovalLimit::PER_LINK, RemovalLimit::PER_TENANT);
        Self {
            link_people: link.people,
            link_percent: link.percent,
            tenant_people: tenant.people,
            tenant_percent: tenant.percent,
        }
    }
}

/// The answer to the deletion of a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TeamDeleted {
    /// The group stays.
    KeepGroup,
    /// The group is deleted; it can be restored within 30 days.
    DeleteGroup,
}

/// The answer to the deletion of an existing team's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupDeleted {
    /// The group is restored, once in 30 days.
    Restore,
    /// The group stays deleted, and the link ends.
    EndLink,
}

/// The folders of spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Folders {
    /// Spaces get no folders; linked ones stay.
    No,
    /// Each space of a linked team has a folder in the group's site.
    ///
    /// It needs the directory's consent to files, and the service account as member.
    EachSpace,
}

/// The recipient of alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertRecipient {
    /// A Webex space that the service account is in.
    Space(WebexId<RoomId>),
    /// A person, in a direct message.
    Person(WebexId<PersonId>),
}

/// The version of a tenant's settings. A save names the version it was based on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsVersion(pub u64);

#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    version: SettingsVersion,
}

/// Loads the tenant's settings with their version; a new tenant has the defaults.
pub async fn load(
    store: &dyn Store,
    tenant: TenantId,
) -> Result<(Settings, SettingsVersion), StoreError> {
    let Some(item) = store.get(&keys::settings(tenant)).await? else {
        return Ok(Default::default());
    };
    let Versioned { version } = from_item(item.clone())?;
    Ok((from_item(item)?, version))
}

/// Saves settings in place of those that were seen, and records what differs.
///
/// # Errors
/// `ConditionFailed` if other settings were saved since: show what changed.
pub async fn save(
    store: &dyn Store,
    tenant: TenantId,
    settings: &Settings,
    seen: (&Settings, SettingsVersion),
    by: Decider<'_>,
) -> Result<(), StoreError> {
    let (before, version) = seen;
    // The settings that a tenant begins with are stored without a version.
    let version = Version::of_existing(version.0);
    let mut writes = vec![versioned::put(&keys::settings(tenant), settings, version)?];
    // A save that changes nothing is no decision.
    if let Some(decision) = changed(before, settings) {
        writes.extend(by.of_tenant(tenant, decision)?);
    }
    store.write(writes).await
}

/// The settings that differ, with their values; `None` if none does.
fn changed(before: &Settings, after: &Settings) -> Option<Decision> {
    let fields = |settings: &Settings| match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (mut from, mut to) = (fields(before), fields(after));
    let same: Vec<String> = from
        .iter()
        .filter(|(name, value)| to.get(*name) == Some(value))
        .map(|one| one.0.clone())
        .collect();
    // The page names only what changed.
    for name in same {
        from.remove(&name);
        to.remove(&name);
    }
    (!to.is_empty()).then_some(Decision::SettingsChanged { from: from.into(), to: to.into() })
}
