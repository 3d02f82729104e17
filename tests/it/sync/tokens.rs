//! Tokens: refreshed once, and sent to the configured hosts only.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::graph::TokenErrorKind;
use clients::http::{Deadline, Transport, TransportError};
use domain::ids::GroupId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::TokensError;
use engine::link::LinkState;
use jiff::SignedDuration;
use sandbox::local_stack::{Connections, LocalStack};
use serde_json::{Value, json};
use sim::{Call, Failure, Fault, MembershipRole, Service};
use store::message::{Job, Trigger};
use store::queue::Queue;
use store::secrets::Secrets;

use crate::support::{DAY, MINUTE, TwoTenants};

/// A transport that yields before and after each call, as a network does.
struct YieldingTransport(Arc<dyn Transport>);

#[async_trait]
impl Transport for YieldingTransport {
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

/// Restarts the functions, over a yielding transport.
fn restart(env: &mut TwoTenants) {
    let backend = env.stack.backend().clone();
    let transport = Arc::new(YieldingTransport(backend.world.transport()));
    let connections = Connections { transport, ..Connections::to(&backend) };
    let tenants = env.stack.tenants().to_vec();
    env.stack = LocalStack::with_connections(&backend, connections).unwrap();
    env.stack.set_tenants(&tenants);
}

fn refreshes(env: &TwoTenants) -> Vec<Call> {
    let calls = env.world().calls().into_iter();
    calls
        .filter(|call| call.service == Service::Webex && call.path.contains("access_token"))
        .collect()
}

#[tokio::test]
async fn concurrent_syncs_refresh_a_token_once() {
    let mut env = TwoTenants::with_people(4).await;
    let teams = ["One", "Two"].map(|title| env.create_team(title, &env.people[..3]));
    env.let_pass(60 * MINUTE).await;
    restart(&mut env);
    for attempt in 1..=3 {
        // The service account's access token lasts 14 days.
        env.advance_clock(SignedDuration::from_hours(14 * 24));
        env.world().take_calls();
        for team in teams {
            let there = env.world().team(team).unwrap().people.contains_key(&env.people[3].person);
            if there {
                env.world().remove_from_team(team, env.people[3].person).unwrap();
            } else {
                env.world()
                    .add_to_team(team, env.people[3].person, MembershipRole::Member)
                    .unwrap();
            }
        }
        let messages =
            teams.map(|team| env.message(Job::Team { team, region: None }, Trigger::WebexWebhook));
        let queue = env.stack.backend().queue.clone();
        queue.send_all(&messages).await.unwrap();
        let received = queue.receive(10);
        assert_eq!(received.len(), 2);
        env.stack.invoke_sync(received).await;
        let calls = refreshes(&env);
        assert_eq!(calls.len(), 1, "attempt {attempt}: {calls:#?}");
        env.let_pass(10 * MINUTE).await;
        let of_neighbours = 1;
        assert!(refreshes(&env).len() <= 1 + of_neighbours, "attempt {attempt}");
        for team in teams {
            let title = env.world().team(team).unwrap().title;
            let groups = env.world().groups(env.handle.directory);
            env.assert_team_matches(
                team,
                groups.values().find(|group| group.display_name == title).unwrap(),
            );
        }
    }
    let end = env.now() + DAY;
    while env.now() < end && env.stack.step(end).await {}
    env.assert_clean();
}

#[tokio::test]
async fn refused_refresh_delays_the_link() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Revoked", &env.people);
    env.let_pass(60 * MINUTE).await;
    env.world().revoke_tokens(env.handle.service_account);
    env.world().remove_from_team(team, env.people[3].person).unwrap();
    env.let_pass(20 * DAY).await;
    assert_eq!(env.group().1.members.len(), 4);
    assert_eq!(env.link_row(team).await.unwrap().link.state(), LinkState::Failing);
    env.assert_clean();
}

