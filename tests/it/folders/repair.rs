//! Renamed, deleted and unlinked folders.

use engine::folders::{SpaceState, SpaceStatus};
use sim::{Fault, Service};

use super::assert_people_in_sync;
use crate::support::{MINUTE, TwoTenants};

#[tokio::test]
async fn folder_missing_once_keeps_its_files() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let before = env.linked_folder(gears).unwrap().item;
    env.world().inject(
        Fault::status(404).on(Service::Graph).method("GET").path(&format!("/items/{before}")),
    );
    env.world().rename_room(gears, "Wheels");
    env.let_pass(20 * MINUTE).await;
    assert_eq!(env.linked_folder(gears).unwrap().item, before);
    assert_eq!(env.folder_names(), ["Engines", "Wheels"]);
}

#[tokio::test]
async fn renamed_space_renames_its_folder() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let before = env.linked_folder(gears).unwrap();
    env.world().rename_room(gears, "Gears: large/small");
    env.let_pass(MINUTE / 6).await;
    env.assert_linked(gears, "Gears- large-small");
    assert_eq!(env.linked_folder(gears).unwrap().item, before.item, "it is the same folder");
    // The General space has the team's name.
    env.world().rename_team(team, "Machines");
    env.let_pass(MINUTE).await;
    env.assert_linked(team.general_space(), "Machines");
    assert_eq!(env.linked_folder(team.general_space()).unwrap().name, "Machines");
    env.let_pass(30 * MINUTE).await;
    assert_people_in_sync(&env, team);
}

#[tokio::test]
async fn renamed_folder_is_followed() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let item = env.linked_folder(gears).unwrap().item;
    env.world().rename_drive_folder(env.group().0, &item, "All our gears");
    env.sync_now(team).await;
    assert_eq!(env.folder_names(), ["All our gears", "Engines"]);
    assert_eq!(env.world().room(gears).unwrap().title, "Gears", "the space keeps its own title");
    assert_eq!(env.stored_space(team, gears).await.unwrap().folder.unwrap().name, "All our gears");
    env.skip_week().await;
    assert_eq!(env.folder_names(), ["All our gears", "Engines"]);
    // The space's next rename applies to the folder again.
    env.world().rename_room(gears, "Cogs");
    env.let_pass(MINUTE).await;
    env.assert_linked(gears, "Cogs");
}

#[tokio::test]
async fn conflicting_renames_follow_the_setting() {
    for (last_word, name) in
        [(domain::membership::Side::Group, "Ours"), (domain::membership::Side::Team, "Theirs")]
    {
        let mut env = TwoTenants::with_folders(4).await;
        let settings = engine::tenant::Settings {
            folders: engine::tenant::Folders::EachSpace,
            last_word,
            ..crate::support::every_team()
        };
        env.save_settings(settings).await;
        let team = env.with_linked_team("Engines").await;
        let gears = env.create_space(team, "Gears");
        env.let_pass(MINUTE).await;
        let item = env.linked_folder(gears).unwrap().item;
        env.world().rename_drive_folder(env.group().0, &item, "Ours");
        env.world().rename_room(gears, "Theirs");
        env.let_pass(MINUTE).await;
        env.assert_linked(gears, name);
        env.skip_week().await;
        env.assert_linked(gears, name);
    }
}

#[tokio::test]
async fn rename_during_a_rename_is_compared_again() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let conflict = serde_json::json!({"error": {
        "code": "resourceModified",
        "message": "ETag does not match current item's value.",
    }});
    env.world().inject(
        Fault::new(sim::Failure::Status(412, vec![], conflict))
            .on(Service::Graph)
            .method("PATCH")
            .path("/drives"),
    );
    env.world().rename_room(gears, "Cogs");
    env.let_pass(MINUTE).await;
    env.assert_linked(gears, "Cogs");
}

#[tokio::test]
async fn deleted_folder_is_recreated_and_linked() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    for room in [gears, team.general_space()] {
        let before = env.linked_folder(room).unwrap();
        env.world().delete_drive_folder(env.group().0, &before.item);
        env.sync_now(team).await;
        env.assert_linked(room, &before.name);
        assert_ne!(env.linked_folder(room).unwrap().item, before.item);
    }
    assert_eq!(env.folder_names(), ["Engines", "Gears"]);
    // The weekly check finds it without a request.
    let before = env.linked_folder(gears).unwrap();
    env.world().delete_drive_folder(env.group().0, &before.item);
    env.skip_week().await;
    env.assert_linked(gears, "Gears");
    assert_people_in_sync(&env, team);
}

#[tokio::test]
async fn folder_unlinked_by_a_person_stays_unlinked() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let (general, gears) = (team.general_space(), env.create_space(team, "Gears"));
    env.let_pass(MINUTE).await;
    env.world().unlink_folder(general);
    env.sync_now(team).await;
    assert_eq!(env.folder_state(team, general).await, Some(SpaceStatus::Unlinked));
    // A link in a space without the service account is read only when there is a reason to join.
    env.world().unlink_folder(gears);
    env.world().delete_drive_folder(
        env.group().0,
        &env.stored_space(team, gears).await.unwrap().folder.unwrap().item.to_string(),
    );
    env.sync_now(team).await;
    assert_eq!(env.folder_state(team, gears).await, Some(SpaceStatus::Unlinked));
    env.skip_week().await;
    assert_eq!((env.linked_folder(general), env.linked_folder(gears)), (None, None));
    assert_eq!(env.folder_names(), ["Engines"], "and no folder is made for it");
    assert!(!env.world().room(gears).unwrap().people.contains_key(&env.handle.service_account));
    // It stays so until an admin links it again.
    env.link_again(team, general).await;
    env.link_again(team, gears).await;
    env.assert_linked(general, "Engines");
    env.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn lost_folder_link_is_repaired() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let taken = serde_json::json!({"id": "Y2lzY29zcGFyazovL3VzL1RBQlMvMQ"});
    let lost = Fault::new(sim::Failure::Status(200, vec![], taken))
        .on(Service::Webex)
        .method("POST")
        .path("/room/linkedFolders");
    env.world().inject(lost);
    let gears = env.create_space(team, "Gears");
    while env.folder_state(team, gears).await.is_none() {
        env.let_pass(MINUTE / 12).await;
    }
    assert_eq!(env.folder_state(team, gears).await, Some(SpaceStatus::LinkNotConfirmed));
    assert_eq!(env.stored_space(team, gears).await.unwrap().status.state(), SpaceState::Failing);
    env.let_pass(5 * MINUTE).await;
    env.assert_linked(gears, "Gears");
    assert_eq!(env.folder_names(), ["Engines", "Gears"]);
}
