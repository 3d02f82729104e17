//! A team that the search found, with the group that it would get.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::search::SearchNumber;
pub use crate::codes::BackfillBlocker;
use crate::link::{self, LinkRow, Phase};
use crate::people::{IndexedPerson, PersonIndex};
use crate::stored::readable;
use crate::tenant::Tenant;
use crate::tenant::settings::Settings;
use clients::webex::{Membership, MembershipRole, Region};
use domain::ids::{OrgId, PersonId, TeamId, TenantId};
use domain::membership::{Eligibility, ExclusionReason};
use domain::merge::OWNER_LIMIT;
use store::keys;
use store::table::{Condition, Cursor, Key, Query, Store, StoreError, Write, to_item, to_value};

/// A team that the search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The team.
    pub team: TeamId,
    /// The region in its id.
    pub region: Region,
    /// Its title.
    pub title: String,
    /// Its creation time, if Webex says it.
    pub created: Option<Timestamp>,
    /// The organization that owns it, if Webex says it.
    pub owner: Option<OrgId>,
    /// Active or archived.
    pub state: TeamState,
    /// The people of its group, as counted.
    pub outlook: Outlook,
    /// The last search that read it.
    pub search: SearchNumber,
    /// Time of that reading.
    pub read_at: Timestamp,
}

/// State of a team in Webex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeamState {
    /// People can join and leave.
    Active,
    /// It takes no changes.
    Archived,
}

/// Counts of the people in a team's future group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// People, owners among them.
    pub people: usize,
    /// Eligible moderators, at most as many as a group can have owners.
    pub owners: usize,
    /// People who stay in the team only, by reason.
    pub excluded: Vec<(ExclusionReason, usize)>,
    /// People who are not in the person index yet. They are resolved when the group is created.
    pub unresolved: usize,
}

impl Outlook {
    /// Counts the people of a team.
    ///
    /// # Errors
    /// The table's.
    pub async fn of(
        store: &dyn Store,
        tenant: &Tenant,
        people: &[Membership],
    ) -> Result<Self, StoreError> {
        let people: Vec<&Membership> =
            people.iter().filter(|one| one.person != tenant.service_account).collect();
        let known = PersonIndex::new(store, tenant.tenant)
            .people(people.iter().map(|one| one.person))
            .await?;
        Ok(Self::counted(&people, tenant.org, &known))
    }

    fn counted(
        people: &[&Membership],
        org: OrgId,
        known: &BTreeMap<PersonId, IndexedPerson>,
    ) -> Self {
        let (mut outlook, mut excluded) =
            (Self::default(), BTreeMap::<ExclusionReason, usize>::new());
        for one in people {
            // The index has only people of the organization.
            if one.org.is_some_and(|own| own != org) {
                *excluded.entry(ExclusionReason::OtherOrganization).or_default() += 1;
                continue;
            }
            match known.get(&one.person).map(|known| known.eligibility) {
                Some(Eligibility::Eligible { .. }) => {
                    outlook.people += 1;
                    outlook.owners += usize::from(one.role == MembershipRole::Moderator);
                }
                Some(Eligibility::Excluded { reason }) => *excluded.entry(reason).or_default() += 1,
                // The cycles fill the index slowly, and the preview says how many are missing.
                None => outlook.unresolved += 1,
            }
        }
        // Further moderators become members.
        outlook.owners = outlook.owners.min(OWNER_LIMIT);
        outlook.excluded = excluded.into_iter().collect();
        outlook
    }

    /// Returns the number of people who stay in the team only.
    pub fn excluded_count(&self) -> usize {
        self.excluded.iter().map(|(_, count)| count).sum()
    }

    /// Returns the blocker if the group would have no owner.
    pub fn blocker(&self, settings: &Settings) -> Option<BackfillBlocker> {
        (self.owners == 0 && settings.fallback_owner.is_none()).then_some(BackfillBlocker::NoOwner)
    }
}

/// Returns the blocker that a team's link is. A link that has ended is none.
pub fn blocker_of_link(row: &LinkRow) -> Option<BackfillBlocker> {
    match row.link.phase {
        Phase::Ended { .. } => None,
        Phase::Asked { .. } => Some(BackfillBlocker::CreatorAsked),
        Phase::Creating { .. } | Phase::Linked { .. } => Some(BackfillBlocker::Linked),
    }
}

impl Candidate {
    /// Returns the reason why the team cannot get a group, apart from its link.
    pub fn blocker(&self, org: OrgId, settings: &Settings) -> Option<BackfillBlocker> {
        match self.state {
            // Another organization's team is not ours to link.
            _ if self.owner != Some(org) => Some(BackfillBlocker::OtherOrganization),
            TeamState::Archived => Some(BackfillBlocker::Archived),
            TeamState::Active => self.outlook.blocker(settings),
        }
    }

    /// Returns the write that stores the candidate over an earlier reading.
    pub(crate) fn put(&self, tenant: TenantId) -> Result<Write, StoreError> {
        let mut item = to_item(&key(tenant, self.team), self)?;
        item.insert("gsi2pk".into(), to_value(&listing(tenant))?);
        item.insert("gsi2sk".into(), to_value(&self.sort_key())?);
        Ok(Write::Put(item, Condition::Any))
    }

    fn sort_key(&self) -> String {
        // Titles repeat, and the id gives those an order that stays.
        format!("{}#{}", keys::typed(&self.title), self.team)
    }
}

/// A candidate with its link, if it has one.
pub type CandidateWithLink = (Candidate, Option<LinkRow>);

/// The partition of a tenant's candidates.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#CANDIDATE")
}

pub(crate) fn key(tenant: TenantId, team: TeamId) -> Key {
    Key::new(partition(tenant), team.to_string())
}

fn listing(tenant: TenantId) -> String {
    format!("LIST#{tenant}#candidates")
}

/// Returns a page of candidates whose title begins with `title` in any case, and the next cursor.
///
/// # Errors
/// The table refuses a malformed cursor.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    title: &str,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<CandidateWithLink>, Option<Cursor>), StoreError> {
    let query = Query::Listed { pk: listing(tenant), prefix: keys::typed(title) };
    let page = store.query(&query, limit, start).await?;
    let teams: Vec<TeamId> =
        page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok()).collect();
    let mut rows = with_links(store, tenant, teams).await?;
    // A batch read returns items in any order.
    rows.sort_by_cached_key(|(found, _)| found.sort_key());
    Ok((rows, page.next))
}

/// Returns the given teams that are candidates, each with its link.
///
/// # Errors
/// The table's.
pub async fn with_links(
    store: &dyn Store,
    tenant: TenantId,
    teams: impl IntoIterator<Item = TeamId>,
) -> Result<Vec<CandidateWithLink>, StoreError> {
    let keys = teams.into_iter().flat_map(|team| [key(tenant, team), link::key(tenant, team)]);
    let (mut found, mut links) = (vec![], BTreeMap::new());
    for item in store.get_many(&keys.collect::<Vec<_>>()).await? {
        if Key::of(&item).is_some_and(|key| key.pk == partition(tenant)) {
            found.extend(readable::<Candidate>(item));
        } else if let Some(row) = readable::<LinkRow>(item) {
            links.insert(row.link.team, row);
        }
    }
    Ok(found
        .into_iter()
        .map(|found| (links.remove(&found.team), found))
        .map(|(link, found)| (found, link))
        .collect())
}
