//! The search for teams: through the person index, from everybody's spaces to the teams that are new to it.
//!
//! Who and what comes next is stored with each step, so that a round that is cut off repeats the listing of one person at most.

use std::collections::BTreeSet;

use super::allowance::{Allowance, Leave};
use super::{Round, SyncError};
use crate::backfill::candidate::{self, Found, Outlook, TeamState};
use crate::backfill::search::{self, Further, Search, Stage};
use crate::people::PersonIndex;
use crate::sync::{no_general_space, note_of_space, room_key};
use clients::http::Class;
use clients::webex::{Room, SpacesFrom, WebexId};
use domain::ids::{PersonId, RoomId};
use store::table::{Condition, Cursor, Key, Query, StoreError, Write, from_item};

/// People who are taken from the index at a time.
const PEOPLE: usize = 100;

/// Found teams in a page of what is swept.
const SWEPT: usize = 100;

/// What a space that may be a team's costs: itself, and who is in it.
const CALLS_PER_TEAM: usize = 2;

/// Rounds in which Webex may not answer for somebody before he is passed over.
const TRIES: u32 = 5;

/// Whether a round goes on with something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Done,
    /// Nothing is left of the round's calls, or somebody changed the search.
    Halt,
}

impl Round<'_> {
    /// Goes on with the search, if one is under way, as far as the round's calls reach.
    pub(super) async fn search(&mut self) -> Result<(), SyncError> {
        let tenant = self.tenant();
        let Some(mut search) = search::load(self.store(), tenant).await? else { return Ok(()) };
        let mut allowance = self.allowance();
        loop {
            let step = match search.stage.clone() {
                Stage::Going => self.next_person(&mut search, &mut allowance).await?,
                Stage::Sweeping { next } if self.has_time() => self.sweep_found(&mut search, next).await?,
                _ => Step::Halt,
            };
            if step == Step::Halt {
                return Ok(());
            }
        }
    }

    async fn next_person(&mut self, search: &mut Search, allowance: &mut Allowance) -> Result<Step, SyncError> {
        let Some(person) = search.pending.first().copied() else {
            let start = match &search.further {
                Further::Beginning => None,
                Further::Behind(cursor) => Some(cursor),
                Further::Nobody => {
                    search.stage = Stage::Sweeping { next: None };
                    return self.keep_search(search, vec![]).await;
                }
            };
            let (people, next) = PersonIndex::new(self.store(), self.tenant()).page(PEOPLE, start).await?;
            let takes_part = people.into_iter().filter(|known| known.left_out().is_none());
            search.pending = takes_part.map(|known| known.person).collect();
            search.further = next.map_or(Further::Nobody, Further::Behind);
            return self.keep_search(search, vec![]).await;
        };
        match self.teams_of(search, person, allowance).await {
            Ok(Step::Done) => {}
            // Nobody else waits for somebody whom Webex cannot show.
            Err(error) if error.class() == Some(Class::Transient) => {
                search.tries += 1;
                if search.tries < TRIES {
                    self.keep_search(search, vec![]).await?;
                    return Err(error);
                }
                search.hidden += 1;
            }
            halted => return halted,
        }
        search.pending.remove(0);
        search.people += 1;
        search.tries = 0;
        self.keep_search(search, vec![]).await
    }

    /// Reads all spaces of one person, and of those that are new to this search what they are.
    async fn teams_of(
        &mut self,
        search: &mut Search,
        person: PersonId,
        allowance: &mut Allowance,
    ) -> Result<Step, SyncError> {
        let access = self.webex().await?;
        let mut from = SpacesFrom::First(WebexId::new(self.at_hand.tenant.region.clone(), person));
        loop {
            if self.may_call(allowance, 1).await? == Leave::Later {
                return Ok(Step::Halt);
            }
            let page = match self.rounds.sync.webex.spaces_of(&access, &from).await {
                Ok(page) => page,
                Err(error) if error.class() == Class::Permanent => {
                    search.hidden += 1;
                    return Ok(Step::Done);
                }
                Err(error) => return Err(error.into()),
            };
            for space in self.new_spaces(search, page.spaces).await? {
                if self.may_call(allowance, CALLS_PER_TEAM).await? == Leave::Later
                    || self.read_space(search, &space).await? == Step::Halt
                {
                    return Ok(Step::Halt);
                }
            }
            match page.next {
                Some(link) => from = SpacesFrom::Link(link),
                None => return Ok(Step::Done),
            }
        }
    }

    /// Those of the spaces that this search has not read and nobody knows to be something else than a team's General space.
    async fn new_spaces(
        &self,
        search: &Search,
        spaces: Vec<WebexId<RoomId>>,
    ) -> Result<Vec<WebexId<RoomId>>, StoreError> {
        let tenant = self.tenant();
        let keys =
            spaces.iter().flat_map(|space| [candidate::key(tenant, space.id.as_team()), room_key(tenant, space.id)]);
        let mut known = BTreeSet::new();
        for item in self.store().get_many(&keys.collect::<Vec<_>>()).await? {
            if Key::of(&item).is_some_and(|key| key.pk == candidate::partition(tenant)) {
                let found: Found = from_item(item)?;
                known.extend((found.search == search.number).then_some(found.team.general_space()));
            } else {
                known.extend(no_general_space(item));
            }
        }
        Ok(spaces.into_iter().filter(|space| !known.contains(&space.id)).collect())
    }

    async fn read_space(&mut self, search: &mut Search, space: &WebexId<RoomId>) -> Result<Step, SyncError> {
        let (access, webex, now) = (self.webex().await?, &self.rounds.sync.webex, self.now());
        let room = match webex.room(&access, space).await {
            Ok(room) => room,
            Err(error) if error.class() == Class::Permanent => None,
            Err(error) => return Err(error.into()),
        };
        let Some(room) = room else {
            search.hidden += 1;
            return Ok(Step::Done);
        };
        match room.team.clone().map(|team| team.id) {
            Some(team) if team.general_space() == space.id => self.read_team(search, room).await,
            other => {
                self.store().write(vec![note_of_space(self.tenant(), space.id, other, now)?]).await?;
                Ok(Step::Done)
            }
        }
    }

    async fn read_team(&mut self, search: &mut Search, room: Room) -> Result<Step, SyncError> {
        let (access, webex) = (self.webex().await?, &self.rounds.sync.webex);
        let space = room.id.clone();
        let people = match webex.memberships(&access, &space).await {
            Ok(people) => people.into_inner(),
            Err(error) if error.class() == Class::Permanent => {
                search.hidden += 1;
                return Ok(Step::Done);
            }
            Err(error) => return Err(error.into()),
        };
        let (tenant, team) = (self.tenant(), WebexId::new(space.region.clone(), space.id.as_team()));
        let title = match room.title {
            Some(title) => title,
            None => webex.team(&access, &team).await?.map(|team| team.name).unwrap_or_default(),
        };
        let found = Found {
            team: team.id,
            region: team.region,
            title,
            created: room.created,
            owner: room.owner,
            state: if room.is_read_only { TeamState::Archived } else { TeamState::Living },
            outlook: Outlook::of(self.store(), &self.at_hand.tenant, &people).await?,
            search: search.number,
            read_at: self.now(),
        };
        search.teams += 1;
        self.report.found += 1;
        self.keep_search(search, vec![found.put(tenant)?]).await
    }

    /// Takes away what only earlier searches found, some teams at a time.
    async fn sweep_found(&mut self, search: &mut Search, next: Option<Cursor>) -> Result<Step, SyncError> {
        let query = Query::Partition { pk: candidate::partition(self.tenant()), prefix: String::new() };
        let page = self.store().query(&query, SWEPT - 1, next.as_ref()).await?;
        let mut writes = vec![];
        for item in page.items {
            let key = Key::of(&item);
            if from_item::<Found>(item)?.search < search.number {
                writes.extend(key.map(|key| Write::Delete(key, Condition::Any)));
            }
        }
        (search.stage, search.ended) = match page.next {
            Some(next) => (Stage::Sweeping { next: Some(next) }, None),
            None => (Stage::Done, Some(self.now())),
        };
        self.keep_search(search, writes).await
    }

    /// Stores how far the search is. Where somebody changed it meanwhile, this round has nothing more to do with it.
    async fn keep_search(&self, search: &mut Search, mut writes: Vec<Write>) -> Result<Step, SyncError> {
        writes.push(search.put(self.tenant())?);
        match self.store().write(writes).await {
            Ok(()) => {
                search.was_put();
                Ok(Step::Done)
            }
            Err(StoreError::ConditionFailed) => Ok(Step::Halt),
            Err(error) => Err(error.into()),
        }
    }
}
