//! Who is who: from the index, and by look-ups for whoever it does not know.

use std::collections::{BTreeMap, BTreeSet};

use super::look::{Look, Occasion};
use super::read::Reading;
use super::{Calls, Desk, Sync, SyncError};
use crate::link::Who;
use crate::people::{Known, PersonIndex, object_of};
use clients::graph::UserKind;
use clients::webex::ScimUser;
use domain::ids::{ObjectId, PersonId};
use domain::membership::{LeftOut, Participation, Person};

/// People that one look looks up singly; the others have to wait for the next, or for their page of the index.
const LOOK_UPS: usize = 50;

/// The same while somebody waits for a page.
const LOOK_UPS_FOR_A_PAGE: usize = 20;

/// Everybody of a reading.
#[derive(Default)]
pub(super) struct Everybody {
    /// Who takes part or did, with whether they do now.
    pub(super) people: BTreeMap<Person, Participation>,
    /// Who is on one side only and left out.
    pub(super) left_out: BTreeMap<Who, LeftOut>,
    /// How many have not been looked up yet.
    pub(super) unresolved: usize,
}

impl Sync {
    /// Says who is who. Known people cost nothing; new ones are asked of the index, and of the directories if it does not know them.
    pub(super) async fn resolve(&self, look: &Look<'_>, reading: &Reading) -> Result<Everybody, SyncError> {
        let index = PersonIndex::new(self.store.as_ref(), look.desk.tenant.tenant);
        let asks_again = look.occasion == Occasion::Thorough;
        let mut everybody = Everybody::default();
        let (mut team_known, mut group_known) = (BTreeSet::new(), BTreeSet::new());
        for (who, on_link) in &reading.stored {
            match (who, on_link.left_out.filter(|_| !asks_again)) {
                (Who::Person(person), _) => {
                    everybody.people.insert(*person, Participation::TakesPart { returned: None });
                    team_known.insert(person.person);
                    group_known.insert(person.object);
                }
                (Who::Webex(person), Some(reason)) if reading.memberships.contains_key(person) => {
                    everybody.left_out.insert(*who, reason);
                    team_known.insert(*person);
                }
                (Who::Entra(object), Some(reason)) if reading.users.contains_key(object) => {
                    everybody.left_out.insert(*who, reason);
                    group_known.insert(*object);
                }
                _ => {}
            }
        }
        everybody.left_out.extend(reading.others.iter().map(|object| (Who::Entra(*object), LeftOut::NotAUser)));
        let mut look_ups = if look.occasion == Occasion::Shown { LOOK_UPS_FOR_A_PAGE } else { LOOK_UPS };
        self.resolve_team(look, reading, &index, &team_known, &mut everybody, &mut look_ups).await?;
        group_known.extend(everybody.people.keys().map(|person| person.object));
        self.resolve_group(look, reading, &index, &group_known, &mut everybody, &mut look_ups).await?;
        Ok(everybody)
    }

    async fn resolve_team(
        &self,
        look: &Look<'_>,
        reading: &Reading,
        index: &PersonIndex<'_>,
        known: &BTreeSet<PersonId>,
        everybody: &mut Everybody,
        look_ups: &mut usize,
    ) -> Result<(), SyncError> {
        let mut new = Vec::new();
        for (person, membership) in reading.memberships.iter().filter(|(person, _)| !known.contains(person)) {
            if membership.org.is_some_and(|org| org != look.desk.tenant.org) {
                everybody.left_out.insert(Who::Webex(*person), LeftOut::OtherOrganization);
            } else {
                new.push(*person);
            }
        }
        let mut found = index.people(new.iter().copied()).await?;
        let missing: Vec<PersonId> = new.iter().copied().filter(|person| !found.contains_key(person)).collect();
        everybody.unresolved += missing.len().saturating_sub(*look_ups);
        for person in missing.into_iter().take(*look_ups) {
            *look_ups -= 1;
            match self.look_up_person(look.desk, look.calls, person).await? {
                Some(known) => _ = found.insert(person, known),
                None => _ = everybody.left_out.insert(Who::Webex(person), LeftOut::NotAPerson),
            }
        }
        for known in found.into_values() {
            everybody.add(Who::Webex(known.person), &known);
        }
        Ok(())
    }

