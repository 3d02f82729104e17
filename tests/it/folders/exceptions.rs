//! Spaces and folders that are left alone, and failures that stay local.

use clients::http::Api;
use engine::decision::Decider;
use engine::folders::{self, FolderBlocker, SpaceState, SpaceStatus};
use engine::link::{self, Unlinked};
use engine::notify;
use engine::phrases::alerts::message;
use engine::tenant::{Folders, ServiceAccountMode, Settings};
use sim::{AppRegistration, Failure, Fault, MembershipRole, Service};
use store::keys;
use store::table::Store;

use super::is_sharepoint_call;
use crate::support::{DAY, MINUTE, TwoTenants, every_team};

fn with_folders() -> Settings {
    Settings { folders: Folders::EachSpace, ..every_team() }
}

#[tokio::test]
async fn space_moved_away_keeps_its_folder() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let linked = env.linked_folder(gears);
    env.world().take_out_of_team(gears);
    env.let_pass(MINUTE).await;
    let space = env.stored_space(team, gears).await.unwrap();
    assert_eq!((space.status, space.status.state()), (SpaceStatus::LeftTeam, SpaceState::Left));
    assert_eq!(env.linked_folder(gears), linked);
    assert_eq!(env.folder_names(), ["Engines", "Gears"]);
    env.world().rename_room(gears, "Elsewhere");
    env.skip_week().await;
    assert_eq!(env.folder_names(), ["Engines", "Gears"], "it is its own now");
    env.world().move_room(gears, team).unwrap();
    env.let_pass(MINUTE).await;
    env.assert_linked(gears, "Elsewhere");
}

#[tokio::test]
async fn space_moved_into_a_team_gets_a_folder() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let room = env.world().create_room(env.people[0].person, "Gears", None);
    env.let_pass(3 * MINUTE).await;
    assert_eq!(env.linked_folder(room), None);
    env.world().move_room(room, team).unwrap();
    env.let_pass(MINUTE).await;
    env.assert_linked(room, "Gears");
}

#[tokio::test]
async fn space_linked_to_another_site_is_left_alone() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let room = env.world().create_room(env.people[0].person, "Gears", None);
    env.world().link_folder(room, "b!anothersite", "01OTHER");
    let before = env.linked_folder(room);
    env.world().move_room(room, team).unwrap();
    env.let_pass(MINUTE).await;
    assert_eq!(env.folder_state(team, room).await, Some(SpaceStatus::OtherFolder));
    env.skip_week().await;
    assert_eq!(env.linked_folder(room), before);
    assert_eq!(env.folder_names(), ["Engines"], "nothing is made for it");
    assert!(!env.world().room(room).unwrap().people.contains_key(&env.handle.service_account));
}

#[tokio::test]
async fn folder_linked_by_a_person_is_used() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let (group, general) = (env.group().0, team.general_space());
    let chosen = env.world().make_drive_folder(group, "Chosen").unwrap();
    let drive = env.world().drive_id(group).unwrap();
    env.world().link_folder(general, &drive, &chosen);
    env.sync_now(team).await;
    assert_eq!(env.linked_folder(general).unwrap().item, chosen);
    assert_eq!(env.stored_space(team, general).await.unwrap().folder.unwrap().name, "Chosen");
    env.world().rename_team(team, "Machines");
    env.let_pass(MINUTE).await;
    env.assert_linked(general, "Machines");
}

#[tokio::test]
async fn deleted_space_deletes_no_files() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    env.world().delete_room(gears);
    env.skip_week().await;
    assert_eq!(env.folder_names(), ["Engines", "Gears"]);
    assert_eq!(env.folder_state(team, gears).await, Some(SpaceStatus::NotVisible));
    let calls = env.world().take_calls();
    assert!(!calls.iter().any(|call| is_sharepoint_call(call) && call.method == "DELETE"));
}

