//! What comes to an end, what is taken away, and who is told of it.

use clients::webex::WebexId;
use domain::ids::TeamId;
use engine::link::{Ended, Phase};
use engine::notify;
use engine::reconcile;
use engine::tenant;
use engine::tenant::settings::{Folders, GroupDeleted, Settings, TeamDeleted, Told};
use engine::tenant::suspension::{self, Why};
use jiff::SignedDuration;
use sandbox::{AdminRole, Fault, Registration, Role, Service};
use serde_json::json;
use store::message::Cause;
use store::secrets::Secrets;

use crate::town::{DAY, MINUTE, Town, every_team};

const SIX: SignedDuration = SignedDuration::from_mins(6);

/// A town whose first person is told.
async fn told_town(people: usize) -> Town {
    let town = Town::of(people).await;
    let first = WebexId::new(Default::default(), town.people[0].person);
    town.set(Settings { told: Some(Told::Person(first)), ..every_team() }).await;
    town
}

fn told(town: &Town) -> Vec<String> {
    town.world().cards_to(town.people[0].person).into_iter().map(|card| card.markdown).collect()
}

async fn standstill(town: &Town) -> Option<Why> {
    suspension::load(town.store(), town.tenant()).await.unwrap().map(|standstill| standstill.why)
}

/// Somebody leaves and somebody joins, on both sides.
fn changes(town: &Town, team: TeamId) {
    let (group, _) = town.group();
    town.world().remove_from_team(team, town.people[1].person).unwrap();
    town.world().add_member(group, town.people[5].object);
}

fn writes_of_the_tenant(town: &Town) -> usize {
    let theirs = [Some(town.handle.org.0), Some(town.handle.directory.0)];
    let calls = town.world().take_calls();
    let writes = calls.iter().filter(|call| theirs.contains(&call.owner) && call.kind == sandbox::Kind::Write);
    // Telling somebody is no change.
    writes.filter(|call| !call.path.starts_with("/v1/messages")).count()
}

