//! The cycle itself: one at a time, after outages, and while sync is off.

use std::time::Duration;

use clients::http::Deadline;
use engine::link::Phase;
use engine::reconcile::last_report;
use engine::tenant::settings::{NewTeams, Settings};
use jiff::SignedDuration;
use serde_json::json;
use sim::{Failure, Fault, MembershipRole, Service};
use store::message::ReconcileRequest;
use store::queue::Queue;

use super::{SIX_MINUTES, calls_to, run_cycle};
use crate::support::{DAY, MINUTE, TwoTenants, every_team};

#[tokio::test]
async fn answered_and_concurrent_requests_run_once() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Twice", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    env.advance_clock(5 * MINUTE);
    let request = ReconcileRequest { v: Default::default(), tenant: env.tenant(), at: env.now() };
    let deadline = Deadline(env.now() + MINUTE);
    env.world().add_member(env.group().0, env.people[4].object);
    let cycles = env.stack.reconcile();
    let (one, other) =
        tokio::join!(cycles.run_cycle(&request, deadline), cycles.run_cycle(&request, deadline));
    assert_eq!([one.unwrap(), other.unwrap()].iter().flatten().count(), 1, "one at a time");
    assert_eq!(cycles.run_cycle(&request, deadline).await.unwrap(), None, "answered");
    env.let_pass(20 * MINUTE).await;
    env.assert_in_sync(team);
    // Requests that pile up during an outage are answered by one cycle.
    let requests: Vec<ReconcileRequest> = (0..60)
        .map(|n| ReconcileRequest { at: env.now() - n * MINUTE, ..request.clone() })
        .collect();
    Queue::<ReconcileRequest>::send_all(env.stack.backend().reconcile_queue.as_ref(), &requests)
        .await
        .unwrap();
    env.world().take_calls();
    env.advance_clock(MINUTE);
    env.let_pass(MINUTE / 2).await;
    let calls = env.world().take_calls();
    assert!(calls_to(&calls, "/v1/events").count() <= 3, "{calls:#?}");
}

#[tokio::test]
async fn after_an_outage_every_event_window_is_read() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Slept", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    env.world().add_to_team(team, env.people[3].person, MembershipRole::Member).unwrap();
    env.advance_clock(3 * DAY);
    env.world().take_calls();
    let report = run_cycle(&mut env).await;
    assert_eq!(report.spaces, 1);
    let calls = env.world().take_calls();
    let windows = calls_to(&calls, "/v1/events").count();
    assert!((12..=14).contains(&windows), "{windows} windows of six hours");
    // Events older than ninety days cannot be read; the cycle continues.
    env.advance_clock(100 * DAY);
    let report = run_cycle(&mut env).await;
    assert_eq!(report.suspension, None, "{report:?}");
}

#[tokio::test]
async fn unreadable_request_fails_alone() {
    let mut env = TwoTenants::with_people(2).await;
    env.advance_clock(MINUTE);
    let request = json!({"v": 1, "tenant": env.tenant(), "at": env.now()}).to_string();
    let newer = request.replace("\"v\":1", "\"v\":2");
    let records = [("good", request.as_str()), ("bad", "{}"), ("newer", &newer)].map(|(id, body)| {
        json!({"messageId": id, "body": body, "attributes": {}, "messageAttributes": {}})
    });
    let event = json!({ "Records": records });
    let event = serde_json::from_value(event).unwrap();
    let deadline = Deadline(env.now() + MINUTE);
    let response = reconcile::handle(env.stack.reconcile(), event, deadline).await.unwrap();
    let failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.as_str())
        .collect();
    assert_eq!(failed, ["bad", "newer"]);
    let report = last_report(env.store(), env.tenant()).await.unwrap().unwrap();
    assert_eq!(report.began, env.now());
    env.let_pass(MINUTE).await;
}

#[tokio::test]
async fn last_report_can_be_loaded() {
    let mut env = TwoTenants::with_people(3).await;
    env.create_team("Reported", &env.people);
    env.let_pass(MINUTE).await;
    let report = last_report(env.store(), env.tenant()).await.unwrap().expect("a report");
    assert!(report.began <= env.now() && report.failures.is_empty(), "{report:?}");
}

