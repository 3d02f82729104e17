//! Each space has its folder in the group's site.

use domain::ids::{RoomId, TeamId};
use engine::folders::{self, Hindrance, Space, Standing, State, Wish};
use sandbox::{Call, DriveFolder, Fault, LinkedFolder, Service};
use store::message::{Ask, Cause};
use store::queue::Queue;
use store::table::Store;

use crate::town::{DAY, MINUTE, Town};

impl Town {
    /// A team of the first four, in step, its General space linked.
    pub(crate) async fn with_linked_team(&mut self, title: &str) -> TeamId {
        let team = self.create_team(title, &self.people[..4]);
        self.let_pass(30 * MINUTE).await;
        assert_eq!(self.standing(team, team.general_space()).await, Some(Standing::Linked));
        team
    }

    /// A further space of a team, of its creator alone.
    pub(crate) fn create_space(&self, team: TeamId, title: &str) -> RoomId {
        self.world().create_room(self.people[0].person, title, Some(team))
    }

    /// What is stored of a space.
    pub(crate) async fn space(&self, team: TeamId, room: RoomId) -> Option<Space> {
        folders::spaces(self.store(), self.tenant(), team).await.unwrap().remove(&room)
    }

    pub(crate) async fn standing(&self, team: TeamId, room: RoomId) -> Option<Standing> {
        self.space(team, room).await.map(|space| space.standing)
    }

    /// What keeps a team's folders waiting.
    pub(crate) async fn hindrance(&self, team: TeamId) -> Option<Hindrance> {
        let kept = folders::load(self.store(), self.tenant(), team).await.unwrap()?;
        kept.folders.hindrance.map(|hindered| hindered.by)
    }

    pub(crate) fn linked(&self, room: RoomId) -> Option<LinkedFolder> {
        self.world().room(room).unwrap().folder
    }

    /// The folders of the one group's library.
    pub(crate) fn drive_folders(&self) -> Vec<DriveFolder> {
        self.world().drive_folders(self.group().0)
    }

    pub(crate) fn folder_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.drive_folders().into_iter().map(|folder| folder.path).collect();
        names.sort();
        names
    }

    /// That a space keeps what is shared in it in the folder of this name, in the site of the one group, and that the officer is not in it for that.
    pub(crate) fn assert_linked(&self, room: RoomId, name: &str) {
        let linked = self.linked(room).unwrap_or_else(|| panic!("{name} is not linked"));
        let folder = self.drive_folders().into_iter().find(|folder| folder.id == linked.item);
        let folder = folder.unwrap_or_else(|| panic!("{name} is linked to no folder"));
        assert_eq!((folder.path.as_str(), linked.default.as_str()), (name, "true"));
        assert_eq!(Some(linked.drive), self.world().drive_of(self.group().0));
        let truth = self.world().room(room).unwrap();
        let is_general = truth.team.is_some_and(|team| team.general_space() == room);
        assert_eq!(
            truth.people.contains_key(&self.handle.officer),
            is_general,
            "the officer is in its team, and in no further space"
        );
    }

    /// A week in which no round came, and half an hour of rounds: the one daily look in seven has been.
    pub(crate) async fn a_week_later(&mut self) {
        self.skip(7 * DAY);
        self.let_pass(30 * MINUTE).await;
    }

    /// "Sync now" on the page of a team.
    pub(crate) async fn sync_now(&mut self, team: TeamId) {
        // What was read in this very moment would answer it.
        self.skip(MINUTE / 60);
        self.ask(team, Cause::Administrator).await;
        self.let_pass(MINUTE).await;
    }

    /// "Link again" on the page of a team.
    pub(crate) async fn link_again(&mut self, team: TeamId, room: RoomId) {
        self.skip(MINUTE / 60);
        let writes = folders::want(self.tenant(), team, &Wish::Again(room), self.now()).unwrap();
        self.store().write(writes).await.unwrap();
        let message = self.wish(Ask::Folders { team }, Cause::Administrator);
        self.house.ground().queue.send_all(&[message]).await.unwrap();
        self.let_pass(MINUTE).await;
    }
}

