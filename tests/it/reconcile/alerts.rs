//! Alerts to admins, and what settings do when a team or group is deleted.

use clients::webex::LONGEST_MESSAGE;
use domain::ids::TeamId;
use domain::membership::Side;
use engine::link::{Ended, Phase};
use engine::notify::{self, AlertKey, AlertMessage, LinkAlert, Provider};
use engine::tenant::settings::{GroupDeleted, Settings, TeamDeleted};
use engine::tenant::suspension::SuspensionReason;
use serde_json::json;
use sim::{Fault, MembershipRole, Service};
use store::message::Trigger;
use store::secrets::Secrets;
use store::table::Store;
use uuid::Uuid;

use super::suspension::{alerts, suspension_reason, with_alerts, with_alerts_and_folders};
use crate::support::{DAY, MINUTE, TwoTenants, every_team};

#[tokio::test]
async fn approvals_and_failing_links_are_alerted_once() {
    let mut env = with_alerts(20).await;
    let held = env.create_team("Held", &env.people);
    let failing = env.create_team("Failing", &env.people[..3]);
    env.let_pass(40 * MINUTE).await;
    let group = env
        .world()
        .groups(env.handle.directory)
        .into_iter()
        .find(|(_, g)| g.display_name == "Held")
        .unwrap()
        .0;
    env.people[2..18].iter().for_each(|one| env.world().remove_member(group, one.object));
    let room = env.world().room_id(failing.general_space());
    env.world().inject(
        Fault::status(500)
            .on(Service::Webex)
            .path(&format!("/memberships?roomId={room}"))
            .times(100_000),
    );
    env.request_sync(failing, Trigger::Administrator).await;
    env.let_pass(3 * 60 * MINUTE).await;
    let sent = alerts(&env);
    assert_eq!(sent.iter().filter(|text| text.contains("“Held”")).count(), 1, "{sent:#?}");
    assert_eq!(sent.iter().filter(|text| text.contains("“Failing”")).count(), 1, "{sent:#?}");
    assert!(
        sent.iter().all(|text| text.contains("https://functions.example/teams/")),
        "with a link to the page"
    );
    assert_eq!(notify::all(env.store(), env.tenant()).await.unwrap().len(), 2);
    env.world().clear_faults();
    env.approve_pending(held).await;
    env.let_pass(3 * 60 * MINUTE).await;
    assert_eq!(
        notify::except_suspension(env.store(), env.tenant()).await.unwrap().len(),
        0,
        "withdrawn when it is over"
    );
    assert_eq!(alerts(&env).len(), sent.len());
}

#[tokio::test]
async fn unsent_alert_is_sent_later_once() {
    let mut env = with_alerts(6).await;
    env.create_team("Untold", &env.people[..3]);
    env.let_pass(40 * MINUTE).await;
    env.world().inject(Fault::status(502).on(Service::Webex).path("/messages").times(3));
    env.world().withdraw_consent(env.handle.directory);
    env.let_pass(60 * MINUTE).await;
    assert_eq!(alerts(&env).len(), 1);
}

/// Names of any length and spelling keep no alert back: Webex refuses a message that is too long.
#[tokio::test]
async fn long_names_keep_no_alert_back() {
    for letters in ["<", "船", "🚢", "*", "://", "www.", "a"] {
        let mut env = with_alerts(3).await;
        let title = letters.repeat(200);
        let failing = AlertMessage::ServiceFailing {
            provider: Provider::Webex,
            since: env.now(),
            until: None,
            said: letters.repeat(4_000),
        };
        let mut raised = vec![(AlertKey::ServiceFailing(Provider::Webex), failing)];
        for n in 0..30 {
            let alert = if n == 29 { LinkAlert::PendingApproval } else { LinkAlert::RenameLost };
            let message = match alert {
                LinkAlert::PendingApproval => AlertMessage::RemovalsPending { team: title.clone() },
                _ => AlertMessage::RenameLost { team: title.clone(), side: Side::Group },
            };
            raised.push((AlertKey::Link(TeamId(Uuid::from_u128(n)), alert), message));
        }
        for (key, message) in raised {
            let raised = notify::raise(env.tenant(), key, message, "/teams".into(), env.now());
            env.store().write(vec![raised.unwrap()]).await.unwrap();
        }
        env.let_pass(6 * MINUTE).await;
        let [first, second] = &alerts(&env)[..] else { panic!("{letters}: {:?}", alerts(&env)) };
        assert!(first.contains("Webex has failed for all teams"), "alone and first: {first}");
        assert!(!first.contains("removals wait"), "{first}");
        let (_, lines) = second.split_once("- ").unwrap();
        assert!(lines.lines().next().unwrap().contains("removals wait"), "{second}");
        assert!(second.lines().last().unwrap().contains("and 20 more"), "{second}");
        assert!([first, second].iter().all(|sent| sent.len() <= LONGEST_MESSAGE));
        assert!(![first, second].iter().any(|sent| sent.contains("www.www.")));
        let unsent = notify::all(env.store(), env.tenant()).await.unwrap();
        assert!(unsent.iter().all(|alert| alert.notified_at.is_some()), "{letters}");
    }
}

