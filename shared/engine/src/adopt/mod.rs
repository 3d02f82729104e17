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

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::activity::{Activity, Note};
pub use crate::codes::AdoptionBlocker;
use crate::link::{self, Claim, Closing, Link, LinkRow, Phase, ServiceAccountPresence};
use crate::preview::Preview;
use crate::tenant::Tenant;
use clients::graph::Group;
use clients::webex::WebexId;
use domain::ids::{GroupId, ObjectId, TeamId};
use store::table::{Store, StoreError, Write};
pub use team::AdoptableTeam;
use team::link_after;

/// Duration of the lease over a link that waits without a group.
const ADOPTION_LEASE: SignedDuration = SignedDuration::from_secs(30);

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
        let shown = json!([team.id, title, group.id, group.display_name, preview.hash()]);
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

/// Links the group to the team. `note` is kept as what was done.
pub async fn adopt(
    store: &dyn Store,
    tenant: &Tenant,
    adoption: &AdoptionPreview,
    note: Note,
    now: Timestamp,
) -> Result<AdoptionOutcome, StoreError> {
    let request = AdoptionRequest { store, tenant, adoption, note, now };
    let team = adoption.team.id;
    let Some(candidate) = AdoptableTeam::load(store, tenant.tenant, team).await? else {
        return Ok(AdoptionOutcome::Blocked(AdoptionBlocker::TeamMissing));
    };
    let written = match &candidate.before {
        Some(before) if before.link.group() == Some(request.group()) => {
            return Ok(AdoptionOutcome::Linked);
        }
        Some(before) if !matches!(before.link.phase, Phase::Ended { .. }) => {
            request.replace_waiting_link().await
        }
        before => request.create_link(before.as_ref()).await,
    };
    match written {
        Err(StoreError::ConditionFailed) => request.find_blocker().await,
        written => written,
    }
}

struct AdoptionRequest<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    adoption: &'a AdoptionPreview,
    note: Note,
    now: Timestamp,
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

    fn claim_and_activity(&self) -> Result<Vec<Write>, StoreError> {
        let (tenant, team) = (self.tenant.tenant, &self.adoption.team);
        let claim = Claim { tenant, team: team.id, region: team.region.clone() };
        let activity = Activity::by_administrator(self.now, self.note.clone());
        let mut writes = activity.puts(tenant, team.id)?;
        writes.push(claim.put(self.tenant.directory, self.group())?);
        Ok(writes)
    }

    /// Creates the link of a team that has none, or one that has ended.
    async fn create_link(&self, before: Option<&LinkRow>) -> Result<AdoptionOutcome, StoreError> {
        let (store, tenant) = (self.store, self.tenant.tenant);
        let link = self.link(before.map(|row| &row.link));
        let creation = link::creation_after(store, tenant, before, &link, self.now).await?;
        let mut writes = self.claim_and_activity()?;
        writes.push(creation);
        store.write(writes).await?;
        Ok(AdoptionOutcome::Linked)
    }

    /// Replaces a link that waits without a group. A sync that is under way goes first.
    async fn replace_waiting_link(&self) -> Result<AdoptionOutcome, StoreError> {
        let (store, tenant, team) = (self.store, self.tenant.tenant, self.adoption.team.id);
        let (now, until) = (self.now, self.now + ADOPTION_LEASE);
        let Some((lease, row)) = link::take_lease(store, tenant, team, now, until).await? else {
            return Ok(AdoptionOutcome::Busy);
        };
        let blocker = AdoptionBlocker::of_link(&row.link);
        if blocker.is_none() {
            link::purge_people(store, tenant, team).await?;
            let link = self.link(Some(&row.link));
            let (closing, writes) = (Closing::unread(&row, now), self.claim_and_activity()?);
            match lease.give_back(store, tenant, &link, closing, writes, now).await {
                // The group has a claim, or the lease is lost: the link stays as it was.
                Err(StoreError::ConditionFailed) => {}
                written => return written.map(|()| AdoptionOutcome::Linked),
            }
        }
        let closing = Closing::unread(&row, row.next_sync_at);
        lease.give_back(store, tenant, &row.link, closing, vec![], now).await?;
        match blocker {
            Some(blocker) => Ok(AdoptionOutcome::Blocked(blocker)),
            None => Err(StoreError::ConditionFailed),
        }
    }

    /// Finds the reason why nothing was written, as things are now.
    async fn find_blocker(&self) -> Result<AdoptionOutcome, StoreError> {
        let (tenant, team, group) = (self.tenant.tenant, self.adoption.team.id, self.group());
        let claims = link::claims(self.store, self.tenant.directory, [group]).await?;
        let candidate = AdoptableTeam::load(self.store, tenant, team).await?;
        Ok(match (claims.get(&group), candidate.and_then(|candidate| candidate.blocker())) {
            (Some(claim), _) if claim.tenant == tenant && claim.team == team => {
                AdoptionOutcome::Linked
            }
            (Some(claim), _) => AdoptionOutcome::Blocked(AdoptionBlocker::of_claim(tenant, claim)),
            (None, Some(blocker)) => AdoptionOutcome::Blocked(blocker),
            (None, None) => AdoptionOutcome::Busy,
        })
    }
}
