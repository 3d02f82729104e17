//! What an administrator decides about people by name: a proposal that is shown, and carried out as it was shown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Closing, OnLink, State, Who, people, put_person, take_lease};
use crate::activity::Activity;
use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Side, Sides, Standing};
use domain::merge::Instruction;
use store::table::{Store, StoreError, TRANSACTION_LIMIT};

/// For how long the link is held for it.
const GIVEN_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// What some people of a link are to become, on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Whom it is about: what the person is now, and would be.
    pub people: BTreeMap<Person, (Sides<Standing>, Standing)>,
    /// Who would be, too, but does not take part any more.
    pub left_out: BTreeSet<Person>,
}

impl Proposal {
    /// The people as they were before something was done to them.
    pub fn put_back(done: &Activity, on_link: &BTreeMap<Who, OnLink>) -> Self {
        let mut before = BTreeMap::new();
        for change in done.changes.iter().filter(|change| change.refused.is_none()) {
            before.entry(change.person).or_insert(change.from);
        }
        Self::of(before, on_link)
    }

    /// Somebody as one side has it.
    pub fn make_equal(person: Person, as_in: Side, on_link: &BTreeMap<Who, OnLink>) -> Self {
        let there = on_link.get(&Who::Person(person)).map(|on_link| on_link.memory.agreed[as_in]);
        Self::of(there.map(|there| (person, there)), on_link)
    }

    fn of(wanted: impl IntoIterator<Item = (Person, Standing)>, on_link: &BTreeMap<Who, OnLink>) -> Self {
        let mut proposal = Self::default();
        for (person, to) in wanted {
            match on_link.get(&Who::Person(person)) {
                Some(OnLink { left_out: None, memory, .. }) => {
                    if Side::BOTH.iter().any(|&side| memory.agreed[side] != to) {
                        proposal.people.insert(person, (memory.agreed, to));
                    }
                }
                Some(_) | None => {
                    proposal.left_out.insert(person);
                }
            }
        }
        proposal
    }

    /// What an administrator confirms that he saw: it differs as soon as anybody is, or would become, something else.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (Person { object, person }, (is, to)) in &self.people {
            hash.update(format!("{object}/{person}/{}/{}/{to}\n", is.team, is.group));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructed {
    /// The next look carries it out.
    Given,
    /// A look is under way, or an earlier decision about the same people: try again when it is through.
    Busy,
    /// By now it would be another: show that one.
    Moved,
    /// There is no such link, or it has no group to carry anything to.
    Gone,
}

/// Takes a proposal for decided, if it is still the one with this hash. Nothing is written outside: ask for a look.
pub async fn instruct(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    (hash, propose): (&str, impl Fn(&BTreeMap<Who, OnLink>) -> Proposal),
    now: Timestamp,
) -> Result<Instructed, StoreError> {
    if store.get(&super::key(tenant, team)).await?.is_none() {
        return Ok(Instructed::Gone);
    }
    let Some((lease, kept)) = take_lease(store, tenant, team, now, now + GIVEN_WITHIN).await? else {
        return Ok(Instructed::Busy);
    };
    let mut on_link = people(store, tenant, team).await?;
    let proposal = propose(&on_link);
    let is_linked = kept.link.group().is_some() && kept.link.state() != State::Ended;
    let has_begun = |person: &Person| {
        on_link.get(&Who::Person(*person)).is_some_and(|on_link| on_link.memory.has_begun_instruction(now))
    };
    let outcome = if !is_linked {
        Instructed::Gone
    } else if proposal.people.is_empty() || proposal.hash() != hash {
        Instructed::Moved
    } else if proposal.people.keys().any(has_begun) {
        Instructed::Busy
    } else {
        Instructed::Given
    };
    let mut writes = vec![];
    for (person, (shown, to)) in proposal.people.into_iter().filter(|_| outcome == Instructed::Given) {
        let who = Who::Person(person);
        let mut one = on_link.remove(&who).unwrap_or_default();
        one.memory.instruction = Some(Instruction { to, shown, at: now });
        writes.push(put_person(tenant, team, who, &one)?);
    }
    let next_look = if outcome == Instructed::Given { now } else { kept.next_look };
    let closing = Closing { looked: kept.looked, wanted: kept.wanted, hinted: kept.hinted, next_look, delayed: None };
    let mut chunks = writes.chunks(TRANSACTION_LIMIT - 1);
    let last = chunks.next_back().unwrap_or_default().to_vec();
    for chunk in chunks {
        store.write([chunk, &[lease.keep(&kept.link)?]].concat()).await?;
    }
    match lease.give_back(store, (tenant, &kept.link), closing, (last, now)).await {
        Ok(()) => Ok(outcome),
        Err(StoreError::ConditionFailed) => Ok(Instructed::Busy),
        Err(error) => Err(error),
    }
}