async fn a_tenant_stands_still_and_goes_on(why: Why, take: impl Fn(&Town), give_back: impl Fn(&Town), can_tell: bool) {
    let mut town = told_town(6).await;
    let team = town.create_team("Still", &town.people[..5]);
    let newcomer = town.world().add_person(&town.other, "Newcomer");
    let theirs = town.world().create_team(town.neighbour.person, "Neighbours");
    town.let_pass(40 * MINUTE).await;
    let before = told(&town).len();
    take(&town);
    town.let_pass(2 * SIX).await;
    assert_eq!(standstill(&town).await, Some(why));
    town.world().take_calls();
    changes(&town, team);
    town.world().add_to_team(theirs, newcomer.person, Role::Member).unwrap();
    town.let_pass(2 * 60 * MINUTE).await;
    assert_eq!(writes_of_the_tenant(&town), 0, "nothing is written");
    let team_now = town.world().team(team).unwrap();
    assert!(
        team_now.people.contains_key(&town.people[2].person) && town.group().1.members.len() >= 5,
        "nobody is gone"
    );
    let neighbours = town.world().groups(town.other.directory).into_values().next().unwrap();
    assert!(neighbours.members.contains(&newcomer.object), "the neighbours go on");
    if can_tell {
        let told = told(&town);
        assert_eq!(told.len(), before + 1, "told once: {told:#?}");
        assert!(told[before].contains(why.line()), "{told:#?}");
    }
    give_back(&town);
    town.let_pass(40 * MINUTE).await;
    assert_eq!(standstill(&town).await, None);
    assert!(town.kept(team).await.unwrap().link.trouble.is_none());
    town.assert_in_step(team);
    if can_tell {
        let told = told(&town);
        assert_eq!(told.len(), before + 2, "and that it goes on: {told:#?}");
        assert!(told[before + 1].contains("works again"));
        assert!(notify::all(town.store(), town.tenant()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_officer_who_is_no_compliance_officer_any_more_removes_nobody_and_changes_nothing() {
    a_tenant_stands_still_and_goes_on(
        Why::ComplianceRoleLost,
        |town| town.world().take_role(town.handle.officer, AdminRole::ComplianceOfficer),
        |town| town.world().give_role(town.handle.officer, AdminRole::ComplianceOfficer),
        true,
    )
    .await;
}

#[tokio::test]
async fn an_officer_who_may_not_read_people_any_more_changes_nothing() {
    a_tenant_stands_still_and_goes_on(
        Why::AdministratorRoleLost,
        |town| town.world().take_role(town.handle.officer, AdminRole::ReadOnlyAdmin),
        |town| town.world().give_role(town.handle.officer, AdminRole::ReadOnlyAdmin),
        true,
    )
    .await;
}

#[tokio::test]
async fn without_consent_nothing_is_changed_and_others_go_on() {
    a_tenant_stands_still_and_goes_on(
        Why::ConsentLost,
        |town| town.world().withdraw_consent(town.handle.directory),
        |town| {
            let roles = ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"];
            town.world().consent(town.handle.directory, &roles);
        },
        true,
    )
    .await;
}

#[tokio::test]
async fn an_officer_who_is_signed_out_can_tell_nobody_and_goes_on_when_connected_again() {
    let mut town = told_town(6).await;
    let team = town.create_team("Signed out", &town.people[..5]);
    town.let_pass(40 * MINUTE).await;
    town.world().revoke_tokens(town.handle.officer);
    town.let_pass(2 * SIX).await;
    assert_eq!(standstill(&town).await, Some(Why::OfficerSignedOut));
    let notices = notify::all(town.store(), town.tenant()).await.unwrap();
    assert!(
        notices.iter().any(|notice| notice.text.contains(Why::OfficerSignedOut.line()) && notice.told_at.is_none())
    );
    changes(&town, team);
    let pair = town.world().issue_tokens(town.handle.officer, sandbox::OFFICER_SCOPES);
    town.keep_pair(pair).await;
    town.let_pass(40 * MINUTE).await;
    assert_eq!(standstill(&town).await, None);
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_refusal_that_passes_stops_nobody() {
    let mut town = told_town(6).await;
    let team = town.create_team("Hiccup", &town.people[..5]);
    town.let_pass(40 * MINUTE).await;
    town.world().fault(Fault::status(403).on(Service::Webex).path("/events"));
    town.world().fault(Fault::status(401).on(Service::Graph).path("/groups/delta"));
    town.world().fault(Fault::status(503).on(Service::Webex).path("/identity").times(10));
    changes(&town, team);
    town.let_pass(3 * SIX).await;
    assert_eq!(standstill(&town).await, None);
    town.assert_in_step(team);
    assert_eq!(told(&town), Vec::<String>::new());
}

#[tokio::test]
async fn a_held_plan_and_a_link_that_fails_for_an_hour_are_told_once_each() {
    let mut town = told_town(20).await;
    let held = town.create_team("Held", &town.people);
    let failing = town.create_team("Failing", &town.people[..3]);
    town.let_pass(40 * MINUTE).await;
    let group =
        town.world().groups(town.handle.directory).into_iter().find(|(_, g)| g.display_name == "Held").unwrap().0;
    town.people[2..18].iter().for_each(|one| town.world().remove_member(group, one.object));
    let room = town.world().room_id(failing.general_space());
    town.world()
        .fault(Fault::status(500).on(Service::Webex).path(&format!("/memberships?roomId={room}")).times(100_000));
    town.ask(failing, Cause::Administrator).await;
    town.let_pass(3 * 60 * MINUTE).await;
    let told = told(&town);
    assert_eq!(told.iter().filter(|text| text.contains("“Held”")).count(), 1, "{told:#?}");
    assert_eq!(told.iter().filter(|text| text.contains("“Failing”")).count(), 1, "{told:#?}");
    assert!(told.iter().all(|text| text.contains("https://functions.example/teams/")), "with a link to the page");
    assert_eq!(notify::all(town.store(), town.tenant()).await.unwrap().len(), 2);
    town.world().clear_faults();
    town.apply_held(held).await;
    town.let_pass(3 * 60 * MINUTE).await;
    assert_eq!(notify::all(town.store(), town.tenant()).await.unwrap().len(), 0, "withdrawn when it is over");
    assert_eq!(town.world().cards_to(town.people[0].person).len(), told.len());
}

#[tokio::test]
async fn a_message_that_could_not_be_sent_is_sent_later_and_once() {
    let mut town = told_town(6).await;
    town.create_team("Untold", &town.people[..3]);
    town.let_pass(40 * MINUTE).await;
    town.world().fault(Fault::status(502).on(Service::Webex).path("/messages").times(3));
    town.world().withdraw_consent(town.handle.directory);
    town.let_pass(60 * MINUTE).await;
    assert_eq!(told(&town).len(), 1);
}

#[tokio::test]
async fn a_secret_near_its_end_is_told() {
    let mut town = told_town(3).await;
    let app = &town.handle.microsoft_app;
    let ends_at = (town.now() + 20 * DAY).to_string();
    let secret = json!({"client_id": app.client_id, "client_secret": app.client_secret, "ends_at": ends_at});
    town.house.ground().secrets.put("sandbox/microsoft-app", secret.to_string().into()).await.unwrap();
    town.let_pass(3 * 60 * MINUTE).await;
    let told = told(&town);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("signs in to Microsoft 365 ends soon"));
    assert_eq!(standstill(&town).await, None, "nothing stops for that");
}

#[tokio::test]
async fn a_group_with_nearly_a_hundred_owners_is_told() {
    let mut town = told_town(97).await;
    let team = town.create_team("Chiefs", &town.people[..2]);
    town.people[2..].iter().for_each(|one| town.world().add_to_team(team, one.person, Role::Moderator).unwrap());
    town.let_pass(2 * 60 * MINUTE).await;
    let told = told(&town);
    assert_eq!(told.iter().filter(|text| text.contains("owners")).count(), 1, "{told:#?}");
}

#[tokio::test]
async fn by_setting_the_group_of_a_deleted_team_goes_with_it_while_other_teams_answer() {
    let mut town = Town::with(4, Settings { on_team_deleted: TeamDeleted::DeleteGroup, ..every_team() }).await;
    let other = town.create_team("Other", &town.people);
    let team = town.create_team("Gone", &town.people);
    town.let_pass(40 * MINUTE).await;
    let group = town.kept(team).await.unwrap().link.group().unwrap();
    town.world().delete_team(team);
    town.ask(team, Cause::Administrator).await;
    town.let_pass(60 * MINUTE).await;
    assert!(matches!(town.kept(team).await.unwrap().link.phase, Phase::Ended { why: Ended::TeamDeleted }));
    assert!(town.world().group(group).is_none_or(|group| group.deleted.is_some()), "it can be restored for 30 days");
    // The last team does not prove that teams can be seen at all.
    let last = town.kept(other).await.unwrap().link.group().unwrap();
    town.world().delete_team(other);
    town.ask(other, Cause::Administrator).await;
    town.let_pass(3 * 60 * MINUTE).await;
    assert!(town.world().group(last).is_some_and(|group| group.deleted.is_none()));
    town.assert_clean();
}

#[tokio::test]
async fn by_setting_a_group_that_was_deleted_stays_so() {
    let mut town = Town::with(4, Settings { on_group_deleted: GroupDeleted::EndLink, ..every_team() }).await;
    let team = town.create_team("Ended", &town.people);
    town.let_pass(40 * MINUTE).await;
    let (group, _) = town.group();
    town.world().delete_group(group);
    town.let_pass(60 * MINUTE).await;
    assert!(matches!(town.kept(team).await.unwrap().link.phase, Phase::Ended { why: Ended::GroupDeleted }));
    assert!(town.world().group(group).is_none_or(|group| group.deleted.is_some()));
}

#[tokio::test]
async fn a_listing_that_broke_off_halfway_removes_nobody_on_either_side() {
    for (service, path) in [(Service::Webex, "cursor="), (Service::Graph, "$skiptoken")] {
        let mut town = Town::of(12).await;
        let team = town.create_team("Pages", &town.people);
        town.let_pass(40 * MINUTE).await;
        town.world().webex_settings(|settings| settings.page_limit = 5);
        town.world().graph_settings(|settings| settings.page_limit = 5);
        town.world().fault(Fault::status(503).on(service).path(path).times(60));
        town.ask(team, Cause::Administrator).await;
        town.let_pass(60 * MINUTE).await;
        town.world().clear_faults();
        town.let_pass(60 * MINUTE).await;
        town.assert_in_step(team);
        assert_eq!(town.group().1.members.len(), 12);
    }
}

#[tokio::test]
async fn the_secret_of_the_app_for_files_near_its_end_is_told() {
    let mut town = told_town_with_folders(3).await;
    let app = &town.handle.files_app;
    let ends_at = (town.now() + 20 * DAY).to_string();
    let secret = json!({"client_id": app.client_id, "client_secret": app.client_secret, "ends_at": ends_at});
    town.house.ground().secrets.put("sandbox/files-app", secret.to_string().into()).await.unwrap();
    town.let_pass(3 * 60 * MINUTE).await;
    let told = told(&town);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("signs in to Microsoft 365 for folders ends soon"));
}

async fn told_town_with_folders(people: usize) -> Town {
    let town = Town::with_folders(people).await;
    let first = WebexId::new(Default::default(), town.people[0].person);
    let folders = Folders::EachSpace;
    town.set(Settings { told: Some(Told::Person(first)), folders, ..every_team() }).await;
    town
}

async fn lost(town: &Town) -> Option<Why> {
    let at_hand = tenant::at_hand(town.store(), town.tenant(), &[], town.now()).await.unwrap().unwrap().0;
    let why = at_hand.tenant.files.as_ref().unwrap().lost.as_ref().map(|lost| lost.why);
    assert_eq!(why.is_none(), at_hand.tenant.has_folders(&at_hand.settings));
    why
}

/// What is lost for files is told once, and people and names go on.
async fn files_alone_stand_still(town: &mut Town, why: Why, give_back: impl AsyncFn(&Town)) {
    let team = town.create_team("Going on", &town.people[..5]);
    town.let_pass(40 * MINUTE).await;
    assert_eq!((lost(town).await, standstill(town).await), (Some(why), None));
    let said = told(town);
    assert_eq!(said.len(), 1, "told once: {said:#?}");
    assert!(said[0].contains("People and names go on") && said[0].contains("/folders"), "{said:#?}");
    let report = reconcile::last_report(town.store(), town.tenant()).await.unwrap().unwrap();
    assert_eq!(report.troubles, Vec::<String>::new(), "it is known, and no trouble of every round");
    changes(town, team);
    town.let_pass(20 * MINUTE).await;
    town.assert_in_step(team);
    give_back(town).await;
    town.let_pass(2 * SIX).await;
    assert_eq!((lost(town).await, standstill(town).await), (None, None));
    assert_eq!(told(town).len(), 1);
    assert_eq!(notify::all(town.store(), town.tenant()).await.unwrap(), []);
}

#[tokio::test]
async fn a_lost_consent_to_files_stops_folders_alone_until_the_directory_consents_again() {
    let mut town = told_town_with_folders(6).await;
    town.world().remove_app(Registration::Files, town.handle.directory);
    let grant = async |town: &Town| {
        town.world().consent_to(Registration::Files, town.handle.directory, &["Files.ReadWrite.All"]);
    };
    files_alone_stand_still(&mut town, Why::ConsentLost, grant).await;
}

#[tokio::test]
async fn a_permission_for_files_that_was_taken_away_stops_folders_alone() {
    let mut town = told_town_with_folders(6).await;
    town.let_pass(2 * SIX).await;
    town.world().consent_to(Registration::Files, town.handle.directory, &[]);
    // The token in use keeps its roles until it ends.
    town.let_pass(90 * MINUTE).await;
    let grant = async |town: &Town| {
        town.world().consent_to(Registration::Files, town.handle.directory, &["Files.ReadWrite.All"]);
    };
    files_alone_stand_still(&mut town, Why::ConsentLost, grant).await;
}

#[tokio::test]
async fn an_app_for_files_that_the_deployment_lost_stops_folders_alone() {
    let mut town = told_town_with_folders(6).await;
    let secrets = town.house.ground().secrets.clone();
    let kept = secrets.get("sandbox/files-app").await.unwrap().unwrap();
    secrets.delete("sandbox/files-app").await.unwrap();
    let give_back = async |_: &Town| secrets.put("sandbox/files-app", kept.clone()).await.unwrap();
    files_alone_stand_still(&mut town, Why::OwnCredential, give_back).await;
}
