//! New folders: when they are created, under which name, and at which cost.

use engine::folders::FolderBlocker;
use engine::phrases::alerts::message;
use sim::{Fault, Service};

use super::{assert_people_in_sync, is_sharepoint_call};
use crate::support::{DAY, MINUTE, TwoTenants};

#[tokio::test]
async fn folders_are_created_once_the_site_exists() {
    let mut env = TwoTenants::with_folders(6).await;
    env.world()
        .graph_settings(|settings| settings.site_delay = std::time::Duration::from_secs(6 * 3600));
    let team = env.create_team("Engines", &env.people[..4]);
    let gears = env.create_space(team, "Gears");
    env.let_pass(30 * MINUTE).await;
    assert_people_in_sync(&env, team);
    assert_eq!(env.folder_blocker(team).await, Some(FolderBlocker::NoSite));
    assert_eq!(env.linked_folder(team.general_space()), None);
    // Folders do not delay people.
    env.world().add_to_team(team, env.people[4].person, sim::MembershipRole::Member).unwrap();
    env.let_pass(MINUTE).await;
    assert_people_in_sync(&env, team);
    env.world().take_calls();
    env.let_pass(5 * 60 * MINUTE).await;
    let asked = env.world().take_calls().iter().filter(|call| is_sharepoint_call(call)).count();
    assert!((3..=6).contains(&asked), "the pauses grow: {asked} calls in five hours");
    env.let_pass(4 * 60 * MINUTE).await;
    assert_eq!(env.folder_blocker(team).await, None);
    env.assert_linked(team.general_space(), "Engines");
    env.assert_linked(gears, "Gears");
    assert_eq!(env.folder_names(), ["Engines", "Gears"]);
    assert_people_in_sync(&env, team);
}

#[tokio::test]
async fn site_missing_for_a_day_is_alerted() {
    let mut env = TwoTenants::with_folders(4).await;
    env.world().graph_settings(|settings| {
        settings.site_delay = std::time::Duration::from_secs(3 * 86_400)
    });
    let team = env.create_team("Engines", &env.people[..4]);
    env.let_pass(3 * 60 * MINUTE).await;
    let texts = |alerts: Vec<engine::notify::Alert>| {
        alerts.into_iter().filter(|alert| message(&alert.message).contains("site")).count()
    };
    assert_eq!(texts(engine::notify::all(env.store(), env.tenant()).await.unwrap()), 0);
    env.let_pass(2 * DAY).await;
    assert_eq!(texts(engine::notify::all(env.store(), env.tenant()).await.unwrap()), 1);
    env.let_pass(2 * DAY).await;
    env.assert_linked(team.general_space(), "Engines");
    assert_eq!(texts(engine::notify::all(env.store(), env.tenant()).await.unwrap()), 0);
}

#[tokio::test]
async fn webhook_creates_folder_within_seconds() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.world().create_room(env.people[0].person, "Gears", None);
    env.world().move_room(gears, team).unwrap();
    env.let_pass(MINUTE / 6).await;
    env.assert_linked(gears, "Gears");
    env.let_pass(30 * MINUTE).await;
    assert_people_in_sync(&env, team);
}

#[tokio::test]
async fn next_cycle_creates_folder_without_webhook() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    env.world().webex_settings(|settings| settings.deliveries_lost = 100);
    let gears = env.create_space(team, "Gears");
    env.let_pass(3 * MINUTE).await;
    env.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn space_not_yet_visible_gets_its_folder_later() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    let path = format!("/rooms/{}", env.world().room_id(gears));
    // The event's handler sees the space; the next two folder syncs do not.
    env.world()
        .inject(Fault::status(404).on(Service::Webex).method("GET").path(&path).skip(1).times(2));
    env.let_pass(20 * MINUTE).await;
    env.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn space_never_found_is_dropped() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    let path = format!("/rooms/{}", env.world().room_id(gears));
    env.world().inject(
        Fault::status(404).on(Service::Webex).method("GET").path(&path).skip(1).times(u32::MAX),
    );
    env.let_pass(60 * MINUTE).await;
    assert_eq!(env.stored_space(team, gears).await, None);
    env.world().take_calls();
    env.let_pass(DAY).await;
    assert!(!env.world().take_calls().iter().any(|call| call.path.contains(&path)));
}