#[tokio::test]
async fn space_of_another_organization_is_never_linked() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.world().transfer_room(gears, env.other.org);
    env.let_pass(MINUTE).await;
    // Webex shows the space to the service account only as a member.
    env.world().add_to_room(gears, env.handle.service_account, MembershipRole::Member).unwrap();
    env.sync_now(team).await;
    assert_eq!(env.folder_state(team, gears).await, Some(SpaceStatus::OtherOrganization));
    env.skip_week().await;
    assert_eq!(env.linked_folder(gears), None);
    assert_eq!(env.folder_names(), ["Engines"]);
}

#[tokio::test]
async fn account_already_in_a_space_stays() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let service_account = env.handle.service_account;
    env.world().webex_settings(|settings| settings.deliveries_lost = 100);
    let gears = env.create_space(team, "Gears");
    env.world().add_to_room(gears, service_account, MembershipRole::Member).unwrap();
    env.let_pass(3 * MINUTE).await;
    assert!(env.linked_folder(gears).is_some());
    env.skip_week().await;
    assert!(env.world().room(gears).unwrap().people.contains_key(&service_account));
}

#[tokio::test]
async fn observer_links_no_folders() {
    let mut env = TwoTenants::with_folders(4).await;
    env.save_settings(Settings {
        service_account_mode: ServiceAccountMode::Observer,
        ..with_folders()
    })
    .await;
    let team = env.create_team("Engines", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    assert!(
        !env.world()
            .take_calls()
            .iter()
            .any(|call| is_sharepoint_call(call) || call.path.contains("linkedFolders"))
    );
    env.assert_in_sync(team);
    // As a member, it catches up.
    env.save_settings(with_folders()).await;
    engine::reconcile::request_sync_of_every_link(env.store(), env.tenant(), env.now())
        .await
        .unwrap();
    env.let_pass(5 * MINUTE).await;
    env.assert_linked(team.general_space(), "Engines");
}

#[tokio::test]
async fn removed_account_pauses_folders_until_it_returns() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    env.world().remove_from_team(team, env.handle.service_account).unwrap();
    env.let_pass(30 * MINUTE).await;
    env.world().take_calls();
    let gears = env.create_space(team, "Gears");
    env.let_pass(60 * MINUTE).await;
    assert_eq!(env.folder_blocker(team).await, Some(FolderBlocker::ServiceAccountOutside));
    assert!(
        !env.world()
            .take_calls()
            .iter()
            .any(|call| is_sharepoint_call(call) || call.path.contains("linkedFolders"))
    );
    assert_eq!(env.linked_folder(gears), None);
    env.world().add_to_team(team, env.handle.service_account, MembershipRole::Moderator).unwrap();
    env.let_pass(10 * MINUTE).await;
    env.assert_linked(gears, "Gears");
    assert_eq!(env.folder_blocker(team).await, None);
}

