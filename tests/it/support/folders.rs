//! Helpers for spaces and their folders.

use domain::ids::{RoomId, TeamId};
use engine::folders::{self, FolderBlocker, FolderRequest, Space, SpaceStatus};
use sim::{DriveFolder, LinkedFolder};
use store::message::{Job, Trigger};
use store::queue::Queue;
use store::table::Store;

use super::two_tenants::{DAY, MINUTE, TwoTenants};

impl TwoTenants {
    /// Creates a team of the first four people, and waits until its General space is linked.
    pub(crate) async fn with_linked_team(&mut self, title: &str) -> TeamId {
        let team = self.create_team(title, &self.people[..4]);
        self.let_pass(30 * MINUTE).await;
        assert_eq!(self.folder_state(team, team.general_space()).await, Some(SpaceStatus::Linked));
        team
    }

    /// Creates another space of a team, with its creator only.
    pub(crate) fn create_space(&self, team: TeamId, title: &str) -> RoomId {
        self.world().create_room(self.people[0].person, title, Some(team))
    }

    /// Returns the stored state of a space.
    pub(crate) async fn stored_space(&self, team: TeamId, room: RoomId) -> Option<Space> {
        folders::spaces(self.store(), self.tenant(), team).await.unwrap().remove(&room)
    }

    pub(crate) async fn folder_state(&self, team: TeamId, room: RoomId) -> Option<SpaceStatus> {
        self.stored_space(team, room).await.map(|space| space.status)
    }

    /// Returns what blocks a team's folders.
    pub(crate) async fn folder_blocker(&self, team: TeamId) -> Option<FolderBlocker> {
        let row = folders::load(self.store(), self.tenant(), team).await.unwrap()?;
        row.folders.blocker.map(|blocked| blocked.by)
    }

    pub(crate) fn linked_folder(&self, room: RoomId) -> Option<LinkedFolder> {
        self.world().room(room).unwrap().folder
    }

    /// Returns the folders of the single group's library.
    pub(crate) fn drive_folders(&self) -> Vec<DriveFolder> {
        self.world().drive_folders(self.group().0)
    }

    pub(crate) fn folder_names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.drive_folders().into_iter().map(|folder| folder.path).collect();
        names.sort();
        names
    }

    /// Asserts that a space is linked to the folder of this name in the group's site, and that the
    /// service account is not a member because of that.
    pub(crate) fn assert_linked(&self, room: RoomId, name: &str) {
        let linked = self.linked_folder(room).unwrap_or_else(|| panic!("{name} is not linked"));
        let folder = self.drive_folders().into_iter().find(|folder| folder.id == linked.item);
        let folder = folder.unwrap_or_else(|| panic!("{name} is linked to no folder"));
        assert_eq!((folder.path.as_str(), linked.default.as_str()), (name, "true"));
        assert_eq!(Some(linked.drive), self.world().drive_id(self.group().0));
        let truth = self.world().room(room).unwrap();
        let is_general = truth.team.is_some_and(|team| team.general_space() == room);
        assert_eq!(
            truth.people.contains_key(&self.handle.service_account),
            is_general,
            "the service account is in the team's General space only"
        );
    }

    /// Skips a week, then runs cycles for half an hour: the weekly folder check has run.
    pub(crate) async fn skip_week(&mut self) {
        self.advance_clock(7 * DAY);
        self.let_pass(30 * MINUTE).await;
    }

    /// Presses "Sync now" on a team's page.
    pub(crate) async fn sync_now(&mut self, team: TeamId) {
        // A reading of this same instant would already answer the request.
        self.advance_clock(MINUTE / 60);
        self.request_sync(team, Trigger::Administrator).await;
        self.let_pass(MINUTE).await;
    }

    /// Presses "Link again" on a team's page.
    pub(crate) async fn link_again(&mut self, team: TeamId, room: RoomId) {
        self.advance_clock(MINUTE / 60);
        let writes =
            folders::request_sync(self.tenant(), team, &FolderRequest::Relink(room), self.now())
                .unwrap();
        self.store().write(writes).await.unwrap();
        let message = self.message(Job::Folders { team }, Trigger::Administrator);
        self.stack.backend().queue.send_all(&[message]).await.unwrap();
        self.let_pass(MINUTE).await;
    }
}
