//! Acts of people on teams and spaces, and the teams and spaces as they are.

use std::collections::BTreeMap;

use domain::ids::{OrgId, PersonId, RoomId, TeamId};

use super::{Refused, World};
use crate::state::State;
use crate::state::webex::{Change, FolderLink, MembershipRole, Origin, RoomEntry};
use crate::webex::{events, folders, rooms, spaces, teams};
use crate::wire::Response;

/// A team as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub title: String,
    /// Everyone in it, including the service account.
    pub people: BTreeMap<PersonId, MembershipRole>,
}

/// A space as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its title.
    pub title: String,
    /// Team of the space.
    pub team: Option<TeamId>,
    /// Everyone in it.
    pub people: BTreeMap<PersonId, MembershipRole>,
    /// Folder that it is linked to.
    pub folder: Option<LinkedFolder>,
}

/// A folder that a space is linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedFolder {
    /// Name of the folder in Webex.
    pub name: String,
    /// Id of the library.
    pub drive: String,
    /// Id of the folder in it.
    pub item: String,
    /// `"true"` if the space stores shared files there, else `"false"`.
    pub default: String,
}

impl From<&FolderLink> for LinkedFolder {
    fn from(link: &FolderLink) -> Self {
        let [_, name, drive, item] = link.fields.clone();
        Self { name, drive, item, default: link.default.clone() }
    }
}

/// Creation, people and titles.
impl World {
    /// Creates a team as a person does, who is its moderator and whose organization owns it.
    pub fn create_team(&self, by: PersonId, title: &str) -> TeamId {
        spaces::new_team(&mut self.lock(), by, title)
    }

    /// Creates a space, in a team or outside of any, as a person does.
    pub fn create_room(&self, by: PersonId, title: &str, team: Option<TeamId>) -> RoomId {
        let mut state = self.lock();
        let room = RoomId(state.uuid());
        spaces::new_room(&mut state, room, team, by, title);
        room
    }

    /// Adds a person to a team, as a moderator does.
    ///
    /// # Errors
    /// If the person is in the team already, or one of the two does not exist.
    pub fn add_to_team(
        &self,
        team: TeamId,
        person: PersonId,
        role: MembershipRole,
    ) -> Result<(), Refused> {
        let room = team.general_space();
        self.act(room, |state, actor| {
            spaces::add_person(state, room, person, role, actor, Origin::Team)
        })
    }

    /// Removes a person from a team, and so from all of its spaces, as a moderator does.
    ///
    /// # Errors
    /// If the person is not in it, or is its last moderator.
    pub fn remove_from_team(&self, team: TeamId, person: PersonId) -> Result<(), Refused> {
        let room = team.general_space();
        self.act(room, |state, actor| {
            spaces::remove_person(state, room, person, actor, Origin::Team)
        })
    }

    /// Makes a member of a team a moderator.
    ///
    /// # Errors
    /// If the person is not in the team.
    pub fn promote(&self, team: TeamId, person: PersonId) -> Result<(), Refused> {
        self.set_role(team, person, MembershipRole::Moderator)
    }

    /// Makes a moderator of a team a plain member.
    ///
    /// # Errors
    /// If the person is not in the team, or is its last moderator.
    pub fn demote(&self, team: TeamId, person: PersonId) -> Result<(), Refused> {
        self.set_role(team, person, MembershipRole::Member)
    }

    fn set_role(
        &self,
        team: TeamId,
        person: PersonId,
        role: MembershipRole,
    ) -> Result<(), Refused> {
        let room = team.general_space();
        self.act(room, |state, actor| {
            spaces::set_role(state, room, person, role, actor, Origin::Team)
        })
    }

    /// Adds a person to a space, as a moderator does.
    ///
    /// # Errors
    /// If the person is in it already, or is not in the space's team.
    pub fn add_to_room(
        &self,
        room: RoomId,
        person: PersonId,
        role: MembershipRole,
    ) -> Result<(), Refused> {
        self.act(room, |state, actor| {
            spaces::add_person(state, room, person, role, actor, Origin::Room)
        })
    }

    /// Removes a person from a space, as a moderator does.
    ///
    /// # Errors
    /// If the person is not in it.
    pub fn remove_from_room(&self, room: RoomId, person: PersonId) -> Result<(), Refused> {
        self.act(room, |state, actor| {
            spaces::remove_person(state, room, person, actor, Origin::Room)
        })
    }

    /// Acts as the first moderator of a space, else as its first member, else as its creator.
    fn act(
        &self,
        room: RoomId,
        act: impl FnOnce(&mut State, PersonId) -> Result<(), Response>,
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        let entry = state.webex.rooms.get(&room);
        let entry = entry.ok_or_else(|| Refused("no such space".into()))?;
        let member = entry.moderators().next().or(entry.memberships.keys().next().copied());
        let actor = member.unwrap_or(entry.creator);
        Ok(act(&mut state, actor)?)
    }

    /// Renames a team, as a moderator does.
    pub fn rename_team(&self, team: TeamId, title: &str) {
        let mut state = self.lock();
        let by = state.webex.teams.get(&team).map(|team| team.creator);
        if let Some(by) = by {
            teams::rename(&mut state, team, title, by);
        }
    }

    /// Renames a space, as a moderator does.
    pub fn rename_room(&self, room: RoomId, title: &str) {
        self.change_room(room, Change::Updated, |entry| entry.title = title.into());
    }
}

