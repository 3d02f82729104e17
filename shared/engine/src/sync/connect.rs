//! What connecting a group that was there before would do: a look at a link that does not exist yet, which writes nothing outside and nothing of the link.

use std::collections::BTreeMap;

use super::look::{Look, Occasion};
use super::read::Sight;
use super::record::Report;
use super::{Calls, Desk, Sync, SyncError};
use crate::adopt::{Candidate, Hindrance, Union};
use crate::link::{self, Lease, OfficerPlace, OnLink, PutThere, Who};
use crate::preview::{self, Of, Preview};
use crate::quota::Taken;
use crate::tenant;
use clients::graph::ObjectKind;
use clients::http::{Class, Deadline, Urgency};
use domain::ids::{GroupId, TenantId};
use store::message::Cause;

impl Sync {
    /// What connecting the group to the team would do, as both sides are now, or what is in the way. Of people whom nobody knows yet only some are looked up: what was
    /// found out about them is kept for some minutes, and the next call goes on with it.
    ///
    /// # Errors
    /// A call failed, or the table.
    pub async fn union(
        &self,
        tenant: TenantId,
        candidate: &Candidate,
        group: GroupId,
        deadline: Deadline,
    ) -> Result<Result<Union, Hindrance>, SyncError> {
        let Some((desk, _)) = self.desk(tenant, None, deadline).await? else {
            return Ok(Err(Hindrance::Disconnected));
        };
        if let Some(hindrance) = candidate.hindrance() {
            return Ok(Err(hindrance));
        }
        let is_shut = desk.shut_until.is_some()
            || self.afford_reading(&desk, Cause::Administrator, candidate.team.id).await? != Taken::Granted;
        if is_shut {
            return Ok(Err(Hindrance::Pausing));
        }
        match self.union_of(&desk, candidate, group).await {
            Err(error) => match error.class() {
                Some(Class::ThrottledUntil(until)) => {
                    tenant::shut_gate(self.store.as_ref(), tenant, error.api(), until).await?;
                    Ok(Err(Hindrance::Pausing))
                }
                _ => Err(error),
            },
            union => union,
        }
    }

    async fn union_of(
        &self,
        desk: &Desk,
        candidate: &Candidate,
        group: GroupId,
    ) -> Result<Result<Union, Hindrance>, SyncError> {
        let (store, tenant, team) = (self.store.as_ref(), desk.tenant.tenant, candidate.team.id);
        let Calls { webex, graph } = self.calls(desk).await?;
        let calls = Calls { webex, graph: graph.urgent(Urgency::High) };
        if let Some(claim) = link::claims(store, desk.tenant.directory, [group]).await?.get(&group) {
            return Ok(Err(Hindrance::of_claim(tenant, claim)));
        }
        // Alone first: who is in a group of another kind cannot be read.
        let found = match self.graph.group(&calls.graph, group).await? {
            Some(found) => found,
            None if self.graph.deleted_group(&calls.graph, group).await?.is_some() => {
                return Ok(Err(Hindrance::GroupDeleted));
            }
            None => return Ok(Err(Hindrance::GroupMissing)),
        };
        let space = self.webex.room(&calls.webex, &candidate.team.general_space()).await?;
        let hindrance = Hindrance::of_group(&found).or_else(|| Hindrance::of_space(&desk.tenant, space.as_ref()));
        if let Some(hindrance) = hindrance {
            return Ok(Err(hindrance));
        }
        let lease = Lease::of_nobody(tenant, team);
        let started = self.clock.now();
        let mut look = Look {
            occasion: Occasion::Shown,
            desk,
            lease: &lease,
            calls: &calls,
            started,
            link: candidate.link(group),
            report: Report::of(started, Cause::Administrator),
        };
        let mut reading = match self.read(&mut look).await? {
            Sight::Clear(reading) => *reading,
            Sight::NoTeam => return Ok(Err(Hindrance::TeamMissing)),
            Sight::NoGroup(_) => return Ok(Err(Hindrance::GroupMissing)),
        };
        // What is stored of people is of another group, if of any.
        let before = preview::load(store, tenant, team, Of::Connecting(group)).await?;
        reading.stored = before.map(left_out).unwrap_or_default();
        let (preview, _) = self.what_follows(&mut look, &reading).await?;
        store.write(preview.puts(tenant, team, Of::Connecting(group))?).await?;
        let owners = reading.group.iter().flat_map(|group| group.owners.get());
        Ok(Ok(Union {
            team: candidate.team.clone(),
            title: look.link.title,
            group: found,
            owners: owners.filter(|owner| owner.kind == ObjectKind::User).map(|owner| owner.id).collect(),
            preview,
            officer: put_there_before(candidate, look.link.officer),
        }))
    }
}

/// Who was found to be left out for the last time that the same was asked.
fn left_out(before: Preview) -> BTreeMap<Who, OnLink> {
    let on_one_side = before.left_out.into_iter().filter(|(who, _)| !matches!(who, Who::Person(_)));
    on_one_side.map(|(who, reason)| (who, OnLink { left_out: Some(reason), ..OnLink::default() })).collect()
}

/// Whoever stands in the team before it is connected was put there by somebody, unless an earlier link knows better.
fn put_there_before(candidate: &Candidate, place: OfficerPlace) -> OfficerPlace {
    match place {
        OfficerPlace::Inside { account, .. } => {
            let before = candidate.before.as_ref().map(|kept| kept.link.officer).unwrap_or_default();
            before.there(account, PutThere::Somebody)
        }
        other => other,
    }
}
