//! The people whom a run compares, with what is stored and read of each.

use std::collections::BTreeMap;

use super::resolve::{LOOKUPS, find_person};
use super::types::{Candidate, Reading, ResolvedPeople, SyncReport, SyncRun};
use super::{Deps, SyncError};
use crate::link::{Link, LinkCounts, LinkPerson, Who};
use crate::people::{IndexedPerson, PersonIndex};
use domain::membership::{Eligibility, ExclusionReason, Person, Role, Side, Sides};
use domain::merge::{Certainty, OverlaidReading, PersonState, apply_overlay};

/// Joins readings with stored states. Looks up eligibility only of people who differ, so that a
/// team in sync costs nothing.
pub(super) async fn load_people(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    resolved: &ResolvedPeople,
) -> Result<Vec<Candidate>, SyncError> {
    let mut people = Vec::with_capacity(resolved.people.len());
    let mut to_ask = Vec::new();
    for (&person, &eligibility) in &resolved.people {
        let on_link = reading.stored.get(&Who::Person(person));
        let stored = stored_state(link, reading, person, on_link);
        let read = reading.of(person);
        let seen = apply_overlay(&stored, read, Sides::default(), run.started);
        let was_excluded = on_link.is_some_and(|on_link| on_link.excluded.is_some());
        let is_open = matches!(eligibility, Eligibility::Eligible { .. });
        // Those who are new to the link were resolved from the index just now.
        if on_link.is_some() && is_open && (differs(&seen) || was_excluded) {
            to_ask.push(person);
        }
        people.push(Candidate { person, stored, read, eligibility });
    }
    let eligibility = eligibility_of(deps, run, &to_ask).await?;
    for one in &mut people {
        if let Some(now) = eligibility.get(&one.person) {
            one.eligibility = *now;
        }
        // A person can become the service account after they were synced.
        if one.person.person == run.context.tenant.service_account {
            let reason = ExclusionReason::ServiceAccount;
            one.eligibility = Eligibility::Excluded { reason };
        }
    }
    Ok(people)
}

fn stored_state(
    link: &Link,
    reading: &Reading,
    person: Person,
    on_link: Option<&LinkPerson>,
) -> PersonState {
    let read = reading.of(person);
    let is_on_both = Side::BOTH.iter().all(|&side| read[side].is_present());
    match on_link {
        Some(on_link) => on_link.state.clone(),
        // An adopted group brought its people: roles are united, and no one loses one.
        None if link.is_first_sync_after_adoption() && is_on_both && !read.are_equal() => {
            PersonState::of_a_member_of_both()
        }
        None => PersonState::default(),
    }
}

fn differs(seen: &OverlaidReading) -> bool {
    seen.certainty != Certainty::Certain
        || seen.roles != seen.state.baseline
        || seen.state.deferred.presence.is_some()
        || seen.state.deferred.ownership.is_some()
        || seen.state.role_override.is_some()
}

/// Present eligibility of people who differ: from the index, or from SCIM where the index does not
/// know the person.
async fn eligibility_of(
    deps: &Deps,
    run: &SyncRun<'_>,
    people: &[Person],
) -> Result<BTreeMap<Person, Eligibility>, SyncError> {
    let index = PersonIndex::new(deps.store.as_ref(), run.tenant());
    let mut known = index.pairs(people).await?;
    let unknown: Vec<Person> =
        people.iter().filter(|person| !known.contains_key(person)).take(LOOKUPS).copied().collect();
    for person in unknown {
        let found = find_person(deps, run.context, run.access, person.person).await?;
        let is_the_pair = |found: &IndexedPerson| found.object == Some(person.object);
        let eligibility = match found {
            Some(found) if is_the_pair(&found) => found.eligibility,
            Some(_) => Eligibility::Excluded { reason: ExclusionReason::MovedObjectId },
            // To the link, a deleted account is like one that was deactivated.
            None => Eligibility::Excluded { reason: ExclusionReason::Inactive },
        };
        known.insert(person, eligibility);
    }
    Ok(known)
}

/// Counts people for the pages.
pub(super) fn count_people(
    reading: &Reading,
    resolved: &ResolvedPeople,
    eligibility: &BTreeMap<Person, Eligibility>,
) -> LinkCounts {
    // People who left both sides are stored for a while.
    let is_there =
        |person: &Person| Side::BOTH.iter().any(|&side| reading.of(*person)[side].is_present());
    let there = || eligibility.iter().filter(|(person, _)| is_there(person)).map(|(_, one)| one);
    let eligible = there().filter(|one| matches!(one, Eligibility::Eligible { .. })).count();
    LinkCounts {
        eligible,
        excluded: resolved.excluded.len() + there().count() - eligible,
        owners: reading.users.values().filter(|role| **role == Role::Owner).count(),
    }
}

/// Rows of people on one side who are excluded, so that the next run need not look them up.
pub(super) fn report_excluded(reading: &Reading, resolved: &ResolvedPeople) -> SyncReport {
    let mut report = SyncReport::default();
    for (&who, &reason) in &resolved.excluded {
        if reading.stored.get(&who).and_then(|before| before.excluded) != Some(reason) {
            let on_link = LinkPerson { excluded: Some(reason), ..LinkPerson::default() };
            report.people.insert(who, Some(on_link));
        }
    }
    let one_sided = reading.stored.keys().filter(|who| !matches!(who, Who::Person(_)));
    for &who in one_sided.filter(|who| !resolved.excluded.contains_key(who)) {
        report.people.insert(who, None);
    }
    report
}
