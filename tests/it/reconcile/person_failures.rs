//! People whose writes are refused: an alert names each once, and ends with the refusal.

use domain::ids::{GroupId, TeamId};
use engine::notify;
use sim::{Fault, MembershipRole, Operation, Person, Service};
use store::message::Trigger;

use super::suspension::{alerts, with_alerts};
use crate::support::{DAY, MINUTE, TwoTenants};

/// A write about one person, and the act of a person that it follows from.
#[derive(Clone, Copy, Debug)]
enum Write {
    Add(Service),
    Remove(Service),
    ChangeRole(Service),
}

const WRITES: [Write; 6] = [
    Write::Add(Service::Webex),
    Write::Add(Service::Graph),
    Write::Remove(Service::Webex),
    Write::Remove(Service::Graph),
    Write::ChangeRole(Service::Webex),
    Write::ChangeRole(Service::Graph),
];

impl Write {
    /// Returns the faults that refuse the write about a person.
    fn faults(self, status: u16, person: Person) -> Vec<Fault> {
        use Operation::{AddPeople, ChangeRole, RemovePerson};
        let (service, operation) = match self {
            Self::Add(service) => (service, AddPeople),
            Self::Remove(service) => (service, RemovePerson),
            Self::ChangeRole(Service::Webex) => (Service::Webex, ChangeRole),
            Self::ChangeRole(service) => (service, AddPeople),
        };
        let ids = [person.person.0, person.object.0];
        let about = |fault: Fault| fault.on(service).operation(operation).person(&ids).forever();
        vec![
            about(Fault::status(status)),
            about(Fault::batch_item(status, "Authorization_RequestDenied")),
        ]
    }

    /// Acts on the side that the write follows.
    async fn act(self, env: &TwoTenants, team: TeamId, group: GroupId) {
        let [member, new] = [env.people[2], env.people[4]];
        let world = env.world();
        match self {
            Self::Add(Service::Webex) => world.add_member(group, new.object),
            Self::Add(_) => {
                world.add_to_team(team, new.person, MembershipRole::Member).unwrap();
            }
            Self::Remove(Service::Webex) => world.remove_member(group, member.object),
            Self::Remove(_) => world.remove_from_team(team, member.person).unwrap(),
            Self::ChangeRole(Service::Webex) => world.add_owner(group, member.object),
            Self::ChangeRole(_) => world.promote(team, member.person).unwrap(),
        }
        env.notify_change(group).await;
    }

    fn person(self, env: &TwoTenants) -> Person {
        if matches!(self, Self::Add(_)) { env.people[4] } else { env.people[2] }
    }
}

/// Returns a case of a refused write, an hour after it.
async fn refused(write: Write, status: u16, case: &str) -> (TwoTenants, TeamId) {
    let mut env = with_alerts(6).await;
    let team = env.create_team("Struck", &env.people[..4]);
    env.let_pass(40 * MINUTE).await;
    let (group, person) = (env.group().0, write.person(&env));
    for fault in write.faults(status, person) {
        env.world().inject(fault);
    }
    write.act(&env, team, group).await;
    env.let_pass(60 * MINUTE).await;
    let sent = alerts(&env);
    assert_eq!(sent.len(), 1, "{case}: {sent:#?}");
    let object = person.object.to_string();
    for part in ["“Struck”", object.as_str(), "retried"] {
        assert!(sent[0].contains(part), "{case}: {sent:#?}");
    }
    (env, team)
}

#[tokio::test]
async fn refused_write_of_a_person_is_alerted_once_and_withdrawn() {
    for write in WRITES {
        for status in [400, 403, 404, 409, 422] {
            let case = format!("{write:?} {status}");
            let (mut env, team) = refused(write, status, &case).await;
            env.world().clear_faults();
            env.request_sync(team, Trigger::Administrator).await;
            env.let_pass(30 * MINUTE).await;
            env.assert_in_sync(team);
            assert_eq!(notify::all(env.store(), env.tenant()).await.unwrap(), [], "{case}");
            assert_eq!(alerts(&env).len(), 1, "{case}: once");
        }
    }
}

#[tokio::test]
async fn daily_retries_of_a_refused_write_raise_no_further_alert() {
    // The second is an answer that a removal was made, so it is a lost write.
    for (write, status) in [(Write::Add(Service::Webex), 403), (Write::Remove(Service::Graph), 404)]
    {
        let case = format!("{write:?} {status}");
        let (mut env, _) = refused(write, status, &case).await;
        env.let_pass(2 * DAY).await;
        assert_eq!(alerts(&env).len(), 1, "{case}: once");
    }
}