    async fn resolve_group(
        &self,
        look: &Look<'_>,
        reading: &Reading,
        index: &PersonIndex<'_>,
        known: &BTreeSet<ObjectId>,
        everybody: &mut Everybody,
        look_ups: &mut usize,
    ) -> Result<(), SyncError> {
        let new: Vec<ObjectId> = reading.users.keys().copied().filter(|object| !known.contains(object)).collect();
        let found = index.bearers_of(new.iter().copied()).await?;
        for (object, known) in &found {
            everybody.add(Who::Entra(*object), known);
        }
        let missing: Vec<ObjectId> = new.into_iter().filter(|object| !found.contains_key(object)).collect();
        everybody.unresolved += missing.len().saturating_sub(*look_ups);
        let missing: Vec<ObjectId> = missing.into_iter().take(*look_ups).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let users = self.graph.users(&look.calls.graph, &missing).await?;
        let by_id: BTreeMap<ObjectId, _> = users.iter().map(|user| (user.id, user)).collect();
        for object in missing {
            let Some(user) = by_id.get(&object).copied() else {
                everybody.left_out.insert(Who::Entra(object), LeftOut::NotAUser);
                continue;
            };
            if user.kind == UserKind::Guest {
                everybody.left_out.insert(Who::Entra(object), LeftOut::Guest);
                continue;
            }
            let account = self
                .webex
                .scim_user_by_name(&look.calls.webex, look.desk.tenant.org, &user.user_principal_name)
                .await?;
            match account.filter(|account| object_of(account) == Some(object)) {
                Some(account) => {
                    let known = self.observe(look.desk, look.calls, account).await?;
                    everybody.add(Who::Entra(object), &known);
                }
                None => _ = everybody.left_out.insert(Who::Entra(object), LeftOut::NoWebexAccount),
            }
        }
        Ok(())
    }

    /// Asks SCIM about one account and takes it into the index; `None` where there is no such account.
    pub(super) async fn look_up_person(
        &self,
        desk: &Desk,
        calls: &Calls,
        person: PersonId,
    ) -> Result<Option<Known>, SyncError> {
        match self.webex.scim_user(&calls.webex, desk.tenant.org, person).await? {
            Some(account) => Ok(Some(self.observe(desk, calls, account).await?)),
            None => {
                PersonIndex::new(self.store.as_ref(), desk.tenant.tenant).forget(person, self.clock.now()).await?;
                Ok(None)
            }
        }
    }

    /// Takes one account into the index, with what the directory says of its object id. An account that shares the id and does not exist any more is forgotten.
    async fn observe(&self, desk: &Desk, calls: &Calls, account: ScimUser) -> Result<Known, SyncError> {
        let index = PersonIndex::new(self.store.as_ref(), desk.tenant.tenant);
        let person = account.person;
        let mut directory = BTreeMap::new();
        if let Some(object) = object_of(&account) {
            directory.insert(object, self.graph.user(&calls.graph, object).await?);
        }
        let accounts = [account];
        index.observe(&accounts, &directory, self.clock.now()).await?;
        if let Some(object) = object_of(&accounts[0]) {
            let mut others_gone = 0;
            for other in index.sharers(object).await?.into_iter().filter(|other| *other != person) {
                if self.webex.scim_user(&calls.webex, desk.tenant.org, other).await?.is_none() {
                    index.forget(other, self.clock.now()).await?;
                    others_gone += 1;
                }
            }
            if others_gone > 0 {
                index.observe(&accounts, &directory, self.clock.now()).await?;
            }
        }
        let mut known = index.people([person]).await?;
        Ok(known.remove(&person).unwrap_or(Known {
            person,
            object: None,
            participation: Participation::LeftOut { reason: LeftOut::NotSynchronized },
            name: String::new(),
            user_name: String::new(),
        }))
    }

    /// For people who differ: whether they take part as of now, as the index says, or SCIM where the index does not know.
    pub(super) async fn participation_of(
        &self,
        look: &Look<'_>,
        people: &[Person],
    ) -> Result<BTreeMap<Person, Participation>, SyncError> {
        let index = PersonIndex::new(self.store.as_ref(), look.desk.tenant.tenant);
        let mut known = index.pairs(people).await?;
        for person in
            people.iter().filter(|person| !known.contains_key(person)).take(LOOK_UPS).copied().collect::<Vec<_>>()
        {
            let now = self.look_up_person(look.desk, look.calls, person.person).await?;
            let gone = Participation::LeftOut { reason: LeftOut::Inactive };
            let moved = Participation::LeftOut { reason: LeftOut::MovedObjectId };
            let is_the_pair = |known: &Known| known.object == Some(person.object);
            known.insert(person, now.map_or(gone, |now| if is_the_pair(&now) { now.participation } else { moved }));
        }
        Ok(known)
    }
}

impl Everybody {
    /// Whoever takes part is a person; whoever does not is left out where it was met.
    fn add(&mut self, met: Who, known: &Known) {
        match (known.pair(), known.participation) {
            (Some(pair), Participation::TakesPart { .. }) => _ = self.people.insert(pair, known.participation),
            (_, Participation::LeftOut { reason }) => _ = self.left_out.insert(met, reason),
            (None, Participation::TakesPart { .. }) => {}
        }
    }
}
