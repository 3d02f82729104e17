//! Random acts of people and services.

use proptest::prelude::*;
use sim::{Fault, Service, World};

use super::customers::PEOPLE;
use super::lies::{LieKind, Untruth, untruth};

/// An act of a person, a directory or a service.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    JoinTeam(usize),
    LeaveTeam(usize),
    Promote(usize),
    Demote(usize),
    JoinGroup(usize),
    LeaveGroup(usize),
    AddOwner(usize),
    RemoveOwner(usize),
    RenameTeam(u8),
    RenameGroup(u8),
    ClearExternalId(usize),
    ClearAllExternalIds,
    SwapExternalIds(usize, usize),
    ShareExternalId(usize, usize),
    Deactivate(usize),
    DeleteUser(usize),
    RevokeAccountRole,
    RemoveAccount,
    Disturbance(Disturbance),
    Lie(Untruth),
    RepairAll,
    Crash(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Disturbance {
    Cut(Service),
    Failing(Service),
    Throttled(Service),
    Lagging,
    NoDelivery,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) tenant: usize,
    pub(super) act: Act,
    pub(super) minutes: i64,
}

fn person_index() -> impl Strategy<Value = usize> {
    1..PEOPLE
}

fn service() -> impl Strategy<Value = Service> {
    prop_oneof![Just(Service::Webex), Just(Service::Graph), Just(Service::Entra)]
}

/// Lagging replicas make readings unreliable, so they are the most likely disturbance.
fn disturbance() -> impl Strategy<Value = Act> {
    let disturbance = prop_oneof![
        1 => service().prop_map(Disturbance::Cut),
        1 => service().prop_map(Disturbance::Failing),
        1 => service().prop_map(Disturbance::Throttled),
        6 => Just(Disturbance::Lagging),
        2 => Just(Disturbance::NoDelivery),
    ];
    disturbance.prop_map(Act::Disturbance)
}

/// Returns lies, or disturbances in a run without lies.
fn failure() -> BoxedStrategy<Act> {
    match LieKind::of_this_run() {
        kinds if kinds.is_empty() => disturbance().boxed(),
        kinds => prop_oneof![2 => untruth(kinds).prop_map(Act::Lie), 1 => disturbance()].boxed(),
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => person_index().prop_map(Act::JoinTeam),
        4 => person_index().prop_map(Act::LeaveTeam),
        2 => person_index().prop_map(Act::Promote),
        2 => person_index().prop_map(Act::Demote),
        4 => person_index().prop_map(Act::JoinGroup),
        4 => person_index().prop_map(Act::LeaveGroup),
        2 => person_index().prop_map(Act::AddOwner),
        2 => person_index().prop_map(Act::RemoveOwner),
        1 => (0..4_u8).prop_map(Act::RenameTeam),
        1 => (0..4_u8).prop_map(Act::RenameGroup),
        1 => person_index().prop_map(Act::ClearExternalId),
        1 => Just(Act::ClearAllExternalIds),
        1 => (person_index(), person_index()).prop_map(|(a, b)| Act::SwapExternalIds(a, b)),
        1 => (person_index(), person_index()).prop_map(|(a, b)| Act::ShareExternalId(a, b)),
        1 => person_index().prop_map(Act::Deactivate),
        1 => person_index().prop_map(Act::DeleteUser),
        1 => Just(Act::RevokeAccountRole),
        1 => Just(Act::RemoveAccount),
        3 => failure(),
        2 => Just(Act::RepairAll),
        4 => (0..60_usize).prop_map(Act::Crash),
    ]
}

pub(super) fn history() -> impl Strategy<Value = Vec<Step>> {
    let step = |act| {
        let minutes = prop_oneof![0..3_i64, 0..30_i64, 0..300_i64];
        (0..2_usize, act, minutes).prop_map(|(tenant, act, minutes)| Step { tenant, act, minutes })
    };
    let first = prop::option::weighted(0.7, step(failure()));
    (first, prop::collection::vec(step(act().boxed()), 4..20))
        .prop_map(|(first, steps)| first.into_iter().chain(steps).collect())
}

impl Disturbance {
    pub(super) fn begin(self, world: &World) {
        match self {
            Self::Cut(service) => world.inject(Fault::cut_before().on(service).times(u32::MAX)),
            Self::Failing(service) => world.inject(Fault::status(503).on(service).times(u32::MAX)),
            Self::Throttled(service) => {
                world.inject(Fault::throttled("120").on(service).times(u32::MAX))
            }
            Self::Lagging => {
                world.graph_settings(|settings| {
                    settings.replica_lag = std::time::Duration::from_secs(600)
                });
            }
            Self::NoDelivery => {
                world.webex_settings(|settings| settings.deliveries_lost = 100);
                world.graph_settings(|settings| settings.notifications_lost = 100);
            }
        }
    }
}
