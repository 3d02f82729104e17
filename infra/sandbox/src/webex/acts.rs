//! What people and administrators do on Webex, and the truth to assert on.

use std::collections::BTreeMap;

use domain::ids::{ObjectId, OrgId, PersonId, RoomId, TeamId};
use serde_json::Value;
use uuid::Uuid;

use super::events::Change;
use super::messages::Card;
use super::seats::Via;
use super::{AccountStatus, AdminRole, Role, RoomEntry, TokenPair, UserType, WebexSettings};
use crate::wire::Answer;
use crate::world::{Person, Refused, State, World};

/// A team as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub title: String,
    /// Everybody in it, the officer too if it is.
    pub people: BTreeMap<PersonId, Role>,
}

/// A space as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its title.
    pub title: String,
    /// The team that it is in.
    pub team: Option<TeamId>,
    /// Everybody in it.
    pub people: BTreeMap<PersonId, Role>,
    /// The folder that it is linked to.
    pub folder: Option<LinkedFolder>,
}

/// A folder that a space is linked to, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedFolder {
    /// What Webex calls it.
    pub name: String,
    /// The library's id.
    pub drive: String,
    /// The folder's id in it.
    pub item: String,
    /// Whether what is shared in the space is kept there: `"true"` or `"false"`.
    pub default: String,
}

impl From<Answer> for Refused {
    fn from(answer: Answer) -> Self {
        let body = answer.body.unwrap_or_default();
        Self(body["message"].as_str().or(body["error"]["message"].as_str()).unwrap_or("refused").to_owned())
    }
}

impl World {
    /// Adjusts how Webex behaves, from now on.
    pub fn webex_settings(&self, adjust: impl FnOnce(&mut WebexSettings)) {
        adjust(&mut self.lock().webex.settings);
    }

    /// Calls a second that an account may make.
    pub fn call_rate(&self) -> f64 {
        self.lock().webex.settings.requests_per_minute as f64 / 60.0
    }

    /// Somebody creates a team and is its moderator. It belongs to that person's organization.
    pub fn create_team(&self, by: PersonId, title: &str) -> TeamId {
        self.lock().new_team(by, title)
    }

    /// Somebody creates a space, in a team or outside of any, and is its moderator.
    pub fn create_room(&self, by: PersonId, title: &str, team: Option<TeamId>) -> RoomId {
        let mut state = self.lock();
        let room = RoomId(state.uuid());
        state.new_room(room, team, by, title);
        room
    }

    /// A moderator adds somebody to a team.
    ///
    /// # Errors
    /// Where the person is in the team already, or one of the two does not exist.
    pub fn add_to_team(&self, team: TeamId, person: PersonId, role: Role) -> Result<(), Refused> {
        self.act(team.general_space(), |state, actor| state.seat(team.general_space(), person, role, actor, Via::Team))
    }

    /// A moderator takes somebody out of a team, and so out of all of its spaces.
    ///
    /// # Errors
    /// Where the person is not in it, or is its last moderator.
    pub fn remove_from_team(&self, team: TeamId, person: PersonId) -> Result<(), Refused> {
        self.act(team.general_space(), |state, actor| state.unseat(team.general_space(), person, actor, Via::Team))
    }

    /// A moderator makes somebody a moderator.
    ///
    /// # Errors
    /// Where the person is not in the team.
    pub fn promote(&self, team: TeamId, person: PersonId) -> Result<(), Refused> {
        self.act(team.general_space(), |state, actor| {
            state.set_role(team.general_space(), person, Role::Moderator, actor, Via::Team)
        })
    }

    /// A moderator makes somebody a mere member.
    ///
    /// # Errors
    /// Where the person is not in the team, or is its last moderator.
    pub fn demote(&self, team: TeamId, person: PersonId) -> Result<(), Refused> {
        self.act(team.general_space(), |state, actor| {
            state.set_role(team.general_space(), person, Role::Member, actor, Via::Team)
        })
    }

    /// A moderator adds somebody to a space.
    ///
    /// # Errors
    /// Where the person is in it already, or is not in the space's team.
    pub fn add_to_room(&self, room: RoomId, person: PersonId, role: Role) -> Result<(), Refused> {
        self.act(room, |state, actor| state.seat(room, person, role, actor, Via::Room))
    }

    /// A moderator takes somebody out of a space.
    ///
    /// # Errors
    /// Where the person is not in it.
    pub fn remove_from_room(&self, room: RoomId, person: PersonId) -> Result<(), Refused> {
        self.act(room, |state, actor| state.unseat(room, person, actor, Via::Room))
    }

    fn act(&self, room: RoomId, act: impl FnOnce(&mut State, PersonId) -> Result<(), Answer>) -> Result<(), Refused> {
        let mut state = self.lock();
        let entry = state.webex.rooms.get(&room).ok_or_else(|| Refused("no such space".into()))?;
        let actor = entry.moderators().next().or(entry.seats.keys().next().copied()).unwrap_or(entry.creator);
        Ok(act(&mut state, actor)?)
    }