pub(crate) fn is_sharepoints(call: &Call) -> bool {
    call.service == Service::Graph && (call.path.starts_with("/v1.0/drives") || call.path.contains("/drive?"))
}

/// Folders and links have no moderators that could be wronged: people are in step, and nothing waits in a dead letter.
fn assert_all_well(town: &Town, team: TeamId) {
    town.assert_in_step(team);
}

#[tokio::test]
async fn the_spaces_of_a_new_team_get_their_folders_when_the_site_is_there() {
    let mut town = Town::with_folders(6).await;
    town.world().graph_settings(|settings| settings.site_delay = std::time::Duration::from_secs(6 * 3600));
    let team = town.create_team("Engines", &town.people[..4]);
    let gears = town.create_space(team, "Gears");
    town.let_pass(30 * MINUTE).await;
    assert_all_well(&town, team);
    assert_eq!(town.hindrance(team).await, Some(Hindrance::NoSite));
    assert_eq!(town.linked(team.general_space()), None);
    // Nothing of it is in the way of people.
    town.world().add_to_team(team, town.people[4].person, sandbox::Role::Member).unwrap();
    town.let_pass(MINUTE).await;
    assert_all_well(&town, team);
    town.world().take_calls();
    town.let_pass(5 * 60 * MINUTE).await;
    let asked = town.world().take_calls().iter().filter(|call| is_sharepoints(call)).count();
    assert!((3..=6).contains(&asked), "the pauses grow: {asked} calls in five hours");
    town.let_pass(4 * 60 * MINUTE).await;
    assert_eq!(town.hindrance(team).await, None);
    town.assert_linked(team.general_space(), "Engines");
    town.assert_linked(gears, "Gears");
    assert_eq!(town.folder_names(), ["Engines", "Gears"]);
    assert_all_well(&town, team);
}

#[tokio::test]
async fn a_site_that_is_missing_for_a_day_is_told() {
    let mut town = Town::with_folders(4).await;
    town.world().graph_settings(|settings| settings.site_delay = std::time::Duration::from_secs(3 * 86_400));
    let team = town.create_team("Engines", &town.people[..4]);
    town.let_pass(3 * 60 * MINUTE).await;
    let told = |notices: Vec<engine::notify::Notice>| {
        notices.into_iter().filter(|notice| notice.text.contains("site")).count()
    };
    assert_eq!(told(engine::notify::all(town.store(), town.tenant()).await.unwrap()), 0);
    town.let_pass(2 * DAY).await;
    assert_eq!(told(engine::notify::all(town.store(), town.tenant()).await.unwrap()), 1);
    town.let_pass(2 * DAY).await;
    town.assert_linked(team.general_space(), "Engines");
    assert_eq!(told(engine::notify::all(town.store(), town.tenant()).await.unwrap()), 0);
}

#[tokio::test]
async fn a_new_space_of_a_team_gets_its_folder_within_seconds_where_webex_tells_of_it() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.world().create_room(town.people[0].person, "Gears", None);
    town.world().move_room(gears, team).unwrap();
    town.let_pass(MINUTE / 6).await;
    town.assert_linked(gears, "Gears");
    town.let_pass(30 * MINUTE).await;
    assert_all_well(&town, team);
}

