//! The search for teams: it reads the spaces of each eligible person, and keeps the teams among
//! them that are new to it.
//!
//! Each step is stored with the next one, so an interrupted cycle repeats the listing of one
//! person at most.

use std::collections::BTreeSet;

use super::SyncError;
use super::call_allowance::{CallAllowance, CallPermit};
use super::context::Cycle;
use crate::backfill::candidate::{self, Candidate, Outlook, TeamState};
use crate::backfill::search::{self, IndexPosition, Search, SearchStage};
use crate::people::PersonIndex;
use crate::sync::{no_general_space, note_of_space, room_key};
use clients::http::ErrorClass;
use clients::webex::{Room, SpacesFrom, WebexId};
use domain::ids::{PersonId, RoomId};
use store::table::{Condition, Cursor, Key, Query, StoreError, Write, from_item};

/// People taken from the index at a time.
const PEOPLE_PAGE: usize = 100;

/// Candidates per page of the final sweep.
const SWEEP_PAGE: usize = 100;

/// Calls for a space that can be a team's: the space and its memberships.
const CALLS_PER_TEAM: usize = 2;

/// Cycles without an answer for a person after which they are skipped.
const MAX_TRIES: u32 = 5;

/// Result of a step of the search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SearchProgress {
    Done,
    /// The cycle's calls are used up, or an admin changed the search.
    Halt,
}

/// Continues the tenant's search, if there is one, with the calls that the cycle has left.
pub(super) async fn run(cycle: &mut Cycle<'_>) -> Result<(), SyncError> {
    let Some(mut search) = search::load(cycle.store(), cycle.tenant()).await? else {
        return Ok(());
    };
    let mut allowance = CallAllowance::of(cycle);
    loop {
        let step = match search.stage.clone() {
            SearchStage::Running => next_person(cycle, &mut search, &mut allowance).await?,
            SearchStage::Sweeping { next } if cycle.has_time() => {
                sweep(cycle, &mut search, next).await?
            }
            // A paused search, or a sweep without time, goes on in a later cycle.
            _ => SearchProgress::Halt,
        };
        if step == SearchProgress::Halt {
            return Ok(());
        }
    }
}

async fn next_person(
    cycle: &mut Cycle<'_>,
    search: &mut Search,
    allowance: &mut CallAllowance,
) -> Result<SearchProgress, SyncError> {
    let Some(person) = search.pending.first().copied() else {
        return next_people(cycle, search).await;
    };
    match read_person(cycle, search, person, allowance).await {
        Ok(SearchProgress::Done) => {}
        // The search does not wait for one person whom Webex cannot show.
        Err(error) if error.class() == Some(ErrorClass::Transient) => {
            search.tries += 1;
            if search.tries < MAX_TRIES {
                save(cycle, search, vec![]).await?;
                // The cycle reports it, and the next one begins with the same person.
                return Err(error);
            }
            search.hidden += 1;
        }
        halted => return halted,
    }
    // Stored with the next write, so that a cycle that is cut off repeats one person.
    search.pending.remove(0);
    search.people += 1;
    search.tries = 0;
    save(cycle, search, vec![]).await
}

/// Takes the next eligible people from the index, or ends the reading.
async fn next_people(cycle: &Cycle<'_>, search: &mut Search) -> Result<SearchProgress, SyncError> {
    let start = match &search.position {
        IndexPosition::Start => None,
        IndexPosition::After(cursor) => Some(cursor),
        IndexPosition::End => {
            search.stage = SearchStage::Sweeping { next: None };
            return save(cycle, search, vec![]).await;
        }
    };
    let index = PersonIndex::new(cycle.store(), cycle.tenant());
    let (people, next) = index.page(PEOPLE_PAGE, start).await?;
    let eligible = people.into_iter().filter(|known| known.excluded().is_none());
    search.pending = eligible.map(|known| known.person).collect();
    search.position = next.map_or(IndexPosition::End, IndexPosition::After);
    save(cycle, search, vec![]).await
}

/// Reads all spaces of a person, and those in full that are new to this search.
async fn read_person(
    cycle: &mut Cycle<'_>,
    search: &mut Search,
    person: PersonId,
    allowance: &mut CallAllowance,
) -> Result<SearchProgress, SyncError> {
    let access = cycle.webex().await?;
    let person = WebexId::new(cycle.snapshot.tenant.region.clone(), person);
    let mut from = SpacesFrom::First(person);
    loop {
        if allowance.try_acquire(cycle, 1).await? == CallPermit::Later {
            return Ok(SearchProgress::Halt);
        }
        let page = match cycle.reconciler.sync.webex.spaces_of(&access, &from).await {
            Ok(page) => page,
            Err(error) if error.class() == ErrorClass::Permanent => {
                search.hidden += 1;
                return Ok(SearchProgress::Done);
            }
            Err(error) => return Err(error.into()),
        };
        for space in new_spaces(cycle, search, page.spaces).await? {
            // Before the space is read: half a team would be read again in the next cycle.
            if allowance.try_acquire(cycle, CALLS_PER_TEAM).await? == CallPermit::Later
                || read_space(cycle, search, &space).await? == SearchProgress::Halt
            {
                return Ok(SearchProgress::Halt);
            }
        }
        match page.next {
            Some(link) => from = SpacesFrom::Link(link),
            None => return Ok(SearchProgress::Done),
        }
    }
}