    /// A moderator renames a team.
    pub fn rename_team(&self, team: TeamId, title: &str) {
        let mut state = self.lock();
        let by = state.webex.teams.get(&team).map(|team| team.creator);
        if let Some(by) = by {
            state.name_team(team, title, by);
        }
    }

    /// A moderator gives a space another title.
    pub fn rename_room(&self, room: RoomId, title: &str) {
        self.change_room(room, |entry| entry.title = title.into());
    }

    /// A moderator takes a space out of its team.
    pub fn take_out_of_team(&self, room: RoomId) {
        self.change_room(room, |entry| entry.team = None);
    }

    /// A space turns out to belong to another organization.
    pub fn give_room_to(&self, room: RoomId, owner: OrgId) {
        self.change_room(room, |entry| entry.owner = owner);
    }

    /// A moderator deletes a space.
    pub fn delete_room(&self, room: RoomId) {
        let mut state = self.lock();
        state.webex.rooms.remove(&room);
        state.webex.folders.retain(|_, folder| !folder.is_of(room));
    }

    fn change_room(&self, room: RoomId, change: impl FnOnce(&mut RoomEntry)) {
        let mut state = self.lock();
        let Some(entry) = state.webex.rooms.get_mut(&room) else { return };
        change(entry);
        let creator = entry.creator;
        state.room_changed(Change::Updated, room, creator);
    }

    /// A moderator moves a space into a team.
    ///
    /// # Errors
    /// Where a moderator of the space is not in the team.
    pub fn move_room(&self, room: RoomId, team: TeamId) -> Result<(), Refused> {
        let mut state = self.lock();
        state.put_into_team(room, team)?;
        if let Some(creator) = state.webex.rooms.get(&room).map(|entry| entry.creator) {
            state.room_changed(Change::Updated, room, creator);
        }
        Ok(())
    }

    /// Webex moves a room to another region: its id is another one, of the same uuid.
    pub fn migrate_room(&self, room: RoomId, region: &str) {
        let mut state = self.lock();
        let Some(entry) = state.webex.rooms.get_mut(&room) else { return };
        entry.migrated = Some(region.into());
        let creator = entry.creator;
        state.room_changed(Change::Migrated, room, creator);
    }

    /// A moderator archives a team: it can be read, and nobody comes or goes.
    pub fn archive_team(&self, team: TeamId) {
        self.set_archived(team, true);
    }

    /// A moderator brings an archived team back.
    pub fn unarchive_team(&self, team: TeamId) {
        self.set_archived(team, false);
    }

    fn set_archived(&self, team: TeamId, archived: bool) {
        let mut state = self.lock();
        state.webex.rooms.values_mut().filter(|room| room.team == Some(team)).for_each(|room| room.archived = archived);
    }

    /// A moderator deletes a team with all of its spaces.
    pub fn delete_team(&self, team: TeamId) {
        let mut state = self.lock();
        state.webex.teams.remove(&team);
        state.webex.rooms.retain(|_, room| room.team != Some(team));
    }

    /// The team, if it was not deleted.
    pub fn team(&self, team: TeamId) -> Option<Team> {
        let room = self.room(team.general_space())?;
        Some(Team { title: room.title, people: room.people })
    }

    /// The teams of an organization that were not deleted, oldest first.
    pub fn teams(&self, org: OrgId) -> Vec<TeamId> {
        let state = self.lock();
        let is_own = |team: &TeamId| state.webex.rooms.get(&team.general_space()).is_some_and(|room| room.owner == org);
        let mut teams: Vec<_> = state.webex.teams.iter().filter(|(team, _)| is_own(team)).collect();
        teams.sort_by_key(|(team, entry)| (entry.created, **team));
        teams.into_iter().map(|(team, _)| *team).collect()
    }

    /// The spaces of a team, its General space first, then the oldest.
    pub fn spaces(&self, team: TeamId) -> Vec<RoomId> {
        let state = self.lock();
        let mut spaces: Vec<_> = state.webex.rooms.iter().filter(|(_, room)| room.team == Some(team)).collect();
        spaces.sort_by_key(|(id, room)| (**id != team.general_space(), room.created, **id));
        spaces.into_iter().map(|(id, _)| *id).collect()
    }

    /// Whether the team is archived.
    pub fn is_archived(&self, team: TeamId) -> bool {
        self.lock().webex.rooms.get(&team.general_space()).is_some_and(|room| room.archived)
    }

    /// The space, if it was not deleted.
    pub fn room(&self, room: RoomId) -> Option<Room> {
        let state = self.lock();
        let entry = state.webex.rooms.get(&room)?;
        let folder = state.webex.folder_of(room);
        let people = entry.seats.iter().map(|(person, seat)| (*person, seat.role)).collect();
        Some(Room { title: entry.title.clone(), team: entry.team, people, folder })
    }

    /// The id of a team as calls spell it.
    pub fn team_id(&self, team: TeamId) -> String {
        self.lock().webex.of_team(team)
    }

