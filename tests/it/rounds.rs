//! Rounds find what nobody told of, from either side.

use std::time::Duration;

use clients::http::{Access, Deadline};
use clients::webex::{WebexId, Webhook, WebhookOwner, WebhookResource, WebhookStatus};
use domain::ids::RoomId;
use engine::link::Phase;
use engine::reconcile::last_report;
use engine::tenant::settings::{NewTeams, OfficerStanding, Settings};
use jiff::SignedDuration;
use sandbox::{Call, DeltaEnd, Failure, Fault, OrgWebhooks, Role, Service};
use serde_json::json;
use store::message::Turn;
use store::queue::Queue;
use store::secrets::Secrets;

use crate::town::{DAY, MINUTE, Town, every_team};

const SIX: SignedDuration = SignedDuration::from_mins(6);

/// Neither side tells of anything.
fn silence(town: &Town) {
    town.world().webex_settings(|settings| settings.deliveries_lost = 100);
    town.world().graph_settings(|settings| settings.notifications_lost = 100);
}

fn calls_to<'a>(calls: &'a [Call], path: &'a str) -> impl Iterator<Item = &'a Call> {
    calls.iter().filter(move |call| call.path.starts_with(path))
}

async fn officer(town: &Town) -> Access {
    town.house.sync().tokens.webex(town.tenant(), town.handle.officer, Deadline(town.now() + MINUTE)).await.unwrap()
}

/// The tenant's webhooks, by whichever owner.
async fn webhooks(town: &Town) -> Vec<Webhook> {
    let access = officer(town).await;
    let webex = &town.house.sync().webex;
    let mut all = webex.webhooks(&access, WebhookOwner::Creator).await.unwrap().into_inner();
    all.extend(webex.webhooks(&access, WebhookOwner::Org).await.unwrap().into_inner());
    all
}

/// A round of the first tenant, outside of the schedule.
async fn full_round(town: &mut Town) -> engine::reconcile::Report {
    town.skip(5 * MINUTE);
    let turn = Turn { v: Default::default(), tenant: town.tenant(), at: town.now() };
    let deadline = Deadline(town.now() + MINUTE);
    town.house.rounds().take_turn(&turn, deadline).await.unwrap().expect("a round")
}

#[tokio::test]
async fn without_webhooks_and_notifications_every_change_is_carried_within_minutes() {
    let mut town = Town::of(6).await;
    silence(&town);
    let team = town.create_team("Silent", &town.people[..4]);
    town.let_pass(2 * MINUTE).await;
    town.assert_in_step(team);
    // While a group is young, nobody leaves the team because of it.
    town.let_pass(20 * MINUTE).await;
    let (group, _) = town.group();
    town.world().add_member(group, town.people[4].object);
    town.world().remove_member(group, town.people[1].object);
    town.let_pass(SIX).await;
    town.assert_in_step(team);
    assert!(town.world().team(team).unwrap().people.contains_key(&town.people[4].person));
    town.world().add_to_team(team, town.people[5].person, Role::Moderator).unwrap();
    town.let_pass(2 * MINUTE).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn with_notifications_a_change_in_microsoft_365_is_carried_within_seconds() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Quick", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    town.skip(MINUTE / 60);
    town.world().add_member(town.group().0, town.people[3].object);
    town.let_pass(MINUTE / 4).await;
    town.assert_in_step(team);
}

