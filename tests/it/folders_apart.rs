//! Spaces that are left alone, and folders that wait or fail: beside people and names, never in their way.

use clients::http::Api;
use engine::folders::{self, Hindrance, Standing, State};
use engine::link::{self, Unlinked};
use engine::notify;
use engine::tenant::{Folders, OfficerStanding, Settings};
use sandbox::{Fault, Registration, Role, Service};
use store::keys;
use store::table::Store;

use crate::folders::is_sharepoints;
use crate::town::{DAY, MINUTE, Town, every_team};

fn with_folders() -> Settings {
    Settings { folders: Folders::EachSpace, ..every_team() }
}

#[tokio::test]
async fn a_space_that_leaves_the_team_keeps_its_folder_and_is_reported() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    let linked = town.linked(gears);
    town.world().take_out_of_team(gears);
    town.let_pass(MINUTE).await;
    let space = town.space(team, gears).await.unwrap();
    assert_eq!((space.standing, space.standing.state()), (Standing::LeftTeam, State::Left));
    assert_eq!(town.linked(gears), linked);
    assert_eq!(town.folder_names(), ["Engines", "Gears"]);
    town.world().rename_room(gears, "Elsewhere");
    town.a_week_later().await;
    assert_eq!(town.folder_names(), ["Engines", "Gears"], "it is its own now");
    town.world().move_room(gears, team).unwrap();
    town.let_pass(MINUTE).await;
    town.assert_linked(gears, "Elsewhere");
}

#[tokio::test]
async fn a_space_that_moves_into_a_team_gets_a_folder() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let room = town.world().create_room(town.people[0].person, "Gears", None);
    town.let_pass(3 * MINUTE).await;
    assert_eq!(town.linked(room), None);
    town.world().move_room(room, team).unwrap();
    town.let_pass(MINUTE).await;
    town.assert_linked(room, "Gears");
}

#[tokio::test]
async fn a_space_with_a_folder_of_another_site_is_left_alone_and_reported() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let room = town.world().create_room(town.people[0].person, "Gears", None);
    town.world().link_folder(room, "b!anothersite", "01OTHER");
    let before = town.linked(room);
    town.world().move_room(room, team).unwrap();
    town.let_pass(MINUTE).await;
    assert_eq!(town.standing(team, room).await, Some(Standing::OtherFolder));
    town.a_week_later().await;
    assert_eq!(town.linked(room), before);
    assert_eq!(town.folder_names(), ["Engines"], "nothing is made for it");
    assert!(!town.world().room(room).unwrap().people.contains_key(&town.handle.officer));
}

#[tokio::test]
async fn a_folder_of_the_groups_own_site_that_a_person_linked_is_the_spaces() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let (group, general) = (town.group().0, team.general_space());
    let chosen = town.world().make_drive_folder(group, "Chosen").unwrap();
    let drive = town.world().drive_of(group).unwrap();
    town.world().link_folder(general, &drive, &chosen);
    town.sync_now(team).await;
    assert_eq!(town.linked(general).unwrap().item, chosen);
    assert_eq!(town.space(team, general).await.unwrap().folder.unwrap().name, "Chosen");
    town.world().rename_team(team, "Machines");
    town.let_pass(MINUTE).await;
    town.assert_linked(general, "Machines");
}

#[tokio::test]
async fn deleting_a_space_deletes_no_files() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    town.world().delete_room(gears);
    town.a_week_later().await;
    assert_eq!(town.folder_names(), ["Engines", "Gears"]);
    assert_eq!(town.standing(team, gears).await, Some(Standing::NotVisible));
    let calls = town.world().take_calls();
    assert!(!calls.iter().any(|call| is_sharepoints(call) && call.method == "DELETE"));
}

#[tokio::test]
async fn a_space_of_another_organization_is_never_linked() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.world().give_room_to(gears, town.other.org);
    town.let_pass(MINUTE).await;
    // Webex shows it to the officer only if he is in it, as anybody can put him.
    town.world().add_to_room(gears, town.handle.officer, Role::Member).unwrap();
    town.sync_now(team).await;
    assert_eq!(town.standing(team, gears).await, Some(Standing::Foreign));
    town.a_week_later().await;
    assert_eq!(town.linked(gears), None);
    assert_eq!(town.folder_names(), ["Engines"]);
}