#[tokio::test]
async fn archived_team_pauses_its_folders() {
    let mut env = TwoTenants::with_folders(5).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.world().archive_team(team);
    env.let_pass(30 * MINUTE).await;
    assert_eq!(env.linked_folder(gears), None);
    assert_eq!(
        env.folder_state(team, gears).await.map(SpaceStatus::state),
        Some(SpaceState::Waiting)
    );
    env.world().unarchive_team(team);
    env.sync_now(team).await;
    env.let_pass(10 * MINUTE).await;
    env.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn files_have_their_own_backoff() {
    for status in [429, 503] {
        let mut env = TwoTenants::with_folders(6).await;
        let team = env.with_linked_team("Engines").await;
        let body = serde_json::json!({"error": {
            "code": "activityLimitReached",
            "message": "The request has been throttled.",
        }});
        let failure =
            sim::Failure::Status(status, vec![("Retry-After".into(), "600".into())], body);
        env.world().inject(Fault::new(failure).on(Service::Graph).path("/drives"));
        let gears = env.create_space(team, "Gears");
        env.let_pass(MINUTE).await;
        let backoff = env.store().get(&keys::backoff(env.tenant(), Api::SharePoint)).await.unwrap();
        assert!(
            backoff.is_some()
                && env
                    .store()
                    .get(&keys::backoff(env.tenant(), Api::Graph))
                    .await
                    .unwrap()
                    .is_none()
        );
        assert!(
            !env.world().room(gears).unwrap().people.contains_key(&env.handle.service_account),
            "no account waits in a space for it"
        );
        // People are still synced.
        env.world().take_calls();
        env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
        env.let_pass(5 * MINUTE).await;
        env.assert_in_sync(team);
        assert!(
            !env.world().take_calls().iter().any(is_sharepoint_call),
            "{status}: no call during the backoff"
        );
        env.let_pass(8 * MINUTE).await;
        env.assert_linked(gears, "Gears");
    }
}

#[tokio::test]
async fn folders_throttled_alone_pause_no_other_team() {
    let mut env = TwoTenants::with_folders(4).await;
    let struck = env.with_linked_team("Engines").await;
    let group = env.group().0;
    let other = env.with_linked_team("Sails").await;
    let drive = env.world().drive_id(group).unwrap();
    let drive = drive.trim_start_matches("b!");
    env.world().inject(Fault::throttled("600").on(Service::Graph).path(drive).forever());
    let gears = env.create_space(struck, "Gears");
    env.let_pass(5 * MINUTE).await;
    // Its run is the proof that SharePoint answers others.
    let masts = env.create_space(other, "Masts");
    env.let_pass(30 * MINUTE).await;
    assert!(env.linked_folder(masts).is_some());
    assert_eq!(env.folder_blocker(struck).await, Some(FolderBlocker::CallFailed));
    for n in 0..6 {
        let space = env.create_space(other, &format!("Sail {n}"));
        env.let_pass(MINUTE).await;
        assert!(env.linked_folder(space).is_some(), "sail {n}");
        env.let_pass(6 * MINUTE).await;
    }
    assert!(env.linked_folder(gears).is_none());
    env.world().clear_faults();
    env.let_pass(60 * MINUTE).await;
    assert!(env.linked_folder(gears).is_some());
    assert_eq!(env.folder_blocker(struck).await, None);
}

#[tokio::test]
async fn announced_rate_limit_is_respected() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    env.let_pass(2 * MINUTE).await;
    env.world().graph_settings(|settings| settings.file_units = 12);
    let rooms: Vec<_> = (0..12)
        .map(|n| (env.create_space(team, &format!("Space {n}")), format!("Space {n}")))
        .collect();
    env.let_pass(60 * MINUTE).await;
    for (room, name) in rooms {
        env.assert_linked(room, &name);
    }
    let refused = env
        .world()
        .take_calls()
        .iter()
        .filter(|call| is_sharepoint_call(call) && call.status == Some(429))
        .count();
    assert!(refused <= 3, "{refused} calls were refused");
}

#[tokio::test]
async fn lost_files_consent_does_not_affect_people() {
    let mut env = TwoTenants::with_folders(6).await;
    env.save_settings(Settings {
        alert_recipient: Some(engine::tenant::AlertRecipient::Person(
            clients::webex::WebexId::new(Default::default(), env.people[5].person),
        )),
        ..with_folders()
    })
    .await;
    let team = env.with_linked_team("Engines").await;
    env.world().remove_app(AppRegistration::Files, env.handle.directory);
    env.advance_clock(2 * 60 * MINUTE);
    let gears = env.create_space(team, "Gears");
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.world().rename_team(team, "Machines");
    env.let_pass(3 * 60 * MINUTE).await;
    env.assert_in_sync(team);
    assert_eq!(env.group().1.display_name, "Machines");
    assert_eq!(env.linked_folder(gears), None);
    let snapshot = engine::tenant::load_snapshot(env.store(), env.tenant(), &[], env.now())
        .await
        .unwrap()
        .unwrap()
        .0;
    assert!(snapshot.tenant.files.unwrap().lost.is_some());
    assert!(engine::tenant::suspension::load(env.store(), env.tenant()).await.unwrap().is_none());
    env.let_pass(DAY).await;
    let alerts = env.world().cards_to(env.people[5].person);
    assert_eq!(
        alerts.iter().filter(|message| format!("{message:?}").contains("files")).count(),
        1,
        "alerted once"
    );
    let handle = env.handle.clone();
    env.stack.consent_to_files(env.tenant(), &handle).await.unwrap();
    env.let_pass(2 * 60 * MINUTE).await;
    env.sync_now(team).await;
    env.assert_linked(gears, "Gears");
    assert!(
        notify::all(env.store(), env.tenant())
            .await
            .unwrap()
            .iter()
            .all(|alert| !message(&alert.message).contains("files"))
    );
}