/// Places, folders and ends.
impl World {
    /// Takes a space out of its team, as a moderator does.
    pub fn take_out_of_team(&self, room: RoomId) {
        self.change_room(room, Change::Updated, |entry| entry.team = None);
    }

    /// Makes another organization the owner of a space.
    pub fn transfer_room(&self, room: RoomId, owner: OrgId) {
        self.change_room(room, Change::Updated, |entry| entry.owner = owner);
    }

    /// Moves a space to another region: its id is another one, of the same uuid.
    pub fn migrate_room(&self, room: RoomId, region: &str) {
        self.change_room(room, Change::Migrated, |entry| entry.migrated = Some(region.into()));
    }

    fn change_room(&self, room: RoomId, kind: Change, change: impl FnOnce(&mut RoomEntry)) {
        let mut state = self.lock();
        let Some(entry) = state.webex.rooms.get_mut(&room) else {
            return;
        };
        change(entry);
        let creator = entry.creator;
        events::room_changed(&mut state, kind, room, creator);
    }

    /// Moves a space into a team, as a moderator does.
    ///
    /// # Errors
    /// If a moderator of the space is not in the team.
    pub fn move_room(&self, room: RoomId, team: TeamId) -> Result<(), Refused> {
        rooms::move_into_team(&mut self.lock(), room, team)?;
        self.change_room(room, Change::Updated, |_| {});
        Ok(())
    }

    /// Links a space to a folder, in place of the one that it had.
    pub fn link_folder(&self, room: RoomId, drive: &str, item: &str) {
        folders::link(&mut self.lock(), room, drive, item);
    }

    /// Removes the link of a space to its folder.
    pub fn unlink_folder(&self, room: RoomId) {
        self.lock().webex.folders.retain(|_, folder| folder.room != room);
    }

    /// Deletes a space, as a moderator does.
    pub fn delete_room(&self, room: RoomId) {
        let mut state = self.lock();
        state.webex.rooms.remove(&room);
        state.webex.folders.retain(|_, folder| folder.room != room);
    }

    /// Archives a team: it can be read, and its memberships cannot change.
    pub fn archive_team(&self, team: TeamId) {
        self.for_each_space(team, |room| room.archived = true);
    }

    /// Unarchives a team.
    pub fn unarchive_team(&self, team: TeamId) {
        self.for_each_space(team, |room| room.archived = false);
    }

    fn for_each_space(&self, team: TeamId, change: impl FnMut(&mut RoomEntry)) {
        let mut state = self.lock();
        let spaces = state.webex.rooms.values_mut().filter(|room| room.team == Some(team));
        spaces.for_each(change);
    }

    /// Deletes a team with all of its spaces, as a moderator does.
    pub fn delete_team(&self, team: TeamId) {
        let mut state = self.lock();
        state.webex.teams.remove(&team);
        state.webex.rooms.retain(|_, room| room.team != Some(team));
    }
}

/// The truth to assert on.
impl World {
    /// Returns the team, unless it was deleted.
    pub fn team(&self, team: TeamId) -> Option<Team> {
        let room = self.room(team.general_space())?;
        Some(Team { title: room.title, people: room.people })
    }

    /// Returns the teams of an organization that were not deleted, oldest first.
    pub fn teams(&self, org: OrgId) -> Vec<TeamId> {
        let state = self.lock();
        let is_own = |team: &TeamId| {
            let general = state.webex.rooms.get(&team.general_space());
            general.is_some_and(|room| room.owner == org)
        };
        let mut teams: Vec<_> = state.webex.teams.iter().filter(|(team, _)| is_own(team)).collect();
        teams.sort_by_key(|(team, entry)| (entry.created, **team));
        teams.into_iter().map(|(team, _)| *team).collect()
    }

    /// Returns the spaces of a team: the General space, then the others, oldest first.
    pub fn spaces(&self, team: TeamId) -> Vec<RoomId> {
        let state = self.lock();
        let mut spaces: Vec<_> =
            state.webex.rooms.iter().filter(|(_, room)| room.team == Some(team)).collect();
        spaces.sort_by_key(|(id, room)| (**id != team.general_space(), room.created, **id));
        spaces.into_iter().map(|(id, _)| *id).collect()
    }

    /// Returns `true` if the team is archived.
    pub fn is_archived(&self, team: TeamId) -> bool {
        let state = self.lock();
        state.webex.rooms.get(&team.general_space()).is_some_and(|room| room.archived)
    }

    /// Returns the space, unless it was deleted.
    pub fn room(&self, room: RoomId) -> Option<Room> {
        let state = self.lock();
        let entry = state.webex.rooms.get(&room)?;
        let people = entry.memberships.iter();
        Some(Room {
            title: entry.title.clone(),
            team: entry.team,
            people: people.map(|(person, membership)| (*person, membership.role)).collect(),
            folder: folders::of_room(&state.webex, room).map(LinkedFolder::from),
        })
    }

    /// Returns the id of a team as calls spell it.
    pub fn team_id(&self, team: TeamId) -> String {
        self.lock().webex.team_id(team)
    }

    /// Returns the id of a space as calls spell it; for a team use its General space.
    pub fn room_id(&self, room: RoomId) -> String {
        self.lock().webex.room_id(room)
    }
}