#[tokio::test]
async fn an_officer_that_was_in_a_space_before_stays_in_it() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let officer = town.handle.officer;
    town.world().webex_settings(|settings| settings.deliveries_lost = 100);
    let gears = town.create_space(team, "Gears");
    town.world().add_to_room(gears, officer, Role::Member).unwrap();
    town.let_pass(3 * MINUTE).await;
    assert!(town.linked(gears).is_some());
    town.a_week_later().await;
    assert!(town.world().room(gears).unwrap().people.contains_key(&officer));
}

#[tokio::test]
async fn whoever_stands_outside_links_nothing() {
    let mut town = Town::with_folders(4).await;
    town.set(Settings { standing: OfficerStanding::Outside, ..with_folders() }).await;
    let team = town.create_team("Engines", &town.people[..4]);
    town.let_pass(60 * MINUTE).await;
    assert!(!town.world().take_calls().iter().any(|call| is_sharepoints(call) || call.path.contains("linkedFolders")));
    town.assert_in_step(team);
    // Inside, it makes up for it.
    town.set(with_folders()).await;
    engine::reconcile::look_at_every_link(town.store(), town.tenant(), town.now()).await.unwrap();
    town.let_pass(5 * MINUTE).await;
    town.assert_linked(team.general_space(), "Engines");
}

#[tokio::test]
async fn an_officer_that_was_put_out_of_the_team_tries_nothing_until_it_is_back() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    town.world().remove_from_team(team, town.handle.officer).unwrap();
    town.let_pass(30 * MINUTE).await;
    town.world().take_calls();
    let gears = town.create_space(team, "Gears");
    town.let_pass(60 * MINUTE).await;
    assert_eq!(town.hindrance(team).await, Some(Hindrance::OfficerOutside));
    assert!(!town.world().take_calls().iter().any(|call| is_sharepoints(call) || call.path.contains("linkedFolders")));
    assert_eq!(town.linked(gears), None);
    town.world().add_to_team(team, town.handle.officer, Role::Moderator).unwrap();
    town.let_pass(10 * MINUTE).await;
    town.assert_linked(gears, "Gears");
    assert_eq!(town.hindrance(team).await, None);
}

#[tokio::test]
async fn an_archived_team_pauses_its_folders() {
    let mut town = Town::with_folders(5).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.world().archive_team(team);
    town.let_pass(30 * MINUTE).await;
    assert_eq!(town.linked(gears), None);
    assert_eq!(town.standing(team, gears).await.map(Standing::state), Some(State::Waiting));
    town.world().unarchive_team(team);
    town.sync_now(team).await;
    town.let_pass(10 * MINUTE).await;
    town.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn throttled_files_wait_behind_a_gate_of_their_own() {
    for status in [429, 503] {
        let mut town = Town::with_folders(6).await;
        let team = town.with_linked_team("Engines").await;
        let body = serde_json::json!({"error": {"code": "activityLimitReached", "message": "The request has been throttled."}});
        let failure = sandbox::Failure::Status(status, vec![("Retry-After".into(), "600".into())], body);
        town.world().fault(Fault::new(failure).on(Service::Graph).path("/drives"));
        let gears = town.create_space(team, "Gears");
        town.let_pass(MINUTE).await;
        let gate = town.store().get(&keys::gate(town.tenant(), Api::SharePoint)).await.unwrap();
        assert!(gate.is_some() && town.store().get(&keys::gate(town.tenant(), Api::Graph)).await.unwrap().is_none());
        assert!(
            !town.world().room(gears).unwrap().people.contains_key(&town.handle.officer),
            "nobody waits in a space for it"
        );
        // People go on.
        town.world().take_calls();
        town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
        town.let_pass(5 * MINUTE).await;
        town.assert_in_step(team);
        assert!(
            !town.world().take_calls().iter().any(is_sharepoints),
            "{status}: nothing is asked while the gate is shut"
        );
        town.let_pass(8 * MINUTE).await;
        town.assert_linked(gears, "Gears");
    }
}

#[tokio::test]
async fn what_sharepoint_announces_is_heeded_before_it_refuses() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    town.let_pass(2 * MINUTE).await;
    town.world().graph_settings(|settings| settings.file_units = 12);
    let rooms: Vec<_> =
        (0..12).map(|n| (town.create_space(team, &format!("Space {n}")), format!("Space {n}"))).collect();
    town.let_pass(60 * MINUTE).await;
    for (room, name) in rooms {
        town.assert_linked(room, &name);
    }
    let refused =
        town.world().take_calls().iter().filter(|call| is_sharepoints(call) && call.status == Some(429)).count();
    assert!(refused <= 3, "{refused} calls were refused");
}

