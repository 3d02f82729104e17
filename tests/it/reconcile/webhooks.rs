//! Webhooks of Webex and the Graph subscription: created, renewed and repaired.

use clients::http::Deadline;
use clients::webex::{WebexId, Webhook, WebhookOwner, WebhookResource, WebhookStatus};
use domain::ids::RoomId;
use serde_json::json;
use sim::{Call, Fault, OrgWebhooks};
use store::secrets::Secrets;

use super::{SIX_MINUTES, account_access, calls_to, webhooks};
use crate::support::{DAY, MINUTE, TwoTenants};

#[tokio::test]
async fn lost_subscription_is_recreated() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Heard", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    env.world().lose_subscriptions(env.handle.directory);
    env.let_pass(SIX_MINUTES).await;
    env.world().add_member(env.group().0, env.people[3].object);
    env.let_pass(MINUTE / 2).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn subscription_is_renewed_in_time_and_on_request() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Heard", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    env.world().require_reauthorization(env.handle.directory);
    env.let_pass(2 * MINUTE).await;
    let renewed = |calls: &[Call]| {
        calls_to(calls, "/v1.0/subscriptions/")
            .filter(|call| call.method == "PATCH" && call.status == Some(200))
            .count()
    };
    assert_eq!(renewed(&env.world().take_calls()), 1, "asked for");
    env.advance_clock(20 * DAY);
    env.let_pass(SIX_MINUTES).await;
    assert_eq!(renewed(&env.world().take_calls()), 2, "before its end, for each tenant");
    env.advance_clock(20 * DAY);
    env.let_pass(SIX_MINUTES).await;
    env.world().add_member(env.group().0, env.people[3].object);
    env.let_pass(MINUTE / 2).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn lost_answers_create_no_duplicate_webhooks() {
    let mut env = TwoTenants::with_people(3).await;
    let expected = webhooks(&env).await.len();
    assert_eq!(expected, 7);
    // The service creates them, and the answers are lost.
    for webhook in webhooks(&env).await {
        env.stack
            .sync()
            .webex
            .delete_webhook(&account_access(&env).await, &webhook.id)
            .await
            .unwrap();
    }
    env.world().lose_subscriptions(env.handle.directory);
    for path in ["/webhooks", "/subscriptions"] {
        env.world().inject(Fault::cut_after().method("POST").path(path));
    }
    env.let_pass(3 * SIX_MINUTES).await;
    assert_eq!(webhooks(&env).await.len(), expected);
    let access = env
        .stack
        .sync()
        .tokens
        .graph(env.handle.directory, Deadline(env.now() + MINUTE))
        .await
        .unwrap();
    assert_eq!(env.stack.sync().graph.subscriptions(&access).await.unwrap().len(), 1);
    env.assert_clean();
}

#[tokio::test]
async fn organization_webhooks_cover_what_webex_allows() {
    let mut env = TwoTenants::with_people(3).await;
    let access = account_access(&env).await;
    let of_org = env.stack.sync().webex.webhooks(&access, WebhookOwner::Org).await.unwrap();
    assert!(of_org.iter().all(|webhook| webhook.resource == Some(WebhookResource::Rooms)));
    assert_eq!(of_org.len(), 3);
    env.world().take_calls();
    env.let_pass(DAY / 2).await;
    let posts = env.world().take_calls();
    assert_eq!(
        calls_to(&posts, "/v1/webhooks").filter(|call| call.method == "POST").count(),
        0,
        "refused once is enough"
    );
    // Webex is asked again after a month.
    env.world().webex_settings(|settings| settings.org_webhooks = OrgWebhooks::Granted);
    for webhook in webhooks(&env).await {
        env.stack
            .sync()
            .webex
            .delete_webhook(&account_access(&env).await, &webhook.id)
            .await
            .unwrap();
    }
    env.advance_clock(31 * DAY);
    env.let_pass(SIX_MINUTES).await;
    let access = account_access(&env).await;
    let of_org = env.stack.sync().webex.webhooks(&access, WebhookOwner::Org).await.unwrap();
    assert_eq!(of_org.len(), 6);
}

#[tokio::test]
async fn disabled_webhook_is_enabled_again() {
    let mut env = TwoTenants::with_people(3).await;
    // Webex disables a webhook after a hundred failures in five minutes.
    let webhook = webhooks(&env).await.remove(0);
    let decoded = webhook.id.to_string().parse::<WebexId<RoomId>>().unwrap().id.0;
    (0..100).for_each(|_| env.world().delivery_failed(decoded));
    let stopped = |all: &[Webhook]| {
        all.iter().filter(|webhook| webhook.status != WebhookStatus::Active).count()
    };
    assert_eq!(stopped(&webhooks(&env).await), 1);
    env.let_pass(SIX_MINUTES).await;
    assert_eq!(stopped(&webhooks(&env).await), 0);
}

#[tokio::test]
async fn new_key_is_used_by_webhooks_and_subscription() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Rekeyed", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    let keys = json!({"current": "2", "2": "c2FuZGJveC1rZXktMi1mb3Itc2FuZGJveC11c2Utb25seQ=="})
        .to_string();
    env.stack.backend().secrets.put("sandbox/webhooks", keys.into()).await.unwrap();
    env.let_pass(2 * SIX_MINUTES).await;
    env.world().add_member(env.group().0, env.people[3].object);
    env.let_pass(MINUTE / 2).await;
    env.assert_in_sync(team);
    assert_eq!(webhooks(&env).await.len(), 7);
}