#[tokio::test]
async fn expiring_secret_of_the_deployment_alerts_no_tenant() {
    let mut env = with_alerts_and_folders(3).await;
    let ends_at = (env.now() + 20 * DAY).to_string();
    for (name, app) in [
        ("sandbox/microsoft-app", env.handle.microsoft_app.clone()),
        ("sandbox/files-app", env.handle.files_app.clone()),
    ] {
        let secret = json!({
            "client_id": app.client_id, "client_secret": app.client_secret, "ends_at": ends_at
        });
        env.stack.backend().secrets.put(name, secret.to_string().into()).await.unwrap();
    }
    env.let_pass(3 * 60 * MINUTE).await;
    assert_eq!(alerts(&env), Vec::<String>::new());
    assert_eq!(suspension_reason(&env).await, None, "nothing stops for that");
}

#[tokio::test]
async fn refused_credential_of_the_deployment_alerts_no_tenant() {
    let mut env = with_alerts(3).await;
    let app = env.handle.microsoft_app.clone();
    let mut secret = json!({"client_id": app.client_id, "client_secret": "ended"});
    let secrets = env.stack.backend().secrets.clone();
    secrets.put("sandbox/microsoft-app", secret.to_string().into()).await.unwrap();
    env.let_pass(3 * 60 * MINUTE).await;
    assert_eq!(suspension_reason(&env).await, Some(SuspensionReason::OwnCredential));
    secret["client_secret"] = app.client_secret.into();
    secrets.put("sandbox/microsoft-app", secret.to_string().into()).await.unwrap();
    env.let_pass(60 * MINUTE).await;
    assert_eq!(suspension_reason(&env).await, None);
    assert_eq!(alerts(&env), Vec::<String>::new());
}

#[tokio::test]
async fn group_near_the_owner_limit_is_alerted() {
    let mut env = with_alerts(97).await;
    let team = env.create_team("Chiefs", &env.people[..2]);
    env.people[2..].iter().for_each(|one| {
        env.world().add_to_team(team, one.person, MembershipRole::Moderator).unwrap()
    });
    env.let_pass(2 * 60 * MINUTE).await;
    let sent = alerts(&env);
    assert_eq!(sent.iter().filter(|text| text.contains("owners")).count(), 1, "{sent:#?}");
}

#[tokio::test]
async fn group_is_deleted_with_its_team_if_set() {
    let mut env = TwoTenants::with_settings(
        4,
        Settings { on_team_deleted: TeamDeleted::DeleteGroup, ..every_team() },
    )
    .await;
    let other = env.create_team("Other", &env.people);
    let team = env.create_team("Gone", &env.people);
    env.let_pass(40 * MINUTE).await;
    let group = env.link_row(team).await.unwrap().link.group().unwrap();
    env.world().delete_team(team);
    env.request_sync(team, Trigger::Administrator).await;
    env.let_pass(2 * 60 * MINUTE).await;
    assert!(env.world().group(group).unwrap().deleted.is_none(), "nothing is proven yet");
    env.let_pass(4 * 60 * MINUTE).await;
    assert!(matches!(
        env.link_row(team).await.unwrap().link.phase,
        Phase::Ended { why: Ended::TeamDeleted, .. }
    ));
    assert!(
        env.world().group(group).is_none_or(|group| group.deleted.is_some()),
        "it can be restored for 30 days"
    );
    // Without another visible team, a missing team proves nothing.
    let last = env.link_row(other).await.unwrap().link.group().unwrap();
    env.world().delete_team(other);
    env.request_sync(other, Trigger::Administrator).await;
    env.let_pass(6 * 60 * MINUTE).await;
    assert!(env.world().group(last).is_some_and(|group| group.deleted.is_none()));
    env.assert_clean();
}

#[tokio::test]
async fn deleted_group_stays_deleted_if_set() {
    let mut env = TwoTenants::with_settings(
        4,
        Settings { on_group_deleted: GroupDeleted::EndLink, ..every_team() },
    )
    .await;
    let team = env.create_team("Ended", &env.people);
    env.let_pass(40 * MINUTE).await;
    let (group, _) = env.group();
    env.world().delete_group(group);
    env.let_pass(6 * 60 * MINUTE).await;
    assert!(matches!(
        env.link_row(team).await.unwrap().link.phase,
        Phase::Ended { why: Ended::GroupDeleted, .. }
    ));
    assert!(env.world().group(group).is_none_or(|group| group.deleted.is_some()));
}

#[tokio::test]
async fn incomplete_listing_removes_no_one() {
    for (service, path) in [(Service::Webex, "cursor="), (Service::Graph, "$skiptoken")] {
        let mut env = TwoTenants::with_people(12).await;
        let team = env.create_team("Pages", &env.people);
        env.let_pass(40 * MINUTE).await;
        env.world().webex_settings(|settings| settings.page_limit = 5);
        env.world().graph_settings(|settings| settings.page_limit = 5);
        env.world().inject(Fault::status(503).on(service).path(path).times(60));
        env.request_sync(team, Trigger::Administrator).await;
        env.let_pass(60 * MINUTE).await;
        env.world().clear_faults();
        env.let_pass(60 * MINUTE).await;
        env.assert_in_sync(team);
        assert_eq!(env.group().1.members.len(), 12);
    }
}