async fn what_changed_while_the_delta_link_died_is_found(end: DeltaEnd) {
    let mut town = Town::of(5).await;
    silence(&town);
    let team = town.create_team("Paused", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    town.world().graph_settings(|settings| {
        settings.delta_end = end;
        settings.delta_life = Duration::from_secs(20 * 60);
    });
    // The daily look would find it, too: it is hours away.
    while town.kept(team).await.unwrap().next_look < town.now() + 180 * MINUTE {
        town.let_pass(60 * MINUTE).await;
    }
    town.world().add_member(town.group().0, town.people[4].object);
    town.skip(30 * MINUTE);
    town.world().take_calls();
    town.let_pass(SIX).await;
    town.assert_in_step(team);
    let calls = town.world().take_calls();
    let refused = calls_to(&calls, "/v1.0/groups/delta").filter(|call| call.status != Some(200)).count();
    assert!(refused > 0, "the link was refused");
    let anew = calls_to(&calls, "/v1.0/groups/delta").filter(|call| call.path.contains("$deltatoken=latest")).count();
    assert_eq!(anew, 2, "once for each tenant");
}

#[tokio::test]
async fn an_old_delta_link_leads_to_a_look_at_every_link_when_it_is_refused_as_unsupported() {
    what_changed_while_the_delta_link_died_is_found(DeltaEnd::UnsupportedQuery).await;
}

#[tokio::test]
async fn an_old_delta_link_leads_to_a_look_at_every_link_when_it_is_refused_as_gone() {
    what_changed_while_the_delta_link_died_is_found(DeltaEnd::Gone).await;
}

#[tokio::test]
async fn a_delta_of_many_pages_is_read_to_its_end() {
    let mut town = Town::of(5).await;
    silence(&town);
    let team = town.create_team("Paged", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    town.world().graph_settings(|settings| settings.delta_page = 1);
    for n in 0..12 {
        town.world().create_group(town.people[0].object, &format!("Not ours {n}"));
    }
    let (group, _) =
        town.world().groups(town.handle.directory).into_iter().find(|(_, g)| g.display_name == "Paged").unwrap();
    town.world().add_member(group, town.people[4].object);
    town.let_pass(SIX).await;
    let group = town.world().group(group).unwrap();
    town.assert_are_one(team, &group);
}

#[tokio::test]
async fn a_lost_subscription_is_made_again() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Heard", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    town.world().lose_subscriptions(town.handle.directory);
    town.let_pass(SIX).await;
    town.world().add_member(town.group().0, town.people[3].object);
    town.let_pass(MINUTE / 2).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_subscription_is_prolonged_before_its_end_and_when_microsoft_asks() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Heard", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    town.world().require_reauthorization(town.handle.directory);
    town.let_pass(2 * MINUTE).await;
    let renewed = |calls: &[Call]| {
        calls_to(calls, "/v1.0/subscriptions/")
            .filter(|call| call.method == "PATCH" && call.status == Some(200))
            .count()
    };
    assert_eq!(renewed(&town.world().take_calls()), 1, "asked for");
    town.skip(20 * DAY);
    town.let_pass(SIX).await;
    assert_eq!(renewed(&town.world().take_calls()), 2, "before its end, for each tenant");
    town.skip(20 * DAY);
    town.let_pass(SIX).await;
    town.world().add_member(town.group().0, town.people[3].object);
    town.let_pass(MINUTE / 2).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn there_is_one_subscription_and_one_webhook_of_each_kind_whatever_was_lost_on_the_way() {
    let mut town = Town::of(3).await;
    let expected = webhooks(&town).await.len();
    assert_eq!(expected, 7);
    // The service did it, and the answer was lost.
    for webhook in webhooks(&town).await {
        town.house.sync().webex.delete_webhook(&officer(&town).await, &webhook.id).await.unwrap();
    }
    town.world().lose_subscriptions(town.handle.directory);
    for path in ["/webhooks", "/subscriptions"] {
        town.world().fault(Fault::cut_after().method("POST").path(path));
    }
    town.let_pass(3 * SIX).await;
    assert_eq!(webhooks(&town).await.len(), expected);
    let access = town.house.sync().tokens.graph(town.handle.directory, Deadline(town.now() + MINUTE)).await.unwrap();
    assert_eq!(town.house.sync().graph.subscriptions(&access).await.unwrap().len(), 1);
    town.assert_clean();
}

#[tokio::test]
async fn spaces_are_heard_of_for_the_whole_organization_and_memberships_where_webex_lets_us() {
    let mut town = Town::of(3).await;
    let access = officer(&town).await;
    let of_org = town.house.sync().webex.webhooks(&access, WebhookOwner::Org).await.unwrap().into_inner();
    assert!(of_org.iter().all(|webhook| webhook.resource == Some(WebhookResource::Rooms)));
    assert_eq!(of_org.len(), 3);
    town.world().take_calls();
    town.let_pass(DAY / 2).await;
    let posts = town.world().take_calls();
    assert_eq!(
        calls_to(&posts, "/v1/webhooks").filter(|call| call.method == "POST").count(),
        0,
        "refused once is enough"
    );
    // A month later it is tried again.
    town.world().webex_settings(|settings| settings.org_webhooks = OrgWebhooks::Granted);
    for webhook in webhooks(&town).await {
        town.house.sync().webex.delete_webhook(&officer(&town).await, &webhook.id).await.unwrap();
    }
    town.skip(31 * DAY);
    town.let_pass(SIX).await;
    let access = officer(&town).await;
    let of_org = town.house.sync().webex.webhooks(&access, WebhookOwner::Org).await.unwrap().into_inner();
    assert_eq!(of_org.len(), 6);
}

#[tokio::test]
async fn a_webhook_that_webex_stopped_is_started_again() {
    let mut town = Town::of(3).await;
    // Webex stops it after a hundred failures in five minutes.
    let webhook = webhooks(&town).await.remove(0);
    let decoded = webhook.id.to_string().parse::<WebexId<RoomId>>().unwrap().id.0;
    (0..100).for_each(|_| town.world().delivery_failed(decoded));
    let stopped = |all: &[Webhook]| all.iter().filter(|webhook| webhook.status != WebhookStatus::Active).count();
    assert_eq!(stopped(&webhooks(&town).await), 1);
    town.let_pass(SIX).await;
    assert_eq!(stopped(&webhooks(&town).await), 0);
}

#[tokio::test]
async fn with_a_new_key_webhooks_and_subscription_prove_themselves_anew() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Rekeyed", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    let keys = json!({"current": "2", "keys": {"2": "c2FuZGJveC1rZXktMi1mb3Itc2FuZGJveC11c2Utb25seQ=="}}).to_string();
    town.house.ground().secrets.put("sandbox/webhooks", keys.into()).await.unwrap();
    town.let_pass(2 * SIX).await;
    town.world().add_member(town.group().0, town.people[3].object);
    town.let_pass(MINUTE / 2).await;
    town.assert_in_step(team);
    assert_eq!(webhooks(&town).await.len(), 7);
}

#[tokio::test]
async fn a_space_that_moves_into_a_team_is_asked_about_again_and_others_are_not() {
    let mut town = Town::of(4).await;
    let team = town.create_team("House", &town.people[..2]);
    let room = town.world().create_room(town.people[0].person, "Attic", None);
    town.let_pass(20 * MINUTE).await;
    let path = format!("/v1/rooms/{}", town.world().room_id(room));
    let asked = |calls: &[Call]| calls_to(calls, &path).filter(|call| call.method == "GET").count();
    assert_eq!(asked(&town.world().take_calls()), 1, "resolved once");
    town.world().add_to_room(room, town.people[2].person, Role::Member).unwrap();
    town.let_pass(SIX).await;
    assert_eq!(asked(&town.world().take_calls()), 0, "and remembered");
    town.world().move_room(room, team).unwrap();
    town.let_pass(SIX).await;
    assert_eq!(asked(&town.world().take_calls()), 1, "noticed");
    town.skip(8 * DAY);
    town.world().add_to_room(room, town.people[3].person, Role::Member).ok();
    town.let_pass(SIX).await;
    assert!(asked(&town.world().take_calls()) <= 1);
}

#[tokio::test]
async fn whoever_becomes_able_to_take_part_is_on_both_sides_within_minutes() {
    let mut town = Town::of(3).await;
    let pending =
        [town.world().add_pending(&town.handle, "In the team"), town.world().add_pending(&town.handle, "In the group")];
    let team = town.create_team("Starters", &town.people);
    town.world().add_to_team(team, pending[0].person, Role::Member).unwrap();
    town.let_pass(20 * MINUTE).await;
    let (group, _) = town.group();
    town.world().add_member(group, pending[1].object);
    town.let_pass(20 * MINUTE).await;
    assert_eq!(town.left_out(team).await.len(), 2);
    pending.iter().for_each(|one| town.world().activate(one.person));
    town.let_pass(SIX).await;
    town.people.extend(pending);
    town.assert_in_step(team);
    assert_eq!(town.left_out(team).await.len(), 0);
}

#[tokio::test]
async fn a_pass_over_everybody_takes_a_day_and_absence_from_it_means_nothing() {
    let mut town = Town::of(40).await;
    let team = town.create_team("Passed", &town.people[..5]);
    town.let_pass(20 * MINUTE).await;
    town.world().take_calls();
    town.let_pass(2 * 60 * MINUTE).await;
    let calls = town.world().take_calls();
    let pages = calls_to(&calls, "/v1/identity").filter(|call| call.path.contains("sortBy=id")).count();
    assert_eq!(pages, 2 * 24, "one page every five minutes, for each of two tenants");
    // SCIM answers with nobody at all: nobody is gone for that.
    town.world().fault(
        Fault::new(Failure::Status(200, vec![], json!({"totalResults": 0, "Resources": []})))
            .on(Service::Webex)
            .path("/identity")
            .times(100),
    );
    town.let_pass(60 * MINUTE).await;
    town.world().clear_faults();
    town.let_pass(DAY).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_turn_that_a_later_round_has_answered_does_nothing_and_two_at_once_do_no_harm() {
    let mut town = Town::of(5).await;
    let team = town.create_team("Twice", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    town.skip(5 * MINUTE);
    let turn = Turn { v: Default::default(), tenant: town.tenant(), at: town.now() };
    let deadline = Deadline(town.now() + MINUTE);
    town.world().add_member(town.group().0, town.people[4].object);
    let rounds = town.house.rounds();
    let (one, other) = tokio::join!(rounds.take_turn(&turn, deadline), rounds.take_turn(&turn, deadline));
    assert_eq!([one.unwrap(), other.unwrap()].iter().flatten().count(), 1, "one at a time");
    assert_eq!(rounds.take_turn(&turn, deadline).await.unwrap(), None, "answered");
    town.let_pass(20 * MINUTE).await;
    town.assert_in_step(team);
    // Turns that pile up while the function is out of order are answered by one round.
    let turns: Vec<Turn> = (0..60).map(|n| Turn { at: town.now() - n * MINUTE, ..turn.clone() }).collect();
    Queue::<Turn>::send_all(town.house.ground().turns.as_ref(), &turns).await.unwrap();
    town.world().take_calls();
    town.skip(MINUTE);
    town.let_pass(MINUTE / 2).await;
    let calls = town.world().take_calls();
    assert!(calls_to(&calls, "/v1/events").count() <= 3, "{calls:#?}");
}

#[tokio::test]
async fn after_a_standstill_of_many_days_every_window_of_events_is_read() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Slept", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    town.world().add_to_team(team, town.people[3].person, Role::Member).unwrap();
    town.skip(3 * DAY);
    town.world().take_calls();
    let report = full_round(&mut town).await;
    assert_eq!(report.spaces, 1);
    let calls = town.world().take_calls();
    let windows = calls_to(&calls, "/v1/events").count();
    assert!((12..=14).contains(&windows), "{windows} windows of six hours");
    // Beyond ninety days there is nothing to be read, and that is no reason to stop.
    town.skip(100 * DAY);
    let report = full_round(&mut town).await;
    assert_eq!(report.standstill, None, "{report:?}");
}

#[tokio::test]
async fn a_turn_that_cannot_be_understood_goes_back_alone() {
    let mut town = Town::of(2).await;
    town.skip(MINUTE);
    let turn = json!({"v": 1, "tenant": town.tenant(), "at": town.now()}).to_string();
    let record =
        |id: &str, body: &str| json!({"messageId": id, "body": body, "attributes": {}, "messageAttributes": {}});
    let event = json!({"Records": [record("good", &turn), record("bad", "{}"), record("newer", &turn.replace("\"v\":1", "\"v\":2"))]});
    let event = serde_json::from_value(event).unwrap();
    let deadline = Deadline(town.now() + MINUTE);
    let response = reconcile::handle(town.house.rounds(), event, deadline).await.unwrap();
    let failed: Vec<_> = response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(failed, ["bad", "newer"]);
    let report = last_report(town.store(), town.tenant()).await.unwrap().unwrap();
    assert_eq!(report.began, town.now());
    town.let_pass(MINUTE).await;
}

#[tokio::test]
async fn what_a_round_found_can_be_asked_for() {
    let mut town = Town::of(3).await;
    town.create_team("Reported", &town.people);
    town.let_pass(MINUTE).await;
    let report = last_report(town.store(), town.tenant()).await.unwrap().expect("a report");
    assert!(report.began <= town.now() && report.troubles.is_empty(), "{report:?}");
}

#[tokio::test]
async fn while_it_is_switched_off_people_are_counted_and_the_connection_is_kept_but_no_team_or_group_is_read() {
    let mut town = Town::with(3, Settings { switched_on_at: None, ..every_team() }).await;
    town.let_pass(DAY / 4).await;
    town.world().take_calls();
    let team = town.create_team("Unseen", &town.people);
    town.let_pass(DAY / 4).await;
    let calls = town.world().take_calls();
    let others: Vec<_> = calls
        .iter()
        .filter(|call| call.owner == Some(town.handle.org.0) || call.owner == Some(town.handle.directory.0))
        .filter(|call| call.service != Service::Entra)
        .filter(|call| {
            let kept = ["/v1/identity", "/v1/webhooks", "/v1.0/users", "/v1.0/subscriptions", "/v1.0/$batch"];
            !kept.iter().any(|path| call.path.starts_with(path))
        })
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(town.kept(team).await.is_none());
}

#[tokio::test]
async fn a_card_that_nobody_answers_lapses_after_a_week() {
    let mut town = Town::with(3, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = town.create_team("Unanswered", &town.people);
    town.let_pass(5 * MINUTE).await;
    town.skip(6 * DAY);
    town.let_pass(2 * MINUTE).await;
    assert!(matches!(town.kept(team).await.unwrap().link.phase, Phase::Asked { .. }));
    town.skip(DAY);
    town.let_pass(2 * MINUTE).await;
    assert!(matches!(town.kept(team).await.unwrap().link.phase, Phase::Ended { .. }));
    assert_eq!(town.world().cards_to(town.people[0].person).len(), 1);
    assert!(town.world().groups(town.handle.directory).is_empty());
}

#[tokio::test]
async fn the_officer_stays_signed_in_whatever_the_lives_of_its_tokens() {
    for (access, refresh) in [(2 * 3600, 60 * 86_400), (14 * 86_400, 15 * 86_400)] {
        let mut town = Town::of(3).await;
        town.world().webex_settings(|settings| {
            (settings.access_life, settings.refresh_life) = (Duration::from_secs(access), Duration::from_secs(refresh));
        });
        let team = town.create_team("Awake", &town.people);
        town.let_pass(20 * MINUTE).await;
        let pair = town.world().issue_tokens(town.handle.officer, sandbox::OFFICER_SCOPES);
        town.keep_pair(pair).await;
        town.world().take_calls();
        for _ in 0..24 {
            town.skip(SignedDuration::from_secs(i64::try_from(access / 24).unwrap()));
            town.let_pass(SIX).await;
        }
        let calls = town.world().take_calls();
        assert!(calls.iter().all(|call| call.status != Some(401)), "no call with a token that had ended");
        let refreshes = calls_to(&calls, "/v1/access_token").filter(|call| call.status == Some(200)).count();
        assert!((1..=6).contains(&refreshes), "{refreshes} refreshes");
        town.assert_in_step(team);
    }
}

#[tokio::test]
async fn outside_and_inside_a_day_of_changes_with_bad_weather_ends_with_both_sides_equal() {
    for standing in [OfficerStanding::Inside, OfficerStanding::Outside] {
        for (lost, doubled) in [(100, 0), (50, 50)] {
            let mut town = Town::with(12, Settings { standing, ..every_team() }).await;
            town.world().webex_settings(|settings| {
                (settings.deliveries_lost, settings.deliveries_doubled) = (lost, doubled);
                settings.delivery_jitter = Duration::from_secs(600);
                settings.event_delay = Duration::from_secs(30);
            });
            town.world().graph_settings(|settings| {
                settings.notifications_lost = lost;
                settings.notification_jitter = Duration::from_secs(600);
                settings.replica_lag = Duration::from_secs(120);
            });
            let mut random = fastrand::Rng::with_seed(u64::from(lost) + 7);
            let team = town.create_team("A day", &town.people[..6]);
            town.let_pass(40 * MINUTE).await;
            let (group, _) = town.group();
            for _ in 0..36 {
                let one = town.people[random.usize(1..12)];
                match random.u8(0..6) {
                    0 => town.world().add_member(group, one.object),
                    // Who owns a group leaves it as its owner, too.
                    1 if town.world().remove_owner(group, one.object).is_ok() => {
                        town.world().remove_member(group, one.object);
                    }
                    2 => _ = town.world().add_to_team(team, one.person, Role::Member),
                    3 => _ = town.world().remove_from_team(team, one.person),
                    4 => _ = town.world().promote(team, one.person),
                    5 => _ = town.world().demote(team, one.person),
                    _ => {}
                }
                town.let_pass(SignedDuration::from_mins(random.i64(1..60))).await;
            }
            town.let_pass(60 * MINUTE).await;
            town.apply_held(team).await;
            town.let_pass(60 * MINUTE).await;
            town.assert_in_step(team);
        }
    }
}