#[tokio::test]
async fn without_a_webhook_a_new_space_gets_its_folder_with_the_next_round() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    town.world().webex_settings(|settings| settings.deliveries_lost = 100);
    let gears = town.create_space(team, "Gears");
    town.let_pass(3 * MINUTE).await;
    town.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn a_new_space_that_cannot_be_seen_at_once_has_its_folder_minutes_later() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    let path = format!("/rooms/{}", town.world().room_id(gears));
    // Who routes the hint sees it; the look at the folders, and the one after it, do not.
    town.world().fault(Fault::status(404).on(Service::Webex).method("GET").path(&path).skip(1).times(2));
    town.let_pass(20 * MINUTE).await;
    town.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn a_space_that_was_looked_for_in_vain_is_forgotten_and_asked_for_no_more() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    let path = format!("/rooms/{}", town.world().room_id(gears));
    town.world().fault(Fault::status(404).on(Service::Webex).method("GET").path(&path).skip(1).times(u32::MAX));
    town.let_pass(60 * MINUTE).await;
    assert_eq!(town.space(team, gears).await, None);
    town.world().take_calls();
    town.let_pass(DAY).await;
    assert!(!town.world().take_calls().iter().any(|call| call.path.contains(&path)));
}

#[tokio::test]
async fn a_folder_that_is_once_not_found_by_its_id_keeps_its_files() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    let before = town.linked(gears).unwrap().item;
    town.world().fault(Fault::status(404).on(Service::Graph).method("GET").path(&format!("/items/{before}")));
    town.world().rename_room(gears, "Wheels");
    town.let_pass(20 * MINUTE).await;
    assert_eq!(town.linked(gears).unwrap().item, before);
    assert_eq!(town.folder_names(), ["Engines", "Wheels"]);
}

#[tokio::test]
async fn spaces_that_were_there_before_are_linked_when_folders_are_switched_on() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Engines", &town.people[..4]);
    let gears = town.create_space(team, "Gears");
    town.let_pass(30 * MINUTE).await;
    assert_eq!(town.linked(gears), None);
    assert!(!town.world().take_calls().iter().any(is_sharepoints));
    let handle = town.handle.clone();
    town.house.consent_to_files(town.tenant(), &handle).await.unwrap();
    town.set(engine::tenant::Settings { folders: engine::tenant::Folders::EachSpace, ..crate::town::every_team() })
        .await;
    engine::reconcile::look_at_every_link(town.store(), town.tenant(), town.now()).await.unwrap();
    town.let_pass(5 * MINUTE).await;
    town.assert_linked(team.general_space(), "Engines");
    town.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn a_renamed_space_renames_its_folder() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    let before = town.linked(gears).unwrap();
    town.world().rename_room(gears, "Gears: large/small");
    town.let_pass(MINUTE / 6).await;
    town.assert_linked(gears, "Gears- large-small");
    assert_eq!(town.linked(gears).unwrap().item, before.item, "it is the same folder");
    // The team's name is that of its General space.
    town.world().rename_team(team, "Machines");
    town.let_pass(MINUTE).await;
    town.assert_linked(team.general_space(), "Machines");
    assert_eq!(town.linked(team.general_space()).unwrap().name, "Machines");
    town.let_pass(30 * MINUTE).await;
    assert_all_well(&town, team);
}

#[tokio::test]
async fn a_folder_that_a_person_renamed_is_followed() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    let item = town.linked(gears).unwrap().item;
    town.world().rename_drive_folder(town.group().0, &item, "All our gears");
    town.sync_now(team).await;
    assert_eq!(town.folder_names(), ["All our gears", "Engines"]);
    assert_eq!(town.world().room(gears).unwrap().title, "Gears", "the space keeps its own title");
    assert_eq!(town.space(team, gears).await.unwrap().folder.unwrap().name, "All our gears");
    town.a_week_later().await;
    assert_eq!(town.folder_names(), ["All our gears", "Engines"]);
    // The space's next name is the folder's again.
    town.world().rename_room(gears, "Cogs");
    town.let_pass(MINUTE).await;
    town.assert_linked(gears, "Cogs");
}