    /// The id of a space as calls spell it; a team's is that of its General space.
    pub fn room_id(&self, room: RoomId) -> String {
        self.lock().webex.of_room(room)
    }

    /// The mail address, which is the SCIM userName.
    pub fn mail_of(&self, person: PersonId) -> Option<String> {
        self.lock().webex.accounts.get(&person).map(|account| account.email.clone())
    }

    /// The account's externalId, if it has one.
    pub fn external_id(&self, person: PersonId) -> Option<String> {
        self.lock().webex.accounts.get(&person)?.external_id.clone()
    }

    /// The directory synchronization, or an administrator, writes somebody's `externalId`; also one that somebody else bears, or none.
    pub fn set_external_id(&self, person: PersonId, external: Option<ObjectId>) {
        self.lock().account(person, |account| account.external_id = external.map(|id| id.to_string()));
    }

    /// A directory mishap: every `externalId` of the organization is gone. What they were comes back, for [`World::set_external_id`].
    pub fn clear_external_ids(&self, org: OrgId) -> BTreeMap<PersonId, String> {
        let mut state = self.lock();
        let now = state.now;
        let of_org = state.webex.accounts.iter_mut().filter(|(_, account)| account.org == org);
        let cleared = of_org.filter_map(|(person, account)| {
            let external = account.external_id.take()?;
            account.modified = now;
            Some((*person, external))
        });
        cleared.collect()
    }

    /// An administrator shuts somebody's Webex account.
    pub fn deactivate(&self, person: PersonId) {
        self.lock().account(person, |account| account.active = false);
    }

    /// An administrator opens it again; somebody pending signs in for the first time.
    pub fn activate(&self, person: PersonId) {
        self.lock().account(person, |account| (account.active, account.status) = (true, AccountStatus::Active));
    }

    /// An administrator deletes somebody's Webex account, and with it all memberships.
    pub fn delete_account(&self, person: PersonId) {
        let mut state = self.lock();
        let rooms = state.webex.rooms.iter().filter(|(_, room)| room.seats.contains_key(&person));
        let rooms: Vec<RoomId> = rooms.map(|(room, _)| *room).collect();
        for room in rooms {
            state.seat_changed(super::events::Change::Deleted, room, person, person, Via::Room);
            if let Some(entry) = state.webex.rooms.get_mut(&room) {
                entry.seats.remove(&person);
            }
        }
        state.webex.accounts.remove(&person);
    }

    /// Somebody left and comes back: the old Webex account is shut and unlinked, a new one bears the same `externalId`.
    ///
    /// # Errors
    /// Where the old account does not exist.
    pub fn rehire(&self, person: Person) -> Result<Person, Refused> {
        let mut state = self.lock();
        let old = state.webex.accounts.get(&person.person).ok_or_else(|| Refused("no such account".into()))?;
        let (org, name, external) = (old.org, old.name.clone(), old.external_id.clone());
        let address = old.email.clone();
        state.webex.addresses.remove(&address);
        state.account(person.person, |account| {
            (account.active, account.external_id) = (false, None);
            // The address goes to the new account.
            account.email.insert_str(0, "former.");
        });
        let new = state.add_account(org, &name, UserType::User, AccountStatus::Active, external);
        Ok(Person { person: new, ..person })
    }

    /// An administrator gives a role.
    pub fn give_role(&self, person: PersonId, role: AdminRole) {
        self.lock().account(person, |account| {
            account.roles.insert(role);
        });
    }

    /// An administrator takes a role away; tokens keep their scopes, which then give nothing.
    pub fn take_role(&self, person: PersonId, role: AdminRole) {
        self.lock().account(person, |account| {
            account.roles.remove(&role);
        });
    }

    /// A further pair of tokens for an account, with these scopes.
    pub fn issue_tokens(&self, person: PersonId, scopes: &[&str]) -> TokenPair {
        self.lock().issue_tokens(person, scopes)
    }

    /// Somebody revokes the integration: none of the account's tokens works any more.
    pub fn revoke_tokens(&self, person: PersonId) {
        let mut state = self.lock();
        state.webex.access.retain(|_, grant| grant.person != person);
        state.webex.refresh.retain(|_, grant| grant.person != person);
    }

    /// The messages that somebody got, with and without cards, oldest first.
    pub fn cards_to(&self, person: PersonId) -> Vec<Card> {
        self.lock().cards_to(person)
    }

    /// Somebody presses a card's button. The action's uuid comes back; the webhook carries it.
    ///
    /// # Errors
    /// Where there is no such card for this person.
    pub fn answer_card(&self, message: Uuid, by: PersonId, inputs: Value) -> Result<Uuid, Refused> {
        Ok(self.lock().press(message, by, inputs)?)
    }

    /// A delivery was not answered with 2xx: a hundred times within five minutes disable a webhook. Of a subscription nothing is kept.
    pub fn delivery_failed(&self, webhook: Uuid) {
        self.lock().delivery_failed(webhook);
    }
}
