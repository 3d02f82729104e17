//! Answers that no service documents: nothing irreversible follows, and no one else is stopped.

use domain::membership::{ExclusionReason, Person};
use engine::link::Who;
use engine::tenant::suspension;
use serde_json::{Value, json};
use sim::{BrokenBody, Fault, Lie, MembershipRole, Operation, Rows, Service};

use crate::support::{MINUTE, TwoTenants};

fn odd(person: uuid::Uuid, fields: Value) -> Fault {
    let fields = fields.as_object().unwrap().clone();
    let lie = Lie::OddRows(Rows::Of(vec![person]), fields);
    Fault::lie(lie).on(Service::Webex).operation(Operation::ListPeople).forever()
}

#[tokio::test]
async fn person_of_an_unreadable_membership_is_left_alone() {
    let mut env = TwoTenants::with_people(6).await;
    let team = env.create_team("Odd", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    let (group, _) = env.group();
    let unclear = env.people[3];
    env.world().inject(odd(unclear.person.0, json!({"isModerator": null})));
    env.world().remove_from_team(team, env.people[2].person).unwrap();
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.world().add_member(group, env.people[5].object);
    env.let_pass(60 * MINUTE).await;
    let members = env.group().1.members;
    assert!(members.contains(&unclear.object), "nothing says that they left");
    assert!(members.contains(&env.people[4].object) && !members.contains(&env.people[2].object));
    assert!(env.world().team(team).unwrap().people.contains_key(&env.people[5].person));
    let pair = Person { object: unclear.object, person: unclear.person };
    let why = ExclusionReason::MembershipUnreadable;
    assert_eq!(env.excluded(team).await.get(&Who::Person(pair)), Some(&why));

    env.world().remove_member(group, unclear.object);
    env.let_pass(60 * MINUTE).await;
    assert!(env.world().team(team).unwrap().people.contains_key(&unclear.person));
    env.world().clear_faults();
    env.request_sync(team, store::message::Trigger::WebexWebhook).await;
    env.let_pass(60 * MINUTE).await;
    assert!(env.excluded(team).await.is_empty());
    env.assert_in_sync(team);
}

#[tokio::test]
async fn row_without_its_person_removes_no_one() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("No one", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    env.world().inject(odd(env.people[3].person.0, json!({"personId": "x"})));
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(60 * MINUTE).await;
    assert_eq!(env.group().1.members.len(), 4);
    env.world().clear_faults();
    env.let_pass(120 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn bodies_of_proxies_remove_and_suspend_no_one() {
    for body in [BrokenBody::Html, BrokenBody::Empty, BrokenBody::Cut] {
        let mut env = TwoTenants::with_people(5).await;
        let team = env.create_team("Proxy", &env.people[..4]);
        env.let_pass(60 * MINUTE).await;
        for service in [Service::Webex, Service::Graph] {
            env.world().inject(Fault::lie(Lie::Body(body)).on(service).forever());
        }
        env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
        env.let_pass(30 * MINUTE).await;
        assert!(env.group().1.members.len() >= 4, "{body:?}");
        let there = env.world().team(team).unwrap().people;
        assert!(env.people.iter().all(|one| there.contains_key(&one.person)), "{body:?}");
        let suspended = suspension::load(env.store(), env.tenant()).await.unwrap();
        assert_eq!(suspended, None, "{body:?}");
        env.world().clear_faults();
        env.let_pass(120 * MINUTE).await;
        env.assert_in_sync(team);
    }
}