#[tokio::test]
async fn switched_off_tenant_reads_people_only() {
    let mut env =
        TwoTenants::with_settings(3, Settings { switched_on_at: None, ..every_team() }).await;
    env.let_pass(DAY / 4).await;
    env.world().take_calls();
    let team = env.create_team("Unseen", &env.people);
    env.let_pass(DAY / 4).await;
    let calls = env.world().take_calls();
    let others: Vec<_> = calls
        .iter()
        .filter(|call| {
            call.owner == Some(env.handle.org.0) || call.owner == Some(env.handle.directory.0)
        })
        .filter(|call| call.service != Service::Entra)
        .filter(|call| {
            let allowed = [
                "/v1/identity",
                "/v1/webhooks",
                "/v1.0/users",
                "/v1.0/subscriptions",
                "/v1.0/$batch",
            ];
            !allowed.iter().any(|path| call.path.starts_with(path))
        })
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(env.link_row(team).await.is_none());
}

#[tokio::test]
async fn unanswered_card_expires_after_a_week() {
    let mut env =
        TwoTenants::with_settings(3, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = env.create_team("Unanswered", &env.people);
    env.let_pass(5 * MINUTE).await;
    env.advance_clock(6 * DAY);
    env.let_pass(2 * MINUTE).await;
    assert!(matches!(env.link_row(team).await.unwrap().link.phase, Phase::Asked { .. }));
    env.advance_clock(DAY);
    env.let_pass(2 * MINUTE).await;
    assert!(matches!(env.link_row(team).await.unwrap().link.phase, Phase::Ended { .. }));
    assert_eq!(env.world().cards_to(env.people[0].person).len(), 1);
    assert!(env.world().groups(env.handle.directory).is_empty());
}

#[tokio::test]
async fn account_stays_signed_in_with_any_token_lifetime() {
    for (access, refresh) in [(2 * 3600, 60 * 86_400), (14 * 86_400, 15 * 86_400)] {
        let mut env = TwoTenants::with_people(3).await;
        env.world().webex_settings(|settings| {
            (settings.access_life, settings.refresh_life) =
                (Duration::from_secs(access), Duration::from_secs(refresh));
        });
        let team = env.create_team("Awake", &env.people);
        env.let_pass(20 * MINUTE).await;
        let pair =
            env.world().issue_tokens(env.handle.service_account, sim::SERVICE_ACCOUNT_SCOPES);
        env.save_tokens(pair).await;
        env.world().take_calls();
        for _ in 0..24 {
            env.advance_clock(SignedDuration::from_secs(i64::try_from(access / 24).unwrap()));
            env.let_pass(SIX_MINUTES).await;
        }
        let calls = env.world().take_calls();
        assert!(
            calls.iter().all(|call| call.status != Some(401)),
            "no call with a token that had ended"
        );
        let refreshes =
            calls_to(&calls, "/v1/access_token").filter(|call| call.status == Some(200)).count();
        assert!((1..=6).contains(&refreshes), "{refreshes} refreshes");
        env.assert_in_sync(team);
    }
}

#[tokio::test]
async fn people_scan_takes_a_day_and_absence_removes_no_one() {
    let mut env = TwoTenants::with_people(40).await;
    let team = env.create_team("Passed", &env.people[..5]);
    env.let_pass(20 * MINUTE).await;
    env.world().take_calls();
    env.let_pass(2 * 60 * MINUTE).await;
    let calls = env.world().take_calls();
    let pages =
        calls_to(&calls, "/v1/identity").filter(|call| call.path.contains("sortBy=id")).count();
    assert_eq!(pages, 2 * 24, "one page every five minutes, for each of two tenants");
    // An empty SCIM response removes no one.
    env.world().inject(
        Fault::new(Failure::Status(200, vec![], json!({"totalResults": 0, "Resources": []})))
            .on(Service::Webex)
            .path("/identity")
            .times(100),
    );
    env.let_pass(60 * MINUTE).await;
    env.world().clear_faults();
    env.let_pass(DAY).await;
    env.assert_in_sync(team);
}
