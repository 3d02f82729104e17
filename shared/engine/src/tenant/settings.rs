//! What a tenant's administrators chose.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use clients::webex::WebexId;
use domain::ids::{GroupId, ObjectId, PersonId, RoomId, TenantId};
use domain::membership::Side;
use domain::merge::{BrakeLimit, Direction};
use store::keys;
use store::table::{Condition, Item, Store, StoreError, Test, Write, from_item, to_item, to_value};

/// What the tenant's administrators chose. What an older version did not store has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// When the integration was switched on; `None` while it is off. Only teams created after it are new.
    pub switched_on_at: Option<Timestamp>,
    /// Whether looks change anything.
    pub running: Running,
    /// Which new teams get a group.
    pub new_teams: NewTeams,
    /// While it is tried out: only teams whose creator is a member of this group count as new.
    pub pilot_group: Option<GroupId>,
    /// Whose changes are carried.
    pub direction: Direction,
    /// Who has the last word where both sides changed, and differently.
    pub last_word: Side,
    /// Whether names are carried.
    pub names: NameCarriage,
    /// Where the officer stands.
    pub standing: OfficerStanding,
    /// Owns groups of teams none of whose moderators takes part.
    pub fallback_owner: Option<ObjectId>,
    /// From how many removals on a plan is held.
    pub brake: BrakeLimits,
    /// What becomes of the group when its team is deleted.
    pub on_team_deleted: TeamDeleted,
    /// What is done when the group of a living team is deleted.
    pub on_group_deleted: GroupDeleted,
    /// Whether the spaces of teams get folders.
    pub folders: Folders,
    /// Who is told what an administrator should know.
    pub told: Option<Told>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            switched_on_at: None,
            running: Running::Live,
            new_teams: NewTeams::Ask,
            pilot_group: None,
            direction: Direction::Both,
            last_word: Side::Group,
            names: NameCarriage::BothWays,
            standing: OfficerStanding::Inside,
            fallback_owner: None,
            brake: BrakeLimits::default(),
            on_team_deleted: TeamDeleted::KeepGroup,
            on_group_deleted: GroupDeleted::Restore,
            folders: Folders::No,
            told: None,
        }
    }
}

/// Whether looks change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Running {
    /// They carry changes over.
    Live,
    /// They compute what they would do and store it to be shown: nothing outside is changed.
    Preview,
}

/// Which new teams get a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewTeams {
    /// Those whose creator says so on a card.
    Ask,
    /// All of them.
    Every,
    /// None by itself: only teams that an administrator selected.
    Selected,
}

/// Whether names are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameCarriage {
    /// Either side's new name goes to the other, as far as the officer's standing allows.
    BothWays,
    /// Team and group keep the names that they have.
    No,
}

/// Where the officer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfficerStanding {
    /// A moderator of each linked team.
    Inside,
    /// In no team: people only, names only towards the group.
    Outside,
}

/// From how many removals within 24 hours on a plan waits for an administrator: more than the number, and more than the share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BrakeLimits {
    /// Of one link: people.
    pub link_people: usize,
    /// Of one link: percent of its people.
    pub link_percent: usize,
    /// Of the tenant: people.
    pub tenant_people: usize,
    /// Of the tenant: percent of all memberships.
    pub tenant_percent: usize,
}

impl BrakeLimits {
    /// Of one link.
    pub fn of_a_link(&self) -> BrakeLimit {
        BrakeLimit { people: self.link_people, percent: self.link_percent }
    }

    /// Of the tenant.
    pub fn of_the_tenant(&self) -> BrakeLimit {
        BrakeLimit { people: self.tenant_people, percent: self.tenant_percent }
    }
}

impl Default for BrakeLimits {
    fn default() -> Self {
        let (link, tenant) = (BrakeLimit::OF_A_LINK, BrakeLimit::OF_A_TENANT);
        Self {
            link_people: link.people,
            link_percent: link.percent,
            tenant_people: tenant.people,
            tenant_percent: tenant.percent,
        }
    }
}

/// What becomes of the group when its team is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TeamDeleted {
    /// It stays as it is.
    KeepGroup,
    /// It is deleted; within 30 days it can be restored.
    DeleteGroup,
}

/// What is done when the group of a living team is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupDeleted {
    /// It is restored, once in 30 days.
    Restore,
    /// It stays deleted, and the link is over.
    EndLink,
}

/// Whether the spaces of teams get folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Folders {
    /// None does; folders that were linked stay as they are.
    No,
    /// Each space of a linked team has its folder in the group's site. It needs the directory's consent to files, and the officer inside.
    EachSpace,
}

/// Who is told what an administrator should know: held plans, links that fail, roles and consents that were lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// A Webex space that the officer is in.
    Space(WebexId<RoomId>),
    /// Somebody, in a direct message.
    Person(WebexId<PersonId>),
}

/// Which saving of a tenant's settings these are: whoever saves says which he saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsVersion(pub u64);

#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    version: SettingsVersion,
}

/// The tenant's settings as they stand; those of a tenant that never had any are the defaults.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<(Settings, SettingsVersion), StoreError> {
    let Some(item) = store.get(&keys::settings(tenant)).await? else { return Ok(Default::default()) };
    let Versioned { version } = from_item(item.clone())?;
    Ok((from_item(item)?, version))
}

/// Saves settings in the place of those that were seen.
///
/// # Errors
/// `ConditionFailed` where somebody else has saved since: show what changed.
pub async fn save(
    store: &dyn Store,
    tenant: TenantId,
    settings: &Settings,
    seen: SettingsVersion,
) -> Result<(), StoreError> {
    let mut item: Item = to_item(&keys::settings(tenant), settings)?;
    item.insert("version".into(), to_value(&(seen.0 + 1))?);
    let unchanged = match seen.0 {
        0 => Test::Missing("version"),
        version => Test::Equals("version", to_value(&version)?),
    };
    store.write(vec![Write::Put(item, Condition::Holds(vec![unchanged]))]).await
}