/// Returns the spaces that this search has not read, without known spaces that are no General
/// space.
async fn new_spaces(
    cycle: &Cycle<'_>,
    search: &Search,
    spaces: Vec<WebexId<RoomId>>,
) -> Result<Vec<WebexId<RoomId>>, StoreError> {
    let tenant = cycle.tenant();
    let keys = spaces
        .iter()
        .flat_map(|space| [candidate::key(tenant, space.id.as_team()), room_key(tenant, space.id)]);
    let mut known = BTreeSet::new();
    for item in cycle.store().get_many(&keys.collect::<Vec<_>>()).await? {
        if Key::of(&item).is_some_and(|key| key.pk == candidate::partition(tenant)) {
            let found: Candidate = from_item(item)?;
            let is_read = found.search == search.number;
            known.extend(is_read.then_some(found.team.general_space()));
        } else {
            known.extend(no_general_space(item));
        }
    }
    Ok(spaces.into_iter().filter(|space| !known.contains(&space.id)).collect())
}

async fn read_space(
    cycle: &mut Cycle<'_>,
    search: &mut Search,
    space: &WebexId<RoomId>,
) -> Result<SearchProgress, SyncError> {
    let access = cycle.webex().await?;
    let room = match cycle.reconciler.sync.webex.room(&access, space).await {
        Ok(room) => room,
        // Webex does not show it to this account, now or later.
        Err(error) if error.class() == ErrorClass::Permanent => None,
        Err(error) => return Err(error.into()),
    };
    let Some(room) = room else {
        search.hidden += 1;
        return Ok(SearchProgress::Done);
    };
    match room.team.clone().map(|team| team.id) {
        Some(team) if team.general_space() == space.id => read_team(cycle, search, room).await,
        // The note saves every later search this call.
        other => {
            let note = note_of_space(cycle.tenant(), space.id, other, cycle.now())?;
            cycle.store().write(vec![note]).await?;
            Ok(SearchProgress::Done)
        }
    }
}

async fn read_team(
    cycle: &mut Cycle<'_>,
    search: &mut Search,
    room: Room,
) -> Result<SearchProgress, SyncError> {
    let (access, webex) = (cycle.webex().await?, &cycle.reconciler.sync.webex);
    let space = room.id.clone();
    let people = match webex.memberships(&access, &space).await {
        Ok(people) => people.into_inner().members,
        Err(error) if error.class() == ErrorClass::Permanent => {
            search.hidden += 1;
            return Ok(SearchProgress::Done);
        }
        Err(error) => return Err(error.into()),
    };
    let team = WebexId::new(space.region.clone(), space.id.as_team());
    let title = match room.title {
        Some(title) => title,
        None => webex.team(&access, &team).await?.map(|team| team.name).unwrap_or_default(),
    };
    let found = Candidate {
        team: team.id,
        region: team.region,
        title,
        created: room.created,
        owner: room.owner,
        state: if room.is_read_only { TeamState::Archived } else { TeamState::Active },
        // Counted now, so that the page lists candidates without a call to Webex.
        outlook: Outlook::of(cycle.store(), &cycle.snapshot.tenant, &people).await?,
        search: search.number,
        read_at: cycle.now(),
    };
    search.teams += 1;
    cycle.report.candidates += 1;
    save(cycle, search, vec![found.put(cycle.tenant())?]).await
}

/// Deletes candidates that only earlier searches found, one page at a time.
async fn sweep(
    cycle: &Cycle<'_>,
    search: &mut Search,
    next: Option<Cursor>,
) -> Result<SearchProgress, SyncError> {
    let pk = candidate::partition(cycle.tenant());
    let query = Query::Partition { pk, prefix: String::new() };
    // One write of the transaction is the search itself.
    let page = cycle.store().query(&query, SWEEP_PAGE - 1, next.as_ref()).await?;
    let mut writes = vec![];
    for item in page.items {
        let key = Key::of(&item);
        if from_item::<Candidate>(item)?.search < search.number {
            writes.extend(key.map(|key| Write::Delete(key, Condition::Any)));
        }
    }
    (search.stage, search.ended) = match page.next {
        Some(next) => (SearchStage::Sweeping { next: Some(next) }, None),
        None => (SearchStage::Done, Some(cycle.now())),
    };
    save(cycle, search, writes).await
}

/// Stores the search. If an admin changed it meanwhile, the cycle halts.
async fn save(
    cycle: &Cycle<'_>,
    search: &mut Search,
    mut writes: Vec<Write>,
) -> Result<SearchProgress, SyncError> {
    writes.push(search.put(cycle.tenant())?);
    match cycle.store().write(writes).await {
        Ok(()) => {
            search.advance_version();
            Ok(SearchProgress::Done)
        }
        // An admin paused or stopped it, and their decision counts.
        Err(StoreError::ConditionFailed) => Ok(SearchProgress::Halt),
        Err(error) => Err(error.into()),
    }
}
