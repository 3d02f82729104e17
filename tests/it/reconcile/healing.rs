//! Unusable items, links and accounts: each is replaced or skipped, and the rest goes on.

use domain::ids::TeamId;
use engine::reconcile::last_report;
use engine::tenant::suspension::SuspensionReason;
use serde_json::json;
use sim::{Failure, Fault, MembershipRole, Service};
use store::keys;
use store::table::{AttributeValue, Condition, Item, Key, Store, Write};

use super::suspension::{alerts, suspension_reason, with_alerts};
use super::{SIX_MINUTES, calls_to, lose_all_events};
use crate::support::{MINUTE, TwoTenants};

/// Returns the item with all attributes but its keys and places in indexes made unreadable.
fn garbled(item: &Item) -> Item {
    let untouched = ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"];
    let attributes = item.iter().map(|(name, value)| {
        let value = match untouched.contains(&name.as_str()) {
            true => value.clone(),
            false => AttributeValue::Bool(true),
        };
        (name.clone(), value)
    });
    attributes.collect::<std::collections::HashMap<_, _>>().into()
}

async fn garble(env: &TwoTenants, key: &Key) {
    let items = env.store().snapshot();
    let put = Write::Put(garbled(&items[key]), Condition::Any);
    env.store().write(vec![put]).await.unwrap();
}

/// Lets a person join the team or leave it, and asserts that the group follows in minutes.
async fn assert_follows(env: &mut TwoTenants, team: TeamId, case: &str) {
    let newcomer = env.people[4].person;
    if env.world().team(team).unwrap().people.contains_key(&newcomer) {
        env.world().remove_from_team(team, newcomer).unwrap();
    } else {
        env.world().add_to_team(team, newcomer, MembershipRole::Member).unwrap();
    }
    env.let_pass(2 * SIX_MINUTES).await;
    println!("{case}");
    env.assert_in_sync(team);
}

