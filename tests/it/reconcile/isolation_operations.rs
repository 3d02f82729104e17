//! A refusal of one operation about one team or person strikes only that team: the others are in
//! sync as soon as without it, and one alert says what is refused.

use std::collections::BTreeSet;

use domain::ids::TeamId;
use engine::notify;
use sim::{Fault, Operation, Service};
use store::message::Trigger;

use super::isolation::{change, is_in_sync, minutes_to_sync, teams};
use super::suspension::{alerts, with_alerts};
use crate::support::{MINUTE, TwoTenants};

/// The operation that a service refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refused(Service, Operation);

const REFUSED: [Refused; 12] = [
    Refused(Service::Webex, Operation::ReadObject),
    Refused(Service::Webex, Operation::ListPeople),
    Refused(Service::Webex, Operation::AskPerson),
    Refused(Service::Webex, Operation::AddPeople),
    Refused(Service::Webex, Operation::RemovePerson),
    Refused(Service::Webex, Operation::Rename),
    Refused(Service::Graph, Operation::ReadObject),
    Refused(Service::Graph, Operation::ListPeople),
    Refused(Service::Graph, Operation::AskPerson),
    Refused(Service::Graph, Operation::AddPeople),
    Refused(Service::Graph, Operation::RemovePerson),
    Refused(Service::Graph, Operation::Rename),
];

/// The statuses of every run, and further ones with `FAULTS=every`.
const STATUSES: [u16; 10] = [400, 403, 404, 429, 503, 401, 409, 410, 423, 500];

/// Minutes of the backoffs before a service is known to throttle one team alone, and of the proofs
/// that they put off.
const THROTTLED: usize = 6;

impl Refused {
    /// Strikes the operation for a team and its group.
    async fn begin(self, env: &TwoTenants, team: TeamId, status: u16) {
        let Self(service, operation) = self;
        let group = env.link_row(team).await.unwrap().link.group().unwrap();
        let ids = [team.0, team.general_space().0, group.0];
        for fault in [Fault::status(status), Fault::batch_item(status, "Refused")] {
            env.world().inject(fault.on(service).operation(operation).person(&ids).forever());
        }
    }
}

/// Changes both sides of a team, with a name.
async fn change_all(env: &TwoTenants, team: TeamId, service: Service) {
    change(env, team).await;
    match service {
        Service::Graph => env.world().rename_team(team, &format!("New {team}")),
        _ => {
            let group = env.link_row(team).await.unwrap().link.group().unwrap();
            env.world().rename_group(group, env.people[0].object, &format!("New {team}"));
        }
    }
}

/// Plays a refusal, and returns what went wrong.
async fn play(refused: Refused, status: u16, usual: usize) -> Vec<String> {
    let mut env = with_alerts(8).await;
    let [struck, others @ ..] = teams(&mut env, ["Struck", "First", "Second"]).await;
    refused.begin(&env, struck, status).await;
    for team in [struck].iter().chain(&others) {
        change_all(&env, *team, refused.0).await;
    }
    let mut wrong = vec![];
    let changed_at = env.now();
    let minutes = minutes_to_sync(&mut env, &others).await;
    let allowed = usual + if status == 429 { THROTTLED } else { 0 };
    if minutes.is_none_or(|minutes| minutes > allowed) {
        wrong.push(format!("the others after {minutes:?} minutes"));
    }
    let left = changed_at + 60 * MINUTE;
    env.let_pass(left.duration_since(env.now())).await;
    let sent = alerts(&env);
    let names_it = |text: &String| text.contains(&struck.to_string());
    // People whose failures begin at different times are named at different times, once each.
    let named: Vec<&str> = sent.iter().flat_map(|text| text.split(" 365 user ").skip(1)).collect();
    let named: BTreeSet<&str> = named.iter().map(|text| &text[..36]).collect();
    let times: usize = sent.iter().map(|text| text.matches(" 365 user ").count()).sum();
    // To this question, 404 is an answer: the person is not there.
    let is_answer = refused == Refused(Service::Graph, Operation::AskPerson) && status == 404;
    let expected = usize::from(!is_answer)..=named.len().max(1);
    if !expected.contains(&sent.len()) || times > named.len() || !sent.iter().all(names_it) {
        wrong.push(format!("alerts: {sent:#?}"));
    }
    env.world().clear_faults();
    env.request_sync(struck, Trigger::Administrator).await;
    env.let_pass(90 * MINUTE).await;
    if !is_in_sync(&env, struck).await {
        wrong.push("not in sync again".into());
    }
    let left = notify::all(env.store(), env.tenant()).await.unwrap();
    if !left.is_empty() {
        wrong.push(format!("alerts left: {left:#?}"));
    }
    wrong
}

#[tokio::test]
async fn refusals_of_one_team_stay_with_it_in_every_operation() {
    let mut env = with_alerts(8).await;
    let usual = teams(&mut env, ["First", "Second"]).await;
    for team in &usual {
        change_all(&env, *team, Service::Webex).await;
    }
    let usual = minutes_to_sync(&mut env, &usual).await.unwrap();
    let are_all = std::env::var("FAULTS").is_ok_and(|which| which == "every");
    let statuses = if are_all { &STATUSES[..] } else { &STATUSES[..5] };
    let mut failed = vec![];
    for refused in REFUSED {
        for &status in statuses {
            for wrong in play(refused, status, usual).await {
                failed.push(format!("{refused:?} {status}: {wrong}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}: {failed:#?}", failed.len());
}
