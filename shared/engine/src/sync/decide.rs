//! The decision about people: compares each person with the baseline, within the removal limits.
//! No I/O.

use std::collections::BTreeMap;

use super::approvals::count_against_link;
use super::types::{Reading, ResolvedPeople, SyncRun, role_of};
use crate::link::{Link, Who};
use domain::membership::{Eligibility, Person, Role, Side, Sides};
use domain::merge::{Draft, OWNER_LIMIT, OwnerLimits, RemovalGuard, Subject};

/// Changes that follow from a reading, before removals are proven and permitted.
pub(super) struct Proposal {
    pub(super) draft: Draft,
    pub(super) guard: RemovalGuard,
    pub(super) limits: OwnerLimits,
    pub(super) eligibility: BTreeMap<Person, Eligibility>,
}

/// Says what should change, and holds removals beyond the link's limit.
pub(super) fn decide(
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    resolved: &ResolvedPeople,
    guard: RemovalGuard,
    subjects: Vec<Subject>,
) -> Proposal {
    let now = run.started;
    let eligibility =
        subjects.iter().map(|subject| (subject.person, subject.eligibility)).collect();
    let limits = owner_limits(reading, resolved, &subjects);
    let mut draft = Draft::of(subjects, &run.terms());
    if link.group_is_new(now) {
        // A replica that does not know the group's people yet proves nothing about them.
        let removals: Vec<_> = draft.removals().collect();
        for removal in removals.into_iter().filter(|removal| removal.side == Side::Team) {
            draft.exclude(removal.person);
        }
    }
    let guard = count_against_link(run, reading, draft.removals(), guard);
    draft.limit_removals(&guard);
    Proposal { draft, guard, limits, eligibility }
}

/// Owners as seen, excluded ones included.
fn owner_limits(reading: &Reading, resolved: &ResolvedPeople, subjects: &[Subject]) -> OwnerLimits {
    let seen =
        |side| subjects.iter().filter(|subject| subject.seen.roles[side] == Role::Owner).count();
    let excluded = |side: Side| {
        let role = |who: &Who| match (side, who) {
            (Side::Team, Who::Webex(person)) => reading.memberships.get(person).map(role_of),
            (Side::Group, Who::Entra(object)) => reading.users.get(object).copied(),
            _ => None,
        };
        resolved.excluded.keys().filter(|who| role(who) == Some(Role::Owner)).count()
    };
    // The service counts excluded owners, too, and keeps the last of all.
    let owners = Sides::each(|side| seen(side) + excluded(side));
    OwnerLimits { owners, group_owners: OWNER_LIMIT }
}
