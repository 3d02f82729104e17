//! A team that may adopt a group.

use crate::backfill::candidate::{self, Candidate};
use crate::codes::AdoptionBlocker;
use crate::link::{self, GroupOrigin, Link, LinkRow, Phase};
use clients::webex::WebexId;
use domain::ids::{GroupId, TeamId, TenantId};
use domain::merge::NameState;
use store::table::{Key, Store, StoreError, from_item};

/// A team that may adopt a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptableTeam {
    /// The team.
    pub team: WebexId<TeamId>,
    /// The title as last read.
    pub title: String,
    /// The team's link, if it has or had one.
    pub before: Option<LinkRow>,
}

impl AdoptableTeam {
    /// Loads a team that has a link or is a candidate; `None` for any other.
    pub async fn load(
        store: &dyn Store,
        tenant: TenantId,
        team: TeamId,
    ) -> Result<Option<Self>, StoreError> {
        let (link_key, candidate_key) = (link::key(tenant, team), candidate::key(tenant, team));
        let (mut before, mut candidate) = (None, None);
        for item in store.get_many(&[link_key.clone(), candidate_key]).await? {
            if Key::of(&item).as_ref() == Some(&link_key) {
                before = Some(from_item::<LinkRow>(item)?);
            } else {
                candidate = Some(from_item::<Candidate>(item)?);
            }
        }
        let of_link = before.as_ref().map(|row| (row.link.region.clone(), row.link.title.clone()));
        let named = of_link.or_else(|| candidate.map(|found| (found.region, found.title)));
        Ok(named.map(|(region, title)| Self { team: WebexId::new(region, team), title, before }))
    }

    /// Returns the obstacle to any adoption by this team.
    pub fn blocker(&self) -> Option<AdoptionBlocker> {
        self.before.as_ref().and_then(|before| AdoptionBlocker::of_link(&before.link))
    }

    /// Returns the link that the team would have.
    pub(crate) fn link(&self, group: GroupId) -> Link {
        let before = self.before.as_ref().map(|row| &row.link);
        link_after(before, &self.team, self.title.clone(), group)
    }
}

/// Returns the link after an adoption.
///
/// It keeps the former link's alerts, service account and question to the creator.
pub(super) fn link_after(
    before: Option<&Link>,
    team: &WebexId<TeamId>,
    title: String,
    group: GroupId,
) -> Link {
    let mut link = Link::new(team.id, team.region.clone(), title, Phase::Linked { group });
    // Neither name is older than the link, so the side that wins gives the name.
    link.names = Some(NameState::without_baseline());
    // A group that people made is never deleted with the team.
    link.origin = GroupOrigin::Adopted;
    if let Some(before) = before {
        link.service_account = before.service_account;
        link.alerts.clone_from(&before.alerts);
        link.asked = before.asked;
    }
    link
}
