//! Folders under faults.

use domain::ids::{RoomId, TeamId};
use engine::folders::{self, SpaceStatus};
use engine::tenant::{Folders, Settings};
use store::message::Trigger;

use super::{AT_ONCE, Story, story_tests};
use crate::support::{MINUTE, TwoTenants, every_team};

story_tests! {
    new_folder: super::NewFolder,
    changed_folders: super::ChangedFolders,
}

async fn with_team() -> (TwoTenants, TeamId) {
    let mut env =
        TwoTenants::with_one_tenant(4, Settings { folders: Folders::EachSpace, ..every_team() })
            .await;
    let handle = env.handle.clone();
    env.stack.consent_to_files(env.tenant(), &handle).await.unwrap();
    let team = env.with_linked_team("Engines").await;
    (env, team)
}

/// Asserts that each space has its one folder, and that nothing is left open.
async fn assert_linked(env: &TwoTenants, team: TeamId, names: &[&str], case: &str) {
    assert_eq!(env.folder_names(), names, "{case}");
    let spaces = folders::spaces(env.store(), env.tenant(), team).await.unwrap();
    assert_eq!(spaces.len(), names.len(), "{case}");
    for (room, space) in spaces {
        assert_eq!(
            (space.status, space.joined_at),
            (SpaceStatus::Linked, None),
            "{case}: {space:?}"
        );
        env.assert_linked(room, &space.folder.unwrap().name);
    }
    env.assert_in_sync(team);
}

struct NewFolder(TeamId);

impl Story for NewFolder {
    type Scene = TwoTenants;
    const NAME: &'static str = "a new space";
    async fn before() -> (TwoTenants, Self) {
        let (env, team) = with_team().await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.create_space(self.0, "Gears");
        env.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_linked(env, self.0, &["Engines", "Gears"], case).await;
    }
}

/// One space is renamed, and the folder of another is deleted.
struct ChangedFolders(TeamId, [RoomId; 2]);

impl Story for ChangedFolders {
    type Scene = TwoTenants;
    const NAME: &'static str = "a renamed space, and a deleted folder";
    async fn before() -> (TwoTenants, Self) {
        let (mut env, team) = with_team().await;
        let spaces = ["Gears", "Cogs"].map(|title| env.create_space(team, title));
        env.let_pass(2 * MINUTE).await;
        (env, Self(team, spaces))
    }
    async fn act(&self, env: &mut TwoTenants) {
        let Self(team, [gears, cogs]) = *self;
        env.world().rename_room(gears, "Wheels");
        env.world().delete_drive_folder(env.group().0, &env.linked_folder(cogs).unwrap().item);
        env.request_sync(team, Trigger::Administrator).await;
        env.let_pass(AT_ONCE).await;
    }
    /// The weekly check of folders finds what a lost request left open.
    async fn meanwhile(&self, env: &mut TwoTenants) {
        env.let_pass(20 * MINUTE).await;
        env.sync_now(self.0).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_linked(env, self.0, &["Cogs", "Engines", "Wheels"], case).await;
    }
}