/// Injects a fault into the sync of a team of four; asserts that no one is removed and no other
/// host is called.
async fn assert_token_stays_home(fault: Fault) {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Foreign", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    env.world().inject(fault);
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.handle_message(&env.message(Job::Team { team, region: None }, Trigger::WebexWebhook)).await;
    assert_eq!(
        env.link_row(team).await.unwrap().link.state(),
        LinkState::Failing,
        "the fault struck"
    );
    assert_eq!(env.group().1.members.len(), 4);
    env.let_pass(60 * MINUTE).await;
    env.assert_in_sync(team);
}

fn empty_page(next: &str) -> Value {
    json!({"value": [], "@odata.nextLink": next})
}

#[tokio::test]
async fn foreign_graph_next_link_gets_no_token() {
    for link in [
        "https://evil.example/v1.0/groups",
        "http://graph.microsoft.com/v1.0/groups",
        "//evil.example/x",
    ] {
        let answer = Failure::BatchItem(200, vec![], empty_page(link));
        assert_token_stays_home(Fault::new(answer).path("/members")).await;
    }
}

#[tokio::test]
async fn foreign_webex_next_page_gets_no_token() {
    let link = vec![(
        "Link".into(),
        "<https://evil.example/v1/memberships?cursor=x>; rel=\"next\"".into(),
    )];
    let answer = Failure::Status(200, link, json!({"items": []}));
    assert_token_stays_home(Fault::new(answer).on(Service::Webex).path("/memberships")).await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for (service, path) in [(Service::Webex, "/teams/"), (Service::Graph, "$batch")] {
        let location = vec![("Location".into(), "https://evil.example/".into())];
        let answer = Failure::Status(302, location, Value::Null);
        assert_token_stays_home(Fault::new(answer).on(service).path(path)).await;
    }
}

/// Counts the token requests of the files app.
fn count_file_token_requests(env: &TwoTenants) -> usize {
    let calls = env.world().take_calls().into_iter();
    calls
        .filter(|call| call.service == Service::Entra && call.path.contains("/oauth2/v2.0/token"))
        .count()
}

#[tokio::test]
async fn files_app_has_its_own_token() {
    let env = TwoTenants::with_folders(2).await;
    let (sync, directory) = (env.stack.sync(), env.handle.directory);
    let deadline = Deadline(env.now() + MINUTE);
    let no_such_group = GroupId(uuid::Uuid::from_u128(7));
    count_file_token_requests(&env);
    for _ in 0..2 {
        let files = sync.tokens.files(directory, deadline).await.unwrap();
        // The files token is good for files only.
        let refused = sync.graph.group(&files, no_such_group).await.unwrap_err();
        assert_eq!(refused.status(), Some(403));
        let groups = sync.tokens.graph(directory, deadline).await.unwrap();
        assert_eq!(sync.graph.group(&groups, no_such_group).await.unwrap(), None);
    }
    assert_eq!(count_file_token_requests(&env), 2, "one token each");
    sync.tokens.purge(env.tenant(), directory);
    sync.tokens.files(directory, deadline).await.unwrap();
    sync.tokens.graph(directory, deadline).await.unwrap();
    assert_eq!(count_file_token_requests(&env), 2, "both were forgotten");
}

#[tokio::test]
async fn sync_works_without_files_consent() {
    let env = TwoTenants::with_people(2).await;
    let (sync, directory) = (env.stack.sync(), env.handle.directory);
    let deadline = Deadline(env.now() + MINUTE);
    let error = sync.tokens.files(directory, deadline).await.unwrap_err();
    assert!(
        matches!(&error, TokensError::Entra(error) if error.kind == TokenErrorKind::ConsentGone),
        "{error}"
    );
    sync.tokens.graph(directory, deadline).await.unwrap();
}

#[tokio::test]
async fn missing_files_app_is_reported() {
    let env = TwoTenants::with_folders(2).await;
    env.stack.backend().secrets.delete("sandbox/files-app").await.unwrap();
    let error =
        env.stack.sync().tokens.files(env.handle.directory, Deadline(env.now() + MINUTE)).await;
    assert!(matches!(error, Err(TokensError::NoApp(Registration::Files))));
}
