//! Overrides: an administrator's decisions about people by name, proposed and then confirmed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    ACTION_LEASE, Begun, FollowUp, LinkAction, LinkPerson, LinkRow, Who, people, put_person,
};
use crate::activity::Activity;
use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Role, Side, Sides};
use domain::merge::Override;
use store::table::{Store, StoreError, TRANSACTION_LIMIT, Write};

/// Roles that people of a link are to have on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideProposal {
    /// The people, with their present roles and the proposed one.
    pub people: BTreeMap<Person, (Sides<Role>, Role)>,
    /// People who would be included but are no longer eligible.
    pub excluded: BTreeSet<Person>,
}

impl OverrideProposal {
    /// Proposes the roles that people had before an activity.
    pub fn restore_members(done: &Activity, on_link: &BTreeMap<Who, LinkPerson>) -> Self {
        let mut before = BTreeMap::new();
        for change in done.changes.iter().filter(|change| change.refused.is_none()) {
            before.entry(change.person).or_insert(change.from);
        }
        Self::of(before, on_link)
    }

    /// Proposes the role that a person has on one side.
    pub fn resolve_difference(
        person: Person,
        as_in: Side,
        on_link: &BTreeMap<Who, LinkPerson>,
    ) -> Self {
        let on_link_now = on_link.get(&Who::Person(person));
        let role = on_link_now.map(|on_link| on_link.state.baseline[as_in]);
        Self::of(role.map(|role| (person, role)), on_link)
    }

    fn of(
        roles: impl IntoIterator<Item = (Person, Role)>,
        on_link: &BTreeMap<Who, LinkPerson>,
    ) -> Self {
        let mut proposal = Self::default();
        for (person, to) in roles {
            match on_link.get(&Who::Person(person)) {
                Some(LinkPerson { excluded: None, state, .. }) => {
                    if Side::BOTH.iter().any(|&side| state.baseline[side] != to) {
                        proposal.people.insert(person, (state.baseline, to));
                    }
                }
                Some(_) | None => {
                    proposal.excluded.insert(person);
                }
            }
        }
        proposal
    }

    /// Returns the hash that an administrator confirms. It covers present and proposed roles.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (Person { object, person }, (is, to)) in &self.people {
            hash.update(format!("{object}/{person}/{}/{}/{to}\n", is.team, is.group));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Decides whether the proposal with this hash can be accepted on the link as it is now.
    fn outcome(
        &self,
        hash: &str,
        row: &LinkRow,
        on_link: &BTreeMap<Who, LinkPerson>,
        now: Timestamp,
    ) -> OverrideOutcome {
        let has_begun = |person: &Person| {
            on_link
                .get(&Who::Person(*person))
                .is_some_and(|on_link| on_link.state.has_begun_override(now))
        };
        if row.link.group().is_none() {
            OverrideOutcome::Gone
        } else if self.people.is_empty() || self.hash() != hash {
            OverrideOutcome::Changed
        } else if self.people.keys().any(has_begun) {
            OverrideOutcome::Busy
        } else {
            OverrideOutcome::Accepted
        }
    }
}

/// The outcome of requesting an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverrideOutcome {
    /// The next sync applies it.
    Accepted,
    /// A sync, or an earlier override of the same people, is under way: try again later.
    Busy,
    /// The proposal has changed: show the new one.
    Changed,
    /// The link does not exist, or has no group.
    Gone,
}

/// Accepts a proposal if it still has this hash. The next sync applies it: request one.
pub async fn request_override(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    hash: &str,
    propose: impl Fn(&BTreeMap<Who, LinkPerson>) -> OverrideProposal,
    now: Timestamp,
) -> Result<OverrideOutcome, StoreError> {
    let action = match LinkAction::begin(store, tenant, team, now, ACTION_LEASE).await? {
        Begun::Held(action) => action,
        Begun::Busy => return Ok(OverrideOutcome::Busy),
        Begun::Gone => return Ok(OverrideOutcome::Gone),
    };
    let mut on_link = people(store, tenant, team).await?;
    let proposal = propose(&on_link);
    let outcome = proposal.outcome(hash, &action.row, &on_link, now);
    if outcome != OverrideOutcome::Accepted {
        return action.leave().await.map(|()| outcome);
    }
    let mut writes: Vec<Write> = vec![];
    for (person, (shown, to)) in proposal.people {
        let who = Who::Person(person);
        let mut one = on_link.remove(&who).unwrap_or_default();
        one.state.role_override = Some(Override { to, shown, at: now });
        writes.push(put_person(tenant, team, who, &one)?);
    }
    let mut chunks = writes.chunks(TRANSACTION_LIMIT - 1);
    let last = chunks.next_back().unwrap_or_default().to_vec();
    for chunk in chunks {
        store.write([chunk, &[action.check()?]].concat()).await?;
    }
    match action.end(&action.row.link, FollowUp::AtOnce, last).await {
        Ok(()) => Ok(outcome),
        Err(StoreError::ConditionFailed) => Ok(OverrideOutcome::Busy),
        Err(error) => Err(error),
    }
}
