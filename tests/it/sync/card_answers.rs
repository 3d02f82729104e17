//! Answers to a card that come twice, late, or at the same time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Deadline, Transport, TransportError};
use domain::ids::TeamId;
use engine::decision::Decider;
use engine::link::{self, Phase, Unlinked};
use engine::tenant::{NewTeams, Settings};
use sandbox::local_stack::{Connections, LocalStack};
use serde_json::json;
use sim::{Failure, Fault, Service};
use store::message::{Job, Message, Trigger};
use tokio::sync::Notify;

use crate::support::{DAY, MINUTE, TwoTenants, every_team};

/// A transport whose readings of spaces wait until they are let go.
struct SlowTransport {
    inner: Arc<dyn Transport>,
    release: Arc<Notify>,
}

#[async_trait]
impl Transport for SlowTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if request.uri().path().contains("/rooms/") {
            self.release.notified().await;
        }
        self.inner.send(request, timeout).await
    }
}

async fn asked() -> (TwoTenants, TeamId, String) {
    let settings = Settings { new_teams: NewTeams::Ask, ..every_team() };
    let mut env = TwoTenants::with_settings(3, settings).await;
    let team = env.create_team("Asked", &env.people);
    env.let_pass(2 * MINUTE).await;
    let Phase::Asked { card: Some(card) } = env.link_row(team).await.unwrap().link.phase else {
        panic!("not asked")
    };
    (env, team, card.message)
}

/// Returns the message of a button that the creator pressed.
fn press(env: &TwoTenants, team: TeamId, card: &str, group: &str) -> Message {
    let answer = json!({
        "id": "action",
        "messageId": card,
        "personId": env.people[0].person,
        "inputs": {"team": team, "group": group},
    });
    let fault = Fault::new(Failure::Status(200, vec![], answer));
    env.world().inject(fault.on(Service::Webex).path("/attachment/actions/"));
    env.message(Job::CardAnswered { action: "action".into() }, Trigger::WebexWebhook)
}

/// Handles a press whose reading takes longer than all that `meanwhile` does.
async fn press_slowly(
    env: &mut TwoTenants,
    (team, card, group): (TeamId, &str, &str),
    meanwhile: impl AsyncFnOnce(&mut TwoTenants),
) {
    let backend = env.stack.backend().clone();
    let release = Arc::new(Notify::new());
    let slow = SlowTransport { inner: backend.world.transport(), release: release.clone() };
    let connections = Connections { transport: Arc::new(slow), ..Connections::to(&backend) };
    let stack = LocalStack::with_connections(&backend, connections).unwrap();
    let pressed = press(env, team, card, group);
    let deadline = Deadline(env.now() + DAY);
    let slowly = stack.sync().handle(&pressed, deadline);
    let (slowly, ()) = futures::join!(slowly, async {
        meanwhile(env).await;
        release.notify_one();
    });
    slowly.unwrap();
}

#[tokio::test]
async fn second_press_changes_nothing() {
    for second in ["yes", "no"] {
        let (mut env, team, card) = asked().await;
        press_slowly(&mut env, (team, &card, second), async |env| {
            env.handle_message(&press(env, team, &card, "yes")).await;
            env.let_pass(20 * MINUTE).await;
        })
        .await;
        let group = env.group().0;
        assert_eq!(env.link_row(team).await.unwrap().link.phase, Phase::Linked { group });
        env.let_pass(DAY).await;
        env.assert_in_sync(team);
        let claims = link::claims(env.store(), env.handle.directory, [group]).await.unwrap();
        assert_eq!(claims[&group].team, team, "{second}");
    }
}

#[tokio::test]
async fn press_on_an_ended_link_changes_nothing() {
    let (mut env, team, card) = asked().await;
    press_slowly(&mut env, (team, &card, "yes"), async |env| {
        let (tenant, directory) = (env.tenant(), env.handle.directory);
        let by = Decider::operator(env.now());
        let ended = link::unlink(env.store(), tenant, directory, team, by).await;
        assert_eq!(ended, Ok(Unlinked::Done));
    })
    .await;
    assert!(env.link_row(team).await.unwrap().link.is_over());
    env.let_pass(DAY).await;
    assert_eq!(env.world().groups(env.handle.directory).len(), 0);
    env.assert_clean();
}