#[tokio::test]
async fn losing_only_the_consent_to_files_leaves_people_and_names_alone() {
    let mut town = Town::with_folders(6).await;
    town.set(Settings {
        told: Some(engine::tenant::Told::Person(clients::webex::WebexId::new(
            Default::default(),
            town.people[5].person,
        ))),
        ..with_folders()
    })
    .await;
    let team = town.with_linked_team("Engines").await;
    town.world().remove_app(Registration::Files, town.handle.directory);
    town.skip(2 * 60 * MINUTE);
    let gears = town.create_space(team, "Gears");
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    town.world().rename_team(team, "Machines");
    town.let_pass(3 * 60 * MINUTE).await;
    town.assert_in_step(team);
    assert_eq!(town.group().1.display_name, "Machines");
    assert_eq!(town.linked(gears), None);
    let at_hand = engine::tenant::at_hand(town.store(), town.tenant(), &[], town.now()).await.unwrap().unwrap().0;
    assert!(at_hand.tenant.files.unwrap().lost.is_some());
    assert!(engine::tenant::suspension::load(town.store(), town.tenant()).await.unwrap().is_none());
    town.let_pass(DAY).await;
    let told = town.world().cards_to(town.people[5].person);
    assert_eq!(told.iter().filter(|message| format!("{message:?}").contains("files")).count(), 1, "told once");
    let handle = town.handle.clone();
    town.house.consent_to_files(town.tenant(), &handle).await.unwrap();
    town.let_pass(2 * 60 * MINUTE).await;
    town.sync_now(team).await;
    town.assert_linked(gears, "Gears");
    assert!(
        notify::all(town.store(), town.tenant()).await.unwrap().iter().all(|notice| !notice.text.contains("files"))
    );
}

#[tokio::test]
async fn a_space_that_fails_says_so_and_holds_nobody_up() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let refused = Fault::new(sandbox::Failure::Status(400, vec![], serde_json::json!({"message": "Not now."})));
    town.world().fault(refused.on(Service::Webex).method("POST").path("/room/linkedFolders").times(4));
    let [gears, cogs] = ["Gears", "Cogs"].map(|title| town.create_space(team, title));
    town.let_pass(MINUTE).await;
    let failing = town.space(team, gears).await.unwrap();
    assert_eq!(failing.standing, Standing::CallFailed);
    assert!(failing.said.unwrap().contains("Not now."));
    assert!(failing.next_try.is_some());
    town.let_pass(60 * MINUTE).await;
    town.assert_linked(gears, "Gears");
    town.assert_linked(cogs, "Cogs");
}

#[tokio::test]
async fn an_ended_link_forgets_its_folders_and_leaves_them_linked() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    let linked = (town.linked(gears), town.linked(team.general_space()));
    let ids = (town.tenant(), town.handle.directory);
    assert_eq!(link::unlink(town.store(), ids, team, "Ended.".into(), town.now()).await, Ok(Unlinked::Over));
    town.let_pass(5 * MINUTE).await;
    assert_eq!((town.linked(gears), town.linked(team.general_space())), linked);
    assert_eq!(town.folder_names(), ["Engines", "Gears"]);
    assert!(folders::load(town.store(), town.tenant(), team).await.unwrap().is_none());
    assert!(folders::spaces(town.store(), town.tenant(), team).await.unwrap().is_empty());
    town.world().rename_room(gears, "Cogs");
    town.a_week_later().await;
    assert_eq!(town.folder_names(), ["Engines", "Gears"]);
    assert!(folders::load(town.store(), town.tenant(), team).await.unwrap().is_none());
}
