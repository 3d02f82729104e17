//! A team as the search met it, and what its group would be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::search::SearchNumber;
use crate::link::{self, Kept, Phase};
use crate::people::{Known, PersonIndex};
use crate::tenant::Tenant;
use crate::tenant::settings::Settings;
use clients::webex::{Membership, Region, Role};
use domain::ids::{OrgId, PersonId, TeamId, TenantId};
use domain::membership::{LeftOut, Participation};
use domain::merge::OWNER_LIMIT;
use store::table::{Condition, Cursor, Key, Query, Store, StoreError, Write, from_item, to_item, to_value};

/// A team that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The team.
    pub team: TeamId,
    /// The region in its id.
    pub region: Region,
    /// Its title.
    pub title: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// The organization that owns it; missing where that cannot be told.
    pub owner: Option<OrgId>,
    /// Whether people come and go.
    pub state: TeamState,
    /// What its group would be.
    pub outlook: Outlook,
    /// The search that read it last.
    pub search: SearchNumber,
    /// When it was read.
    pub read_at: Timestamp,
}

/// Whether people come to a team and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeamState {
    /// They do.
    Living,
    /// It is archived.
    Archived,
}

/// Who would be in a team's group, as counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// People, owners among them.
    pub people: usize,
    /// Moderators who take part, at most as many as a group has room for.
    pub owners: usize,
    /// Whoever stays in the team only, by reason.
    pub left_out: Vec<(LeftOut, usize)>,
    /// People whom the person index does not know yet: they are looked up when the group is made.
    pub unresolved: usize,
}

impl Outlook {
    /// Counts who is in a team.
    ///
    /// # Errors
    /// The table's.
    pub async fn of(store: &dyn Store, tenant: &Tenant, people: &[Membership]) -> Result<Self, StoreError> {
        let people: Vec<&Membership> = people.iter().filter(|one| one.person != tenant.officer).collect();
        let known = PersonIndex::new(store, tenant.tenant).people(people.iter().map(|one| one.person)).await?;
        Ok(Self::counted(&people, tenant.org, &known))
    }

    fn counted(people: &[&Membership], org: OrgId, known: &BTreeMap<PersonId, Known>) -> Self {
        let (mut outlook, mut left_out) = (Self::default(), BTreeMap::<LeftOut, usize>::new());
        for one in people {
            if one.org.is_some_and(|own| own != org) {
                *left_out.entry(LeftOut::OtherOrganization).or_default() += 1;
                continue;
            }
            match known.get(&one.person).map(|known| known.participation) {
                Some(Participation::TakesPart { .. }) => {
                    outlook.people += 1;
                    outlook.owners += usize::from(one.role == Role::Moderator);
                }
                Some(Participation::LeftOut { reason }) => *left_out.entry(reason).or_default() += 1,
                None => outlook.unresolved += 1,
            }
        }
        outlook.owners = outlook.owners.min(OWNER_LIMIT);
        outlook.left_out = left_out.into_iter().collect();
        outlook
    }

    /// How many people stay in the team only.
    pub fn stay_behind(&self) -> usize {
        self.left_out.iter().map(|(_, count)| count).sum()
    }

    /// That nobody could own the group.
    pub fn hindrance(&self, settings: &Settings) -> Option<Hindrance> {
        (self.owners == 0 && settings.fallback_owner.is_none()).then_some(Hindrance::NoOwner)
    }
}

/// Why a team cannot be given a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// It has a link that is not over.
    Linked,
    /// Its creator was asked by card, and may still answer.
    CreatorAsked,
    /// It is archived.
    Archived,
    /// Another organization owns it, or nobody can tell which does.
    OtherOrganization,
    /// No moderator takes part, and there is no fallback owner.
    NoOwner,
}

impl Hindrance {
    /// Why, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Linked => "It is linked already.",
            Self::CreatorAsked => "Its creator was asked by card and has not answered yet.",
            Self::Archived => "It is archived.",
            Self::OtherOrganization => "It belongs to another organization.",
            Self::NoOwner => "No moderator takes part, and the settings name no fallback owner.",
        }
    }

    /// That a team's link keeps it from a new one: whatever is over does not.
    pub fn of_link(kept: &Kept) -> Option<Self> {
        match kept.link.phase {
            Phase::Ended { .. } => None,
            Phase::Asked { .. } => Some(Self::CreatorAsked),
            Phase::Creating { .. } | Phase::Linked { .. } => Some(Self::Linked),
        }
    }
}

impl Found {
    /// Why the team cannot be given a group, apart from its link.
    pub fn hindrance(&self, org: OrgId, settings: &Settings) -> Option<Hindrance> {
        match self.state {
            _ if self.owner != Some(org) => Some(Hindrance::OtherOrganization),
            TeamState::Archived => Some(Hindrance::Archived),
            TeamState::Living => self.outlook.hindrance(settings),
        }
    }

    /// Stores it, in the place of what an earlier reading found.
    pub(crate) fn put(&self, tenant: TenantId) -> Result<Write, StoreError> {
        let mut item = to_item(&key(tenant, self.team), self)?;
        item.insert("gsi2pk".into(), to_value(&listing(tenant))?);
        item.insert("gsi2sk".into(), to_value(&format!("{}#{}", self.title.to_lowercase(), self.team))?);
        Ok(Write::Put(item, Condition::Any))
    }
}

/// A found team with its link, if it has one.
pub type WithLink = (Found, Option<Kept>);

/// The partition of what was found.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#FOUND")
}

pub(crate) fn key(tenant: TenantId, team: TeamId) -> Key {
    Key::new(partition(tenant), team.to_string())
}

fn listing(tenant: TenantId) -> String {
    format!("LIST#{tenant}#found")
}

/// Found teams by title, those that begin with `title` whatever the case, and where their list goes on.
///
/// # Errors
/// A cursor that is none is refused by the table.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    title: &str,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<WithLink>, Option<Cursor>), StoreError> {
    let query = Query::Listed { pk: listing(tenant), prefix: title.to_lowercase() };
    let page = store.query(&query, limit, start).await?;
    let teams: Vec<TeamId> = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok()).collect();
    let mut rows = with_links(store, tenant, teams).await?;
    rows.sort_by_cached_key(|(found, _)| (found.title.to_lowercase(), found.team.to_string()));
    Ok((rows, page.next))
}

/// Those of the teams that were found, each with its link.
pub async fn with_links(
    store: &dyn Store,
    tenant: TenantId,
    teams: impl IntoIterator<Item = TeamId>,
) -> Result<Vec<WithLink>, StoreError> {
    let keys = teams.into_iter().flat_map(|team| [key(tenant, team), link::key(tenant, team)]);
    let (mut found, mut links) = (vec![], BTreeMap::new());
    for item in store.get_many(&keys.collect::<Vec<_>>()).await? {
        if Key::of(&item).is_some_and(|key| key.pk == partition(tenant)) {
            found.push(from_item::<Found>(item)?);
        } else {
            let kept: Kept = from_item(item)?;
            links.insert(kept.link.team, kept);
        }
    }
    Ok(found.into_iter().map(|found| (links.remove(&found.team), found)).map(|(link, found)| (found, link)).collect())
}
