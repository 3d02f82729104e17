//! Spaces and their folders.

use domain::ids::{RoomId, TeamId};
use engine::folders::{self, Standing};
use engine::tenant::{Folders, Settings};
use store::message::Cause;

use super::{AT_ONCE, Story, trials};
use crate::town::{MINUTE, Town, every_team};

trials! {
    new_folder: super::NewFolder,
    changed_folders: super::ChangedFolders,
}

async fn with_team() -> (Town, TeamId) {
    let mut town = Town::with_one_tenant(4, Settings { folders: Folders::EachSpace, ..every_team() }).await;
    let handle = town.handle.clone();
    town.house.consent_to_files(town.tenant(), &handle).await.unwrap();
    let team = town.with_linked_team("Engines").await;
    (town, team)
}

/// Each space has its one folder, the officer is in no space for it, and nothing is left open.
async fn assert_linked(town: &Town, team: TeamId, names: &[&str], told: &str) {
    assert_eq!(town.folder_names(), names, "{told}");
    let spaces = folders::spaces(town.store(), town.tenant(), team).await.unwrap();
    assert_eq!(spaces.len(), names.len(), "{told}");
    for (room, space) in spaces {
        assert_eq!((space.standing, space.stepped_in), (Standing::Linked, None), "{told}: {space:?}");
        town.assert_linked(room, &space.folder.unwrap().name);
    }
    town.assert_in_step(team);
}

struct NewFolder(TeamId);
impl Story for NewFolder {
    type Scene = Town;
    const NAME: &'static str = "a new space";
    async fn before() -> (Town, Self) {
        let (town, team) = with_team().await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        town.create_space(self.0, "Gears");
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_linked(town, self.0, &["Engines", "Gears"], told).await;
    }
}

/// One space has another name, and the folder of another was deleted.
struct ChangedFolders(TeamId, [RoomId; 2]);
impl Story for ChangedFolders {
    type Scene = Town;
    const NAME: &'static str = "a renamed space, and a deleted folder";
    async fn before() -> (Town, Self) {
        let (mut town, team) = with_team().await;
        let spaces = ["Gears", "Cogs"].map(|title| town.create_space(team, title));
        town.let_pass(2 * MINUTE).await;
        (town, Self(team, spaces))
    }
    async fn act(&self, town: &mut Town) {
        let Self(team, [gears, cogs]) = *self;
        town.world().rename_room(gears, "Wheels");
        town.world().delete_drive_folder(town.group().0, &town.linked(cogs).unwrap().item);
        town.ask(team, Cause::Administrator).await;
        town.let_pass(AT_ONCE).await;
    }
    /// What was only lost with a wish is found by the daily look in seven.
    async fn meanwhile(&self, town: &mut Town) {
        town.let_pass(20 * MINUTE).await;
        town.sync_now(self.0).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_linked(town, self.0, &["Cogs", "Engines", "Wheels"], told).await;
    }
}