#[tokio::test]
async fn where_both_were_renamed_the_tenants_side_has_the_last_word() {
    for (last_word, name) in [(domain::membership::Side::Group, "Ours"), (domain::membership::Side::Team, "Theirs")] {
        let mut town = Town::with_folders(4).await;
        let settings = engine::tenant::Settings {
            folders: engine::tenant::Folders::EachSpace,
            last_word,
            ..crate::town::every_team()
        };
        town.set(settings).await;
        let team = town.with_linked_team("Engines").await;
        let gears = town.create_space(team, "Gears");
        town.let_pass(MINUTE).await;
        let item = town.linked(gears).unwrap().item;
        town.world().rename_drive_folder(town.group().0, &item, "Ours");
        town.world().rename_room(gears, "Theirs");
        town.let_pass(MINUTE).await;
        town.assert_linked(gears, name);
        town.a_week_later().await;
        town.assert_linked(gears, name);
    }
}

#[tokio::test]
async fn a_rename_that_meets_a_persons_is_compared_anew() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    let conflict = serde_json::json!({"error": {"code": "resourceModified", "message": "ETag does not match current item's value."}});
    town.world().fault(
        Fault::new(sandbox::Failure::Status(412, vec![], conflict)).on(Service::Graph).method("PATCH").path("/drives"),
    );
    town.world().rename_room(gears, "Cogs");
    town.let_pass(MINUTE).await;
    town.assert_linked(gears, "Cogs");
}

#[tokio::test]
async fn a_folder_that_was_deleted_is_made_anew_and_linked_again() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    for room in [gears, team.general_space()] {
        let before = town.linked(room).unwrap();
        town.world().delete_drive_folder(town.group().0, &before.item);
        town.sync_now(team).await;
        town.assert_linked(room, &before.name);
        assert_ne!(town.linked(room).unwrap().item, before.item);
    }
    assert_eq!(town.folder_names(), ["Engines", "Gears"]);
    // Nobody has to ask: one daily look in seven finds it.
    let before = town.linked(gears).unwrap();
    town.world().delete_drive_folder(town.group().0, &before.item);
    town.a_week_later().await;
    town.assert_linked(gears, "Gears");
    assert_all_well(&town, team);
}

#[tokio::test]
async fn a_link_that_a_person_removed_stays_removed() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let (general, gears) = (team.general_space(), town.create_space(team, "Gears"));
    town.let_pass(MINUTE).await;
    town.world().unlink_folder(general);
    town.sync_now(team).await;
    assert_eq!(town.standing(team, general).await, Some(Standing::Unlinked));
    // What is linked in a space that the officer is not in is read when there is a reason to step in.
    town.world().unlink_folder(gears);
    town.world()
        .delete_drive_folder(town.group().0, &town.space(team, gears).await.unwrap().folder.unwrap().item.to_string());
    town.sync_now(team).await;
    assert_eq!(town.standing(team, gears).await, Some(Standing::Unlinked));
    town.a_week_later().await;
    assert_eq!((town.linked(general), town.linked(gears)), (None, None));
    assert_eq!(town.folder_names(), ["Engines"], "and no folder is made for it");
    assert!(!town.world().room(gears).unwrap().people.contains_key(&town.handle.officer));
    // Until an administrator wants it again.
    town.link_again(team, general).await;
    town.link_again(team, gears).await;
    town.assert_linked(general, "Engines");
    town.assert_linked(gears, "Gears");
}

#[tokio::test]
async fn a_link_that_never_took_is_repaired() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let taken = serde_json::json!({"id": "Y2lzY29zcGFyazovL3VzL1RBQlMvMQ"});
    let lost = Fault::new(sandbox::Failure::Status(200, vec![], taken))
        .on(Service::Webex)
        .method("POST")
        .path("/room/linkedFolders");
    town.world().fault(lost);
    let gears = town.create_space(team, "Gears");
    while town.standing(team, gears).await.is_none() {
        town.let_pass(MINUTE / 12).await;
    }
    assert_eq!(town.standing(team, gears).await, Some(Standing::DidNotTake));
    assert_eq!(town.space(team, gears).await.unwrap().standing.state(), State::Failing);
    town.let_pass(5 * MINUTE).await;
    town.assert_linked(gears, "Gears");
    assert_eq!(town.folder_names(), ["Engines", "Gears"]);
}

