//! Owners of the group who are not members of it. The directory treats the two as independent, so
//! that a person can own a group without being in it.
//! <https://learn.microsoft.com/graph/api/group-post-owners>

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::quota::{acquire_writes, bind_units};
use super::types::{Outcomes, Reading, Recorded, SyncRecord, SyncRun};
use super::{Deps, SyncError};
use crate::codes::Note;
use crate::link::Link;
use crate::quota::Acquire;
use clients::graph::{Bind, BindOutcome, GroupReading, Relation};
use domain::ids::ObjectId;
use domain::membership::{Eligibility, Person, Role, Sides};
use domain::merge::{LAG_WINDOW, PersonState, Plan};

const OWNER: Sides<Role> = Sides { team: Role::Owner, group: Role::Owner };

/// Result of making members of owners.
pub(super) struct OwnersAdded {
    pub(super) quota: Acquire,
    pub(super) stopped: Option<SyncError>,
}

/// Adds owners as members whom readings have shown as owners only for longer than the lag window.
///
/// One reading proves nothing: a person who was just removed can be an owner in one replica still,
/// and not a member in another already. Without quota they wait.
pub(super) async fn add_owners_as_members(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    plan: &Plan,
    eligibility: &BTreeMap<Person, Eligibility>,
    outcomes: &Outcomes,
) -> Recorded<OwnersAdded> {
    let mut record = SyncRecord::of(link.clone());
    let known = std::mem::take(&mut record.link.owners_without_membership);
    let mut added = OwnersAdded { quota: Acquire::Acquired, stopped: None };
    let (Some(group), Some(id)) = (&reading.group, link.group()) else {
        return Recorded { record, result: Ok(added) };
    };
    record.link.owners_without_membership = settled_owners(group, plan, eligibility)
        // The time runs from the first reading that showed them so.
        .map(|owner| (owner, known.get(&owner).copied().unwrap_or(run.started)))
        .collect();
    let is_certain = |since: &Timestamp| run.started.duration_since(*since) >= LAG_WINDOW;
    let owners = record.link.owners_without_membership.iter();
    let binds: Vec<Bind> = owners
        .filter(|(_, since)| is_certain(since))
        .map(|(&person, _)| Bind { person, relation: Relation::Member })
        .collect();
    // What stopped the steps would stop these calls, too.
    if binds.is_empty() || outcomes.stopped.is_some() {
        return Recorded { record, result: Ok(added) };
    }
    match acquire_writes(deps, run, link, bind_units(binds.len())).await {
        Ok(Acquire::Acquired) => {}
        Ok(refused) => {
            added.quota = refused;
            return Recorded { record, result: Ok(added) };
        }
        Err(error) => return Recorded { record, result: Err(error.into()) },
    }
    let bound = deps.graph.bind(&run.access.graph, id, &binds).await;
    // An owner whose call failed is tried again without another wait.
    for (bind, _) in &bound.outcomes {
        record.link.owners_without_membership.remove(&bind.person);
    }
    let is_done = |outcome: &BindOutcome| matches!(outcome, BindOutcome::Done);
    let count = bound.outcomes.iter().filter(|(_, outcome)| is_done(outcome)).count();
    if count > 0 {
        record.report.notes.push(Note::OwnersMadeMembers { owners: count });
    }
    added.stopped = bound.stopped.map(Into::into);
    Recorded { record, result: Ok(added) }
}

/// Eligible owners on both sides, without open writes, whom the group does not list as members.
fn settled_owners<'a>(
    group: &'a GroupReading,
    plan: &'a Plan,
    eligibility: &'a BTreeMap<Person, Eligibility>,
) -> impl Iterator<Item = ObjectId> + 'a {
    let is_settled = |state: &PersonState| state.baseline == OWNER && state.intents.is_empty();
    let is_eligible =
        |person| matches!(eligibility.get(person), Some(Eligibility::Eligible { .. }));
    let is_member = |object| group.members.get().iter().any(|member| member.id == object);
    let owners = plan.states.iter().filter(move |(person, (state, _))| {
        is_settled(state) && is_eligible(*person) && !is_member(person.object)
    });
    owners.map(|(person, _)| person.object)
}
