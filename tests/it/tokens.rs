//! Tokens: refreshed by one, kept, and sent nowhere else.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::graph::TokenErrorKind;
use clients::http::{Deadline, Transport, TransportError};
use domain::ids::GroupId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::TokensError;
use engine::link::State;
use jiff::SignedDuration;
use sandbox::house::{House, Reach};
use sandbox::{Call, Failure, Fault, Role, Service};
use serde_json::{Value, json};
use store::message::{Ask, Cause};
use store::queue::Queue;
use store::secrets::Secrets;

use crate::town::{DAY, MINUTE, Town};

/// Lets others go first before each call, as a net does.
struct Net(Arc<dyn Transport>);

#[async_trait]
impl Transport for Net {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        tokio::task::yield_now().await;
        let answer = self.0.send(request, timeout).await;
        tokio::task::yield_now().await;
        answer
    }
}

/// The functions start anew, over a net.
fn restart(town: &mut Town) {
    let ground = town.house.ground().clone();
    let transport = Arc::new(Net(ground.world.transport()));
    let reach = Reach { transport, ..Reach::to(&ground) };
    let tenants = town.house.tenants().to_vec();
    town.house = House::reaching_out(&ground, reach).unwrap();
    town.house.take_over(&tenants);
}

fn refreshes(town: &Town) -> Vec<Call> {
    let calls = town.world().calls().into_iter();
    calls.filter(|call| call.service == Service::Webex && call.path.contains("access_token")).collect()
}

#[tokio::test]
async fn an_ended_token_is_refreshed_once_by_two_looks_at_once_and_both_tokens_are_kept() {
    let mut town = Town::of(4).await;
    let teams = ["One", "Two"].map(|title| town.create_team(title, &town.people[..3]));
    town.let_pass(60 * MINUTE).await;
    restart(&mut town);
    for round in 1..=3 {
        // The officer's access token lives 14 days.
        town.skip(SignedDuration::from_hours(14 * 24));
        town.world().take_calls();
        for team in teams {
            let there = town.world().team(team).unwrap().people.contains_key(&town.people[3].person);
            if there {
                town.world().remove_from_team(team, town.people[3].person).unwrap();
            } else {
                town.world().add_to_team(team, town.people[3].person, Role::Member).unwrap();
            }
        }
        let wishes = teams.map(|team| town.wish(Ask::Team { team, region: None }, Cause::WebexWebhook));
        let queue = town.house.ground().queue.clone();
        queue.send_all(&wishes).await.unwrap();
        let received = queue.receive(10);
        assert_eq!(received.len(), 2);
        town.house.invoke_sync(received).await;
        let told = refreshes(&town);
        assert_eq!(told.len(), 1, "round {round}: {told:#?}");
        town.let_pass(10 * MINUTE).await;
        let of_neighbours = 1;
        assert!(refreshes(&town).len() <= 1 + of_neighbours, "round {round}");
        for team in teams {
            let title = town.world().team(team).unwrap().title;
            let groups = town.world().groups(town.handle.directory);
            town.assert_are_one(team, groups.values().find(|group| group.display_name == title).unwrap());
        }
    }
    let end = town.now() + DAY;
    while town.now() < end && town.house.step(end).await {}
    town.assert_clean();
}

#[tokio::test]
async fn a_refused_refresh_makes_the_link_wait_and_removes_nobody() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Revoked", &town.people);
    town.let_pass(60 * MINUTE).await;
    town.world().revoke_tokens(town.handle.officer);
    town.world().remove_from_team(team, town.people[3].person).unwrap();
    town.let_pass(20 * DAY).await;
    assert_eq!(town.group().1.members.len(), 4);
    assert_eq!(town.kept(team).await.unwrap().link.state(), State::Failing);
    town.assert_clean();
}