#[tokio::test]
async fn a_folder_that_is_there_is_adopted() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let there = town.world().make_drive_folder(town.group().0, "gears").unwrap();
    let gears = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    assert_eq!(town.linked(gears).unwrap().item, there);
    assert_eq!(town.folder_names(), ["Engines", "gears"], "and never gets a sibling");
}

#[tokio::test]
async fn two_spaces_of_one_title_have_two_folders() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let first = town.create_space(team, "Gears");
    town.let_pass(2 * MINUTE).await;
    let second = town.create_space(team, "GEARS");
    town.let_pass(MINUTE).await;
    town.assert_linked(first, "Gears");
    let name = format!("GEARS ({})", &second.0.simple().to_string()[..6]);
    town.assert_linked(second, &name);
    // A title that another space's folder has by now.
    let third = town.create_space(team, "Cogs");
    town.let_pass(MINUTE).await;
    town.world().rename_room(third, "Gears");
    town.let_pass(MINUTE).await;
    town.assert_linked(third, &format!("Gears ({})", &third.0.simple().to_string()[..6]));
}

#[tokio::test]
async fn titles_that_are_no_names_give_names_that_last() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
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
        let room = town.create_space(team, title);
        town.let_pass(MINUTE).await;
        town.assert_linked(room, name);
    }
    let names = town.folder_names();
    town.sync_now(team).await;
    assert_eq!(town.folder_names(), names);
    town.world().take_calls();
    town.sync_now(team).await;
    let writes = town.world().take_calls().into_iter().filter(|call| is_sharepoints(call) && call.method != "GET");
    assert_eq!(writes.count(), 0, "nothing is renamed twice");
}

#[tokio::test]
async fn running_twice_changes_nothing() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    let gears = town.create_space(team, "Gears");
    town.let_pass(30 * MINUTE).await;
    let (before, folders) = (town.space(team, gears).await.unwrap(), town.drive_folders());
    town.world().take_calls();
    town.sync_now(team).await;
    let writes = town.world().take_calls().into_iter().filter(|call| {
        call.kind == sandbox::Kind::Write
            && (is_sharepoints(call) || call.path.contains("linkedFolders") || call.path.contains("memberships"))
    });
    assert_eq!(writes.map(|call| call.path).collect::<Vec<_>>(), Vec::<String>::new());
    let after = town.space(team, gears).await.unwrap();
    assert_eq!((after.folder, after.link, after.standing), (before.folder, before.link, before.standing));
    assert_eq!(town.drive_folders(), folders);
}

#[tokio::test]
async fn a_team_in_step_costs_no_call_of_sharepoints_for_six_days() {
    let mut town = Town::with_folders(4).await;
    let team = town.with_linked_team("Engines").await;
    town.create_space(team, "Gears");
    town.let_pass(60 * MINUTE).await;
    town.world().take_calls();
    town.let_pass(6 * DAY).await;
    assert_eq!(town.world().take_calls().iter().filter(|call| is_sharepoints(call)).count(), 0);
    town.let_pass(DAY + 60 * MINUTE).await;
    let calls = town.world().take_calls();
    assert_eq!(calls.iter().filter(|call| is_sharepoints(call)).count(), 2, "one for each folder, once in seven days");
    assert!(
        !calls.iter().any(|call| call.method == "POST" && call.path.contains("/memberships")),
        "and nobody joins a space for it"
    );
}

#[tokio::test]
async fn in_preview_mode_nothing_of_it_is_done() {
    let mut town = Town::with_folders(4).await;
    let preview = engine::tenant::Settings {
        folders: engine::tenant::Folders::EachSpace,
        running: engine::tenant::Running::Preview,
        ..crate::town::every_team()
    };
    town.set(preview).await;
    town.create_team("Engines", &town.people[..4]);
    town.let_pass(60 * MINUTE).await;
    assert!(!town.world().take_calls().iter().any(is_sharepoints));
}