#[tokio::test]
async fn unreadable_cursor_is_replaced() {
    let mut env = TwoTenants::with_people(5).await;
    lose_all_events(&env);
    let team = env.create_team("Healing", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    let tenant = env.tenant();
    let names = ["events", "groups", "people", "changed-people", "webhooks", "subscription"];
    for name in names.into_iter().chain(["cycle"]) {
        let key = keys::cursor(tenant, name);
        garble(&env, &key).await;
        let garbled = env.store().get(&key).await.unwrap();
        assert_follows(&mut env, team, name).await;
        assert_ne!(env.store().get(&key).await.unwrap(), garbled, "{name} is replaced");
        let report = last_report(env.store(), tenant).await.unwrap().expect(name);
        assert_eq!(report.failures, Vec::<String>::new(), "{name}");
        assert!(env.now().duration_since(report.began) <= 2 * MINUTE, "{name}: cycles go on");
    }
}

#[tokio::test]
async fn unreadable_item_stops_only_itself() {
    let mut env = TwoTenants::with_people(6).await;
    let team = env.create_team("Going on", &env.people[..4]);
    let struck = env.create_team("Struck", &env.people[..2]);
    env.let_pass(20 * MINUTE).await;
    let (group, _) = env
        .world()
        .groups(env.handle.directory)
        .into_iter()
        .find(|(_, group)| group.display_name == "Going on")
        .unwrap();
    let prefix = format!("TENANT#{}", env.tenant());
    let vital = [keys::tenant(env.tenant()), keys::settings(env.tenant())];
    let others = env.store().snapshot().into_keys().filter(|key| {
        let is_of_tenant = key.pk.starts_with(&prefix) || key.pk.starts_with("OBJECT#");
        let is_link = key.pk.ends_with("#LINK") && key.sk == team.to_string();
        is_of_tenant && !vital.contains(key) && !is_link && !key.sk.ends_with("#refresh")
    });
    let others: Vec<Key> = others.collect();
    assert!(others.len() > 20, "{others:#?}");
    for key in others.iter().step_by(2).chain(others.iter().skip(1).step_by(2)) {
        if env.store().snapshot().contains_key(key) {
            garble(&env, key).await;
        }
    }
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.world().add_to_team(struck, env.people[5].person, MembershipRole::Member).unwrap();
    env.let_pass(3 * SIX_MINUTES).await;
    let group = env.world().group(group).unwrap();
    env.assert_team_matches(team, &group);
    let report = last_report(env.store(), env.tenant()).await.unwrap().unwrap();
    assert_eq!(report.failures, Vec::<String>::new());
}

#[tokio::test]
async fn refused_delta_link_is_replaced_after_three_cycles() {
    let mut env = TwoTenants::with_people(5).await;
    lose_all_events(&env);
    let team = env.create_team("Unusable", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    // A stored link has a position and a time as its token. The neighbor's cycles ask as well.
    let body = json!({"error": {"code": "BadRequest", "message": "Invalid."}});
    let refused = Failure::Status(400, vec![], body);
    env.world().inject(Fault::new(refused).on(Service::Graph).path(".1795").times(6));
    env.world().add_member(env.group().0, env.people[4].object);
    env.world().take_calls();
    env.let_pass(4 * SIX_MINUTES).await;
    env.assert_in_sync(team);
    let calls = env.world().take_calls();
    let asked = |status| {
        calls_to(&calls, "/v1.0/groups/delta").filter(|call| call.status == Some(status)).count()
    };
    assert_eq!(asked(400), 6, "three times for each tenant");
    assert!(asked(200) >= 2, "and then with a new link");
}

#[tokio::test]
async fn window_of_many_pages_is_read_by_several_cycles() {
    let mut env = TwoTenants::with_people(4).await;
    lose_all_events(&env);
    let team = env.create_team("Crowded", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    env.world().webex_settings(|settings| settings.page_limit = 2);
    // The oldest event of the window comes last.
    env.world().add_to_team(team, env.people[3].person, MembershipRole::Member).unwrap();
    let other = env.world().create_room(env.people[0].person, "Busy", None);
    for _ in 0..80 {
        env.world().add_to_room(other, env.people[1].person, MembershipRole::Member).unwrap();
        env.world().remove_from_room(other, env.people[1].person).unwrap();
    }
    env.world().take_calls();
    let mut cycles = 0;
    while env.group().1.members.len() < 4 {
        env.let_pass(MINUTE).await;
        let calls = env.world().take_calls();
        assert!(calls_to(&calls, "/v1/events").count() <= 65, "a share of the quota");
        assert!(calls.iter().all(|call| call.status != Some(429)));
        cycles += 1;
        assert!(cycles < 5, "each cycle goes on where the last one stopped");
    }
    assert!(cycles > 1);
    env.let_pass(5 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn two_refusals_in_one_cycle_suspend_no_one() {
    let mut env = with_alerts(5).await;
    let team = env.create_team("Hiccup", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    for _ in 0..3 {
        let refused = Fault::status(403).on(Service::Webex).path("/events").times(2);
        env.world().inject(refused);
        env.let_pass(MINUTE).await;
        assert_eq!(suspension_reason(&env).await, None);
        env.let_pass(MINUTE).await;
    }
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(MINUTE).await;
    env.assert_in_sync(team);
    assert_eq!(alerts(&env), Vec::<String>::new());
    let refused = Fault::status(403).on(Service::Webex).path("/events").times(u32::MAX);
    env.world().inject(refused);
    env.let_pass(4 * MINUTE).await;
    assert_eq!(suspension_reason(&env).await, Some(SuspensionReason::ComplianceRoleLost));
}

#[tokio::test]
async fn account_without_a_readable_time_hides_no_change() {
    let mut env = TwoTenants::with_people(3).await;
    let pending = env.world().add_pending(&env.handle, "Starter");
    let team = env.create_team("Starters", &env.people);
    env.world().add_to_team(team, pending.person, MembershipRole::Member).unwrap();
    env.let_pass(20 * MINUTE).await;
    env.world().activate(pending.person);
    let [odd, changed] = [env.people[1], pending].map(|one| {
        json!({
            "id": one.person, "userName": "someone@contoso.example", "active": true,
            "externalId": one.object, "userType": "user",
            "urn:scim:schemas:extension:cisco:webexidentity:2.0:User": {"accountStatus": "active"},
        })
    });
    let mut changed = changed;
    changed["meta"] = json!({"lastModified": env.now()});
    let page = json!({"totalResults": 2, "Resources": [odd, changed]});
    let newest_first = Fault::new(Failure::Status(200, vec![], page)).on(Service::Webex);
    let path =
        format!("{}/v2/Users?startIndex=1&count=100&sortBy=meta.lastModified", env.handle.org);
    env.world().inject(newest_first.path(&path).times(u32::MAX));
    env.let_pass(SIX_MINUTES).await;
    env.people.push(pending);
    env.assert_in_sync(team);
}