#[tokio::test]
async fn failing_space_blocks_no_other() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let refused =
        Fault::new(sim::Failure::Status(400, vec![], serde_json::json!({"message": "Not now."})));
    env.world()
        .inject(refused.on(Service::Webex).method("POST").path("/room/linkedFolders").times(4));
    let [gears, cogs] = ["Gears", "Cogs"].map(|title| env.create_space(team, title));
    env.let_pass(MINUTE).await;
    let failing = env.stored_space(team, gears).await.unwrap();
    assert_eq!(failing.status, SpaceStatus::CallFailed);
    assert!(failing.said.unwrap().contains("Not now."));
    assert!(failing.next_try.is_some());
    env.let_pass(60 * MINUTE).await;
    env.assert_linked(gears, "Gears");
    env.assert_linked(cogs, "Cogs");
}

#[tokio::test]
async fn ended_link_leaves_folders_linked() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let linked = (env.linked_folder(gears), env.linked_folder(team.general_space()));
    assert_eq!(
        link::unlink(
            env.store(),
            env.tenant(),
            env.handle.directory,
            team,
            Decider::operator(env.now())
        )
        .await,
        Ok(Unlinked::Done)
    );
    env.let_pass(5 * MINUTE).await;
    assert_eq!((env.linked_folder(gears), env.linked_folder(team.general_space())), linked);
    assert_eq!(env.folder_names(), ["Engines", "Gears"]);
    assert!(folders::load(env.store(), env.tenant(), team).await.unwrap().is_none());
    assert!(folders::spaces(env.store(), env.tenant(), team).await.unwrap().is_empty());
    env.world().rename_room(gears, "Cogs");
    env.skip_week().await;
    assert_eq!(env.folder_names(), ["Engines", "Gears"]);
    assert!(folders::load(env.store(), env.tenant(), team).await.unwrap().is_none());
}

#[tokio::test]
async fn account_leaves_a_space_that_was_not_visible_meanwhile() {
    let mut env = TwoTenants::with_folders(4).await;
    let team = env.with_linked_team("Engines").await;
    let refused = Fault::status(500).on(Service::Webex).method("DELETE").path("/memberships/");
    env.world().inject(refused.times(u32::MAX));
    let gears = env.create_space(team, "Gears");
    env.let_pass(2 * MINUTE).await;
    let service_account = env.handle.service_account;
    let is_inside =
        |env: &TwoTenants| env.world().room(gears).unwrap().people.contains_key(&service_account);
    assert!(is_inside(&env), "it joined, and could not leave");

    env.world().clear_faults();
    let room = env.world().room_id(gears);
    let nothing = Failure::Status(200, vec![], serde_json::json!({"items": []}));
    let faults = [
        Fault::new(nothing).path("/rooms?teamId="),
        Fault::status(404).path(&format!("/rooms/{room}")),
        Fault::status(404).path(&format!("/memberships?roomId={room}")),
    ];
    faults.into_iter().for_each(|one| {
        env.world().inject(one.on(Service::Webex).times(u32::MAX));
    });
    env.sync_now(team).await;
    env.let_pass(30 * MINUTE).await;
    assert!(env.stored_space(team, gears).await.unwrap().joined_at.is_some(), "it is remembered");
    env.world().clear_faults();
    env.sync_now(team).await;
    env.let_pass(30 * MINUTE).await;
    assert!(!is_inside(&env), "it left");
    env.assert_linked(gears, "Gears");
}