/// `failure` strikes once while a team of four is looked at; nobody is removed, and nothing is sent to anybody else.
async fn a_foreign_address_gets_nothing(fault: Fault) {
    let mut town = Town::of(5).await;
    let team = town.create_team("Foreign", &town.people[..4]);
    town.let_pass(60 * MINUTE).await;
    town.world().fault(fault);
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    town.handle(&town.wish(Ask::Team { team, region: None }, Cause::WebexWebhook)).await;
    assert_eq!(town.kept(team).await.unwrap().link.state(), State::Failing, "the fault struck");
    assert_eq!(town.group().1.members.len(), 4);
    town.let_pass(60 * MINUTE).await;
    town.assert_in_step(team);
}

fn page_of_nobody(next: &str) -> Value {
    json!({"value": [], "@odata.nextLink": next})
}

#[tokio::test]
async fn a_next_link_of_graph_to_another_host_never_gets_the_token() {
    for link in ["https://evil.example/v1.0/groups", "http://graph.microsoft.com/v1.0/groups", "//evil.example/x"] {
        let answer = Failure::BatchItem(200, vec![], page_of_nobody(link));
        a_foreign_address_gets_nothing(Fault::new(answer).path("/members")).await;
    }
}

#[tokio::test]
async fn a_next_page_of_webex_on_another_host_never_gets_the_token() {
    let link = vec![("Link".into(), "<https://evil.example/v1/memberships?cursor=x>; rel=\"next\"".into())];
    let answer = Failure::Status(200, link, json!({"items": []}));
    a_foreign_address_gets_nothing(Fault::new(answer).on(Service::Webex).path("/memberships")).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for (service, path) in [(Service::Webex, "/teams/"), (Service::Graph, "$batch")] {
        let location = vec![("Location".into(), "https://evil.example/".into())];
        let answer = Failure::Status(302, location, Value::Null);
        a_foreign_address_gets_nothing(Fault::new(answer).on(service).path(path)).await;
    }
}

/// What somebody was told of whom he asked for a token.
fn asked_for_files(town: &Town) -> usize {
    let calls = town.world().take_calls().into_iter();
    calls.filter(|call| call.service == Service::Entra && call.path.contains("/oauth2/v2.0/token")).count()
}

#[tokio::test]
async fn the_app_for_files_has_access_of_its_own_which_is_forgotten_with_the_other() {
    let town = Town::with_folders(2).await;
    let (sync, directory) = (town.house.sync(), town.handle.directory);
    let deadline = Deadline(town.now() + MINUTE);
    let no_such_group = GroupId(uuid::Uuid::from_u128(7));
    asked_for_files(&town);
    for _ in 0..2 {
        let files = sync.tokens.files(directory, deadline).await.unwrap();
        // What consents to files are for, and no more.
        let refused = sync.graph.group(&files, no_such_group).await.unwrap_err();
        assert_eq!(refused.status(), Some(403));
        let groups = sync.tokens.graph(directory, deadline).await.unwrap();
        assert_eq!(sync.graph.group(&groups, no_such_group).await.unwrap(), None);
    }
    assert_eq!(asked_for_files(&town), 2, "one token each");
    sync.tokens.forget(town.tenant(), directory);
    sync.tokens.files(directory, deadline).await.unwrap();
    sync.tokens.graph(directory, deadline).await.unwrap();
    assert_eq!(asked_for_files(&town), 2, "both were forgotten");
}

#[tokio::test]
async fn a_directory_that_did_not_consent_to_files_has_people_and_names_all_the_same() {
    let town = Town::of(2).await;
    let (sync, directory) = (town.house.sync(), town.handle.directory);
    let deadline = Deadline(town.now() + MINUTE);
    let error = sync.tokens.files(directory, deadline).await.unwrap_err();
    assert!(matches!(&error, TokensError::Entra(error) if error.kind == TokenErrorKind::ConsentGone), "{error}");
    sync.tokens.graph(directory, deadline).await.unwrap();
}

#[tokio::test]
async fn a_deployment_without_the_app_for_files_says_so() {
    let town = Town::with_folders(2).await;
    town.house.ground().secrets.delete("sandbox/files-app").await.unwrap();
    let error = town.house.sync().tokens.files(town.handle.directory, Deadline(town.now() + MINUTE)).await;
    assert!(matches!(error, Err(TokensError::NoApp(Registration::Files))));
}
