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
use engine::tenant::suspension::{self, SuspensionReason};
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
async fn token_refused_before_its_end_is_refreshed_once() {
    let mut env = TwoTenants::with_people(5).await;
    let teams = ["One", "Two"].map(|title| env.create_team(title, &env.people[..4]));
    env.let_pass(60 * MINUTE).await;
    restart(&mut env);
    env.world().revoke_access_tokens(env.handle.service_account);
    env.world().take_calls();
    for team in teams {
        env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    }
    let messages =
        teams.map(|team| env.message(Job::Team { team, region: None }, Trigger::WebexWebhook));
    let queue = env.stack.backend().queue.clone();
    queue.send_all(&messages).await.unwrap();
    env.stack.invoke_sync(queue.receive(10)).await;
    assert_eq!(refreshes(&env).len(), 1);
    env.let_pass(10 * MINUTE).await;
    assert_eq!(refreshes(&env).len(), 1, "the new token is good for everything");
    for team in teams {
        let title = env.world().team(team).unwrap().title;
        let groups = env.world().groups(env.handle.directory);
        let group = groups.values().find(|group| group.display_name == title).unwrap();
        env.assert_team_matches(team, group);
    }
    assert_eq!(suspension_of(&env).await, None);
}

#[tokio::test]
async fn refused_new_token_is_not_refreshed_again() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Refused", &env.people);
    env.let_pass(60 * MINUTE).await;
    env.world().take_calls();
    let refused = Fault::status(401).on(Service::Webex).path("/v1/events").times(u32::MAX);
    env.world().inject(refused);
    env.let_pass(20 * MINUTE).await;
    let account = env.handle.service_account;
    let all = refreshes(&env).len();
    assert!((1..=6).contains(&all), "at most one in ten minutes, per tenant: {all}");
    assert_eq!(suspension_of(&env).await, None, "the refresh token works: {account}");
    env.assert_in_sync(team);
}

#[tokio::test]
async fn pair_of_another_account_is_not_used() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Others", &env.people);
    env.let_pass(60 * MINUTE).await;
    let other = env.people[0].person;
    let save = async |env: &TwoTenants, account, of| {
        let pair = env.world().issue_tokens(of, sim::SERVICE_ACCOUNT_SCOPES);
        let pair = clients::webex::TokenPair {
            access: pair.access_token.into(),
            refresh: pair.refresh_token.into(),
            access_ends_at: pair.access_ends,
            refresh_ends_at: pair.refresh_ends,
            scope: String::new(),
        };
        env.stack.sync().tokens.save(env.tenant(), account, pair).await.unwrap();
    };
    save(&env, other, other).await;
    let deadline = Deadline(env.now() + MINUTE);
    let tokens = &env.stack.sync().tokens;
    let error = tokens.webex(env.tenant(), env.handle.service_account, deadline).await;
    assert!(matches!(error, Err(TokensError::AnotherAccount)));
    let account = env.handle.service_account;
    save(&env, account, account).await;
    env.let_pass(15 * MINUTE).await;
    assert_eq!(suspension_of(&env).await, None);
    env.assert_in_sync(team);
}

async fn suspension_of(env: &TwoTenants) -> Option<SuspensionReason> {
    suspension::load(env.store(), env.tenant()).await.unwrap().map(|suspension| suspension.why)
}

#[tokio::test]
async fn app_token_refused_before_its_end_is_renewed_once() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Renewed", &env.people[..4]);
    env.let_pass(40 * MINUTE).await;
    env.world().take_calls();
    env.world().inject(Fault::status(401).on(Service::Graph).path("$batch"));
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.handle_message(&env.message(Job::Team { team, region: None }, Trigger::WebexWebhook)).await;
    assert_eq!(count_app_token_requests(&env), 1);
    env.assert_in_sync(team);
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

/// Counts the requests of tokens for apps.
fn count_app_token_requests(env: &TwoTenants) -> usize {
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
    count_app_token_requests(&env);
    for _ in 0..2 {
        let files = sync.tokens.files(directory, deadline).await.unwrap();
        // The files token is good for files only.
        let refused = sync.graph.group(&files, no_such_group).await.unwrap_err();
        assert_eq!(refused.status(), Some(403));
        let groups = sync.tokens.graph(directory, deadline).await.unwrap();
        assert_eq!(sync.graph.group(&groups, no_such_group).await.unwrap(), None);
    }
    assert_eq!(count_app_token_requests(&env), 2, "one token each");
    sync.tokens.purge(env.tenant(), directory);
    sync.tokens.files(directory, deadline).await.unwrap();
    sync.tokens.graph(directory, deadline).await.unwrap();
    assert_eq!(count_app_token_requests(&env), 2, "both were forgotten");
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
