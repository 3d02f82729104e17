//! Overrides: an administrator's decisions about people by name, proposed and then confirmed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    ACTION_LEASE, Begun, FollowUp, LinkAction, LinkPerson, LinkRow, Who, people, put_person,
};
use crate::activity::{Activity, DecidedRoles};
use crate::codes::Decision;
use crate::decision::Decider;
use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Role, Side, Sides};
use domain::merge::Override;
use store::table::{Store, StoreError, TRANSACTION_LIMIT, Write};

/// Roles that people of a link are to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideProposal {
    /// The people whose roles would change.
    pub people: BTreeMap<Person, ProposedRoles>,
    /// People who would be included but are no longer eligible.
    pub excluded: BTreeSet<Person>,
}

/// The roles of a person before and after an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposedRoles {
    /// The present roles.
    pub is: Sides<Role>,
    /// The proposed roles.
    pub to: Sides<Role>,
}

/// The sides that an undo of an activity changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoScope {
    /// The side that was changed gets back what it had. The other side stays as it is.
    ChangedSide,
    /// People get back on both sides the role that they lost. No one loses anything.
    BothSides,
}

impl UndoScope {
    /// All scopes, the exact one first.
    pub const ALL: [Self; 2] = [Self::ChangedSide, Self::BothSides];

    /// Returns the roles after the undo, from those before the activity where it changed them.
    fn roles(self, before: Sides<Option<Role>>, is: Sides<Role>) -> Sides<Role> {
        match self {
            Self::ChangedSide => Sides::each(|side| before[side].unwrap_or(is[side])),
            Self::BothSides => {
                // An undo on both sides only adds.
                let role = before.team.max(before.group).unwrap_or_default();
                Sides::each(|side| role.max(is[side]))
            }
        }
    }
}

impl OverrideProposal {
    /// Proposes to undo an activity. The beginning of a link has no before to go back to.
    pub fn undo(done: &Activity, scope: UndoScope, on_link: &BTreeMap<Who, LinkPerson>) -> Self {
        let mut before = BTreeMap::<Person, Sides<Option<Role>>>::new();
        let made = done.changes.iter().filter(|change| change.refused.is_none());
        for change in made.filter(|_| !done.begins_link()) {
            // Of an addition and a promotion, only the first has the role from before both.
            before.entry(change.person).or_default()[change.side].get_or_insert(change.from);
        }
        Self::of(before, on_link, |before, is| scope.roles(before, is))
    }

    /// Proposes the role that a person has on one side.
    pub fn resolve_difference(
        person: Person,
        as_in: Side,
        on_link: &BTreeMap<Who, LinkPerson>,
    ) -> Self {
        Self::of([(person, as_in)], on_link, |as_in, is| Sides::each(|_| is[as_in]))
    }

    fn of<T>(
        people: impl IntoIterator<Item = (Person, T)>,
        on_link: &BTreeMap<Who, LinkPerson>,
        roles: impl Fn(T, Sides<Role>) -> Sides<Role>,
    ) -> Self {
        let mut proposal = Self::default();
        for (person, one) in people {
            match on_link.get(&Who::Person(person)) {
                Some(LinkPerson { excluded: None, state, .. }) => {
                    let (is, to) = (state.baseline, roles(one, state.baseline));
                    if is != to {
                        proposal.people.insert(person, ProposedRoles { is, to });
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
        for (Person { object, person }, ProposedRoles { is, to }) in &self.people {
            let roles = [is.team, is.group, to.team, to.group].map(|role| role.to_string());
            hash.update(format!("{object}/{person}/{}\n", roles.join("/")));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The decision as it is recorded.
    fn decision(&self) -> Decision {
        let decided = |(&person, &ProposedRoles { is, to }): (&Person, &ProposedRoles)| {
            DecidedRoles { person, from: is, to }
        };
        let people = self.people.iter().take(Decision::MOST_NAMED).map(decided).collect();
        Decision::RolesDecided { people, total: self.people.len() }
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
        // The admin decided about what they were shown, and it is no longer so.
        } else if self.people.is_empty() || self.hash() != hash {
            OverrideOutcome::Changed
        // A write of the earlier decision can be under way.
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
    by: Decider<'_>,
) -> Result<OverrideOutcome, StoreError> {
    let now = by.now;
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
    let decision = by.of_team(tenant, team, proposal.decision())?;
    let mut writes: Vec<Write> = vec![];
    for (person, ProposedRoles { is: shown, to }) in proposal.people {
        let who = Who::Person(person);
        let mut one = on_link.remove(&who).unwrap_or_default();
        one.state.role_override = Some(Override { to, shown, at: now });
        writes.push(put_person(tenant, team, who, &one)?);
    }
    // The last transaction gives the lease back and records the decision, too.
    let mut chunks = writes.chunks(TRANSACTION_LIMIT - 1 - decision.len());
    let last = [chunks.next_back().unwrap_or_default(), &decision].concat();
    for chunk in chunks {
        store.write([chunk, &[action.check()?]].concat()).await?;
    }
    match action.end(&action.row.link, FollowUp::AtOnce, last).await {
        Ok(()) => Ok(outcome),
        Err(StoreError::ConditionFailed) => Ok(OverrideOutcome::Busy),
        Err(error) => Err(error),
    }
}