#[tokio::test]
async fn existing_spaces_are_linked_at_switch_on() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Engines", &env.people[..4]);
    let gears = env.create_space(team, "Gears");
    env.let_pass(30 * MINUTE).await;
    assert_eq!(env.linked_folder(gears), None);
    assert!(!env.world().take_calls().iter().any(is_sharepoint_call));
    let handle = env.handle.clone();
    env.stack.consent_to_files(env.tenant(), &handle).await.unwrap();
    env.save_settings(engine::tenant::Settings {
        folders: engine::tenant::Folders::EachSpace,
        ..crate::support::every_team()
    })
    .await;
    engine::reconcile::request_sync_of_every_link(env.store(), env.tenant(), env.now())
        .await
        .unwrap();
    env.let_pass(5 * MINUTE).await;
    env.assert_linked(team.general_space(), "Engines");
    env.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn same_title_gets_two_folders() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let first = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let second = env.create_space(team, "GEARS");
    env.let_pass(MINUTE).await;
    env.assert_linked(first, "Gears");
    let name = format!("GEARS ({})", &second.0.simple().to_string()[..6]);
    env.assert_linked(second, &name);
    // This title is the name of another space's folder.
    let third = env.create_space(team, "Cogs");
    env.let_pass(MINUTE).await;
    env.world().rename_room(third, "Gears");
    env.let_pass(MINUTE).await;
    env.assert_linked(third, &format!("Gears ({})", &third.0.simple().to_string()[..6]));
}

#[tokio::test]
async fn invalid_titles_get_stable_folder_names() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let titles = [
        ("Q1/Q2: *plans*?", "Q1-Q2- plans"),
        ("CON", "_CON"),
        ("Forms", "_Forms"),
        ("~$budget...", "$budget"),
        ("🚀 Größe", "🚀 Größe"),
        ("שלום עולם", "שלום עולם"),
        ("???", "Space"),
    ];
    for (title, name) in titles {
        let room = env.create_space(team, title);
        env.let_pass(MINUTE).await;
        env.assert_linked(room, name);
    }
    let names = env.folder_names();
    env.sync_now(team).await;
    assert_eq!(env.folder_names(), names);
    env.world().take_calls();
    env.sync_now(team).await;
    let writes = env
        .world()
        .take_calls()
        .into_iter()
        .filter(|call| is_sharepoint_call(call) && call.method != "GET");
    assert_eq!(writes.count(), 0, "nothing is renamed twice");
}

#[tokio::test]
async fn second_run_changes_nothing() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(30 * MINUTE).await;
    let (before, folders) = (env.stored_space(team, gears).await.unwrap(), env.drive_folders());
    env.world().take_calls();
    env.sync_now(team).await;
    let writes = env.world().take_calls().into_iter().filter(|call| {
        call.kind == sim::Kind::Write
            && (is_sharepoint_call(call)
                || call.path.contains("linkedFolders")
                || call.path.contains("memberships"))
    });
    assert_eq!(writes.map(|call| call.path).collect::<Vec<_>>(), Vec::<String>::new());
    let after = env.stored_space(team, gears).await.unwrap();
    assert_eq!(
        (after.folder, after.link, after.status),
        (before.folder, before.link, before.status)
    );
    assert_eq!(env.drive_folders(), folders);
}

#[tokio::test]
async fn idle_team_makes_no_sharepoint_calls_for_six_days() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    env.create_space(team, "Gears");
    env.let_pass(60 * MINUTE).await;
    env.world().take_calls();
    env.let_pass(6 * DAY).await;
    assert_eq!(env.world().take_calls().iter().filter(|call| is_sharepoint_call(call)).count(), 0);
    env.let_pass(DAY + 60 * MINUTE).await;
    let calls = env.world().take_calls();
    assert_eq!(
        calls.iter().filter(|call| is_sharepoint_call(call)).count(),
        2,
        "one for each folder, once in seven days"
    );
    assert!(
        !calls.iter().any(|call| call.method == "POST" && call.path.contains("/memberships")),
        "and no account joins a space for it"
    );
}

#[tokio::test]
async fn preview_mode_creates_no_folders() {
    let mut env = TwoTenants::with_folders(4).await;
    let preview = engine::tenant::Settings {
        folders: engine::tenant::Folders::EachSpace,
        running: engine::tenant::Running::Preview,
        ..crate::support::every_team()
    };
    env.save_settings(preview).await;
    env.create_team("Engines", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    assert!(!env.world().take_calls().iter().any(is_sharepoint_call));
}

#[tokio::test]
async fn existing_folder_is_adopted() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let there = env.world().make_drive_folder(env.group().0, "gears").unwrap();
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    assert_eq!(env.linked_folder(gears).unwrap().item, there);
    assert_eq!(env.folder_names(), ["Engines", "gears"], "and never gets a sibling");
}
