//! Adoption: links a group that exists to a team that has none.
//!
//! # Guarantees
//! * It writes nothing outside. The first sync merges both sides, and without a baseline it can
//!   only add.
//! * A group is linked once, and a team to one group, also if two administrators act at the same
//!   moment: one transaction writes the link and the group's [`Claim`], on condition that neither
//!   existed.

mod blocker;
mod team;

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};

pub use crate::codes::AdoptionBlocker;
use crate::codes::Decision;
use crate::decision::Decider;
use crate::link::{
    self, ACTION_LEASE, Begun, Claim, FollowUp, Link, LinkAction, LinkRow, Phase,
    ServiceAccountPresence,
};
use crate::preview::Preview;
use crate::tenant::Tenant;
use clients::graph::Group;
use clients::webex::WebexId;
use domain::ids::{GroupId, ObjectId, TeamId};
use store::table::{Store, StoreError, Write};
pub use team::AdoptableTeam;
use team::link_after;

/// The outcome that an adoption would have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptionPreview {
    /// The team.
    pub team: WebexId<TeamId>,
    /// The team's title.
    pub title: String,
    /// The group.
    pub group: Group,
    /// The group's owners, as the directory shows them now.
    pub owners: BTreeSet<ObjectId>,
    /// The preview of the first sync. It removes no one.
    pub preview: Preview,
    /// The service account's presence in the team.
    pub(crate) service_account: ServiceAccountPresence,
}

impl AdoptionPreview {
    /// Returns the hash that an administrator confirms. It covers all acts.
    pub fn hash(&self) -> String {
        let Self { team, title, group, owners: _, preview, service_account: _ } = self;
        // All that the admin is shown, so that a confirmation covers it.
        let shown = json!([team.id, title, group.id, group.display_name, preview.hash()]);
        // `Debug` output can change with the compiler, so the hash is over JSON.
        let hash = Sha256::digest(shown.to_string());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns `true` once all people are resolved; until then the preview may be incomplete.
    pub fn is_complete(&self) -> bool {
        self.preview.unresolved == 0
    }
}

/// The outcome of an adoption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptionOutcome {
    /// Team and group are linked, by this request or an earlier one.
    Linked,
    /// A sync is under way: try again later.
    Busy,
    /// An obstacle has come up since the preview.
    Blocked(AdoptionBlocker),
}

/// Links the group to the team. The decision is recorded.
pub async fn adopt(
    store: &dyn Store,
    tenant: &Tenant,
    adoption: &AdoptionPreview,
    decision: Decision,
    by: Decider<'_>,
) -> Result<AdoptionOutcome, StoreError> {
    let request = AdoptionRequest { store, tenant, adoption, decision, by };
    let team = adoption.team.id;
    let Some(candidate) = AdoptableTeam::load(store, tenant.tenant, team).await? else {
        return Ok(AdoptionOutcome::Blocked(AdoptionBlocker::TeamMissing));
    };
    let written = match &candidate.before {
        // The same confirmation came twice, or its answer was lost.
        Some(before) if before.link.group() == Some(request.group()) => {
            return Ok(AdoptionOutcome::Linked);
        }
        Some(before) if !matches!(before.link.phase, Phase::Ended { .. }) => {
            request.replace_waiting_link().await
        }
        before => request.create_link(before.as_ref()).await,
    };
    match written {
        // Another request came first. The reason is what it did.
        Err(StoreError::ConditionFailed) => request.find_blocker().await,
        written => written,
    }
}

struct AdoptionRequest<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    adoption: &'a AdoptionPreview,
    decision: Decision,
    by: Decider<'a>,
}

impl AdoptionRequest<'_> {
    fn group(&self) -> GroupId {
        self.adoption.group.id
    }

    fn link(&self, before: Option<&Link>) -> Link {
        let AdoptionPreview { team, title, service_account, .. } = self.adoption;
        let link = link_after(before, team, title.clone(), self.group());
        Link { service_account: *service_account, ..link }
    }

    /// The claim on the group, the end of one on an earlier group, and the activity.
    fn writes(&self, before: Option<&Link>) -> Result<Vec<Write>, StoreError> {
        let (tenant, team) = (self.tenant.tenant, &self.adoption.team);
        // A row of the table, so that no other tenant or team can take the group in between.
        let claim = Claim { tenant, team: team.id, region: team.region.clone() };
        let mut writes = self.by.of_team(tenant, team.id, self.decision.clone())?;
        // A link that ended because the group did not answer claims it still.
        if before.and_then(Link::claimed_group) != Some(self.group()) {
            writes.push(claim.put(self.tenant.directory, self.group())?);
        }
        let released =
            before.and_then(|one| link::released(self.tenant.directory, one, &self.link(before)));
        writes.extend(released);
        Ok(writes)
    }

    /// Creates the link of a team that has none, or one that has ended.
    async fn create_link(&self, before: Option<&LinkRow>) -> Result<AdoptionOutcome, StoreError> {
        let (store, tenant) = (self.store, self.tenant.tenant);
        let link = self.link(before.map(|row| &row.link));
        let creation = link::creation_after(store, tenant, before, &link, self.by.now).await?;
        let mut writes = self.writes(before.map(|row| &row.link))?;
        writes.push(creation);
        store.write(writes).await?;
        Ok(AdoptionOutcome::Linked)
    }

    /// Replaces a link that waits without a group. A sync that is under way goes first.
    async fn replace_waiting_link(&self) -> Result<AdoptionOutcome, StoreError> {
        let (store, tenant, team) = (self.store, self.tenant.tenant, self.adoption.team.id);
        let action = match LinkAction::begin(store, tenant, team, self.by.now, ACTION_LEASE).await?
        {
            Begun::Held(action) => action,
            Begun::Busy => return Ok(AdoptionOutcome::Busy),
            Begun::Gone => return Err(StoreError::ConditionFailed),
        };
        if let Some(blocker) = AdoptionBlocker::of_link(&action.row.link) {
            return action.leave().await.map(|()| AdoptionOutcome::Blocked(blocker));
        }
        // Rows of an earlier group would be a baseline, and a baseline can remove people.
        link::purge_people(store, tenant, team).await?;
        let link = self.link(Some(&action.row.link));
        match action.end(&link, FollowUp::AtOnce, self.writes(Some(&action.row.link))?).await {
            // The group has a claim, or the lease is lost: the link stays as it was.
            Err(StoreError::ConditionFailed) => {
                action.leave().await?;
                Err(StoreError::ConditionFailed)
            }
            written => written.map(|()| AdoptionOutcome::Linked),
        }
    }

    /// Finds the reason why nothing was written, as things are now.
    async fn find_blocker(&self) -> Result<AdoptionOutcome, StoreError> {
        let (tenant, team, group) = (self.tenant.tenant, self.adoption.team.id, self.group());
        let claims = link::claims(self.store, self.tenant.directory, [group]).await?;
        let candidate = AdoptableTeam::load(self.store, tenant, team).await?;
        let linked = candidate.as_ref().and_then(|one| one.before.as_ref()?.link.group());
        Ok(match (claims.get(&group), candidate.and_then(|candidate| candidate.blocker())) {
            _ if linked == Some(group) => AdoptionOutcome::Linked,
            (Some(claim), _) if claim.tenant == tenant && claim.team == team => {
                AdoptionOutcome::Busy
            }
            (Some(claim), _) => AdoptionOutcome::Blocked(AdoptionBlocker::of_claim(tenant, claim)),
            (None, Some(blocker)) => AdoptionOutcome::Blocked(blocker),
            (None, None) => AdoptionOutcome::Busy,
        })
    }
}
