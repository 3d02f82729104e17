//! Preview of an adoption: a sync run over a link that does not exist yet. It writes nothing to
//! the services, and nothing of the link.

use std::collections::BTreeMap;

use super::observe::observe;
use super::preview::build_preview;
use super::quota::SMALL_READING;
use super::types::{Observation, SyncDepth, SyncRun};
use super::{ApiAccess, Deps, SyncError, TenantContext, decide_and_prove};
use crate::activity::EntryId;
use crate::adopt::{AdoptableTeam, AdoptionBlocker, AdoptionPreview};
use crate::link::{self, JoinedBy, Lease, LinkPerson, ServiceAccountPresence, Who};
use crate::preview::{self, Preview, PreviewKind};
use crate::quota::{Acquire, Priority};
use crate::tenant;
use clients::graph::ObjectKind;
use clients::http::{Deadline, ErrorClass, Urgency};
use domain::ids::{GroupId, TenantId};
use store::message::Trigger;

impl Deps {
    /// Returns what the adoption would do as both sides are now, or what blocks it.
    ///
    /// Each call resolves only some of the unknown people. The result is stored for some minutes,
    /// and the next call continues with it.
    ///
    /// # Errors
    /// A call or the table failed.
    pub async fn preview_adoption(
        &self,
        tenant: TenantId,
        candidate: &AdoptableTeam,
        group: GroupId,
        deadline: Deadline,
    ) -> Result<Result<AdoptionPreview, AdoptionBlocker>, SyncError> {
        let Some((context, _)) = self.load_context(tenant, None, deadline).await? else {
            return Ok(Err(AdoptionBlocker::Disconnected));
        };
        if let Some(blocker) = candidate.blocker() {
            return Ok(Err(blocker));
        }
        let is_throttled = context.throttled_until.is_some()
            || self
                .acquire_reading(&context, Priority::Awaited, candidate.team.id, SMALL_READING)
                .await?
                != Acquire::Acquired;
        if is_throttled {
            // An admin waits for the page, which cannot wait for the quota.
            return Ok(Err(AdoptionBlocker::Throttled));
        }
        match self.build_adoption_preview(&context, candidate, group).await {
            Err(error) => match error.class() {
                Some(ErrorClass::ThrottledUntil(until)) => {
                    let (store, now) = (self.store.as_ref(), self.clock.now());
                    tenant::back_off(store, tenant, error.api(), until, now).await?;
                    Ok(Err(AdoptionBlocker::Throttled))
                }
                _ => Err(error),
            },
            union => union,
        }
    }

    async fn build_adoption_preview(
        &self,
        context: &TenantContext,
        candidate: &AdoptableTeam,
        group: GroupId,
    ) -> Result<Result<AdoptionPreview, AdoptionBlocker>, SyncError> {
        let (store, tenant, team) = (self.store.as_ref(), context.tenant.tenant, candidate.team.id);
        let access = self.api_access(context).await?;
        let calls = ApiAccess { graph: access.graph.urgent(Urgency::High), ..access };
        let claims = link::claims(store, context.tenant.directory, [group]).await?;
        // A link that ended because this group did not answer claims it still.
        let own = candidate.before.as_ref().and_then(|row| row.link.claimed_group());
        if let Some(claim) = claims.get(&group).filter(|_| own != Some(group)) {
            return Ok(Err(AdoptionBlocker::of_claim(tenant, claim)));
        }
        // The group first, since the members of other kinds of groups cannot be read.
        let found = match self.graph.group(&calls.graph, group).await? {
            Some(found) => found,
            None if self.graph.deleted_group(&calls.graph, group).await?.is_some() => {
                return Ok(Err(AdoptionBlocker::GroupDeleted));
            }
            None => return Ok(Err(AdoptionBlocker::GroupMissing)),
        };
        let space = self.webex.room(&calls.webex, &candidate.team.general_space()).await?;
        let blocker = AdoptionBlocker::of_group(&found)
            .or_else(|| AdoptionBlocker::of_space(&context.tenant, space.as_ref()));
        if let Some(blocker) = blocker {
            return Ok(Err(blocker));
        }
        let lease = Lease::never_taken(tenant, team);
        let started = self.clock.now();
        let run = SyncRun {
            depth: SyncDepth::DryRun,
            context,
            lease: &lease,
            access: &calls,
            priority: Priority::Awaited,
            trigger: Trigger::Administrator,
            started,
            full_since: started,
            entry: EntryId::new(started),
        };
        let (mut reading, link) = match observe(self, &run, &candidate.link(group)).await? {
            Observation::Complete { reading, link } => (reading, link),
            Observation::TeamMissing => return Ok(Err(AdoptionBlocker::TeamMissing)),
            Observation::GroupMissing { .. } => return Ok(Err(AdoptionBlocker::GroupMissing)),
        };
        // Stored people would belong to another group.
        let before = preview::load(store, tenant, team, PreviewKind::Adoption(group)).await?;
        reading.stored = before.map(excluded).unwrap_or_default();
        let decision = decide_and_prove(self, &run, &link, &mut reading).await?;
        let preview = build_preview(self, &run, &link, &reading, &decision).await?;
        store.write(preview.puts(tenant, team, PreviewKind::Adoption(group))?).await?;
        let owners = reading.group.iter().flat_map(|group| group.owners.get());
        Ok(Ok(AdoptionPreview {
            team: candidate.team.clone(),
            title: link.title,
            group: found,
            owners: owners
                .filter(|owner| owner.kind == ObjectKind::User)
                .map(|owner| owner.id)
                .collect(),
            preview,
            service_account: presence_before_adoption(candidate, link.service_account),
        }))
    }
}

/// Returns the people that the last preview of this adoption found excluded.
fn excluded(before: Preview) -> BTreeMap<Who, LinkPerson> {
    let on_one_side = before.excluded.into_iter().filter(|(who, _)| !matches!(who, Who::Person(_)));
    on_one_side
        .map(|(who, reason)| (who, LinkPerson { excluded: Some(reason), ..LinkPerson::default() }))
        .collect()
}

/// Returns the presence of the service account. If it was in the team before the adoption, a
/// person added it, unless an earlier link says otherwise.
fn presence_before_adoption(
    candidate: &AdoptableTeam,
    place: ServiceAccountPresence,
) -> ServiceAccountPresence {
    match place {
        ServiceAccountPresence::Member { account, .. } => {
            let before =
                candidate.before.as_ref().map(|row| row.link.service_account).unwrap_or_default();
            before.seen_in_team(account, JoinedBy::Person)
        }
        other => other,
    }
}
