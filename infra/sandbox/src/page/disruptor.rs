//! Switches disruptions on and off.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::ids::{GroupId, ObjectId, PersonId};
use sim::{AdminRole, BrokenBody, Fault, Lie, Operation, Refused, Rows, Service};

use super::disruption::{Description, Disruption, Scope, Switch};
use super::environment::{Environment, refused};
use super::interceptor::Delay;
use super::log::{EntryKind, Note};

/// The maximum lag of Graph's replicas under [`Disruption::ReplicaLag`].
const LAG: Duration = Duration::from_secs(600);

/// The delay of Graph's answers under [`Disruption::SlowAnswers`]: just below the timeout.
const SLOW: Delay =
    Delay { service: Some(Service::Graph), by: Duration::from_secs(8), times: u32::MAX };

/// The time until a write takes effect under [`Disruption::LateWrites`].
const LATE: Duration = Duration::from_secs(1_800);

/// The disruptions that are on, with what it takes to end them. Customers are named by index.
#[derive(Default)]
pub(super) struct Disruptor {
    for_all: BTreeSet<Disruption>,
    /// The externalIds that were cleared.
    cleared: BTreeMap<usize, BTreeMap<PersonId, String>>,
    role_lost: BTreeSet<usize>,
    deleted: BTreeMap<usize, GroupId>,
    removed: BTreeMap<usize, Removed>,
}

/// The members that were removed from a group.
struct Removed {
    group: GroupId,
    people: Vec<ObjectId>,
}

/// The faults that make up a disruption.
fn faults_of(disruption: Disruption) -> Vec<Fault> {
    let unlimited = |fault: Fault| fault.times(u32::MAX);
    match disruption {
        Disruption::Throttling => {
            vec![unlimited(Fault::throttled("120").on(Service::Graph))]
        }
        Disruption::AnswersLost => {
            let lost = |service, path: &str, method: &str| {
                unlimited(Fault::cut_after().on(service).method(method).path(path))
            };
            let webex = ["POST", "PUT", "DELETE"]
                .map(|method| lost(Service::Webex, "/memberships", method));
            let graph =
                ["POST", "PATCH", "DELETE"].map(|method| lost(Service::Graph, "/groups", method));
            webex.into_iter().chain(graph).collect()
        }
        Disruption::HastyRetry => [Service::Webex, Service::Graph]
            .map(|service| unlimited(Fault::throttled("1").on(service)))
            .into(),
        _ => lies_of(disruption).into_iter().map(unlimited).collect(),
    }
}

/// The lies that make up a disruption.
fn lies_of(disruption: Disruption) -> Vec<Fault> {
    use Operation::{AddPeople, ChangeRole, ListPeople, ReadObject, RemovePerson};
    let about = |operation, lie| Fault::lie(lie).operation(operation);
    let writes = |lie: Lie| {
        [AddPeople, RemovePerson, ChangeRole].map(|operation| about(operation, lie.clone())).into()
    };
    match disruption {
        Disruption::LostWrites => writes(Lie::NoEffect),
        Disruption::LateWrites => writes(Lie::Late(LATE)),
        Disruption::ShortListings => vec![about(ListPeople, Lie::RowsMissing(Rows::Half(1)))],
        Disruption::FalseConflicts => {
            vec![about(AddPeople, Lie::AlreadyThere), about(RemovePerson, Lie::NotThere)]
        }
        Disruption::HiddenObjects => vec![about(ReadObject, Lie::NotThere)],
        Disruption::HtmlAnswers => vec![Fault::lie(Lie::Body(BrokenBody::Html))],
        _ => vec![],
    }
}

fn is_deleted(env: &Environment, group: GroupId) -> bool {
    env.world().group(group).is_some_and(|group| group.deleted.is_some())
}

impl Disruptor {
    /// Returns `true` if a disruption is on, for all customers or for this one.
    pub(super) fn is_on(&self, env: &Environment, index: usize, disruption: Disruption) -> bool {
        match disruption {
            Disruption::Crash => env.interceptor.is_crash_armed(),
            Disruption::ExternalIds => self.cleared.contains_key(&index),
            Disruption::RoleLost => self.role_lost.contains(&index),
            Disruption::GroupDeleted => {
                self.deleted.get(&index).is_some_and(|group| is_deleted(env, *group))
            }
            Disruption::MassRemoval => self.removed.get(&index).is_some_and(|removed| {
                let group = env.world().group(removed.group);
                group.is_some_and(|group| {
                    removed.people.iter().all(|person| !group.members.contains(person))
                })
            }),
            _ => self.for_all.contains(&disruption),
        }
    }

    /// Switches a disruption on or off, unless it is already.
    ///
    /// # Errors
    /// If the customer has no linked group to disrupt.
    pub(super) async fn switch(
        &mut self,
        env: &mut Environment,
        index: usize,
        disruption: Disruption,
        switch: Switch,
    ) -> Result<(), Refused> {
        // A second start would forget what the first one needs to be undone.
        if (switch == Switch::On) == self.is_on(env, index, disruption) {
            return Ok(());
        }
        let slug = match (disruption.scope(), switch) {
            (Scope::All, _) => {
                self.switch_for_all(env, disruption, switch);
                None
            }
            (Scope::Customer, Switch::On) => {
                self.start_for(env, index, disruption).await?;
                Some(env.customers[index].slug)
            }
            (Scope::Customer, Switch::Off) => {
                self.end_for(env, index, disruption);
                Some(env.customers[index].slug)
            }
        };
        let Description { title, effect, .. } = disruption.description();
        let text = match switch {
            Switch::On => effect,
            Switch::Off => "It is over.",
        };
        env.note(slug, EntryKind::Disruption, Note::from(text).about(title));
        Ok(())
    }

    fn switch_for_all(&mut self, env: &Environment, disruption: Disruption, switch: Switch) {
        let (world, interceptor) = (env.world(), &env.interceptor);
        let is_on = switch == Switch::On;
        if is_on {
            self.for_all.insert(disruption);
        } else {
            self.for_all.remove(&disruption);
        }
        let lost = if is_on { 100 } else { 0 };
        match disruption {
            Disruption::ReplicaLag => {
                let lag = if is_on { LAG } else { Duration::ZERO };
                world.graph_settings(|settings| settings.replica_lag = lag);
            }
            Disruption::WebhooksOff => {
                world.webex_settings(|settings| settings.deliveries_lost = lost);
            }
            Disruption::NotificationsLost => {
                world.graph_settings(|settings| settings.notifications_lost = lost);
            }
            Disruption::SlowAnswers if is_on => interceptor.add_delay(SLOW),
            Disruption::SlowAnswers => interceptor.remove_delays(|delay| *delay == SLOW),
            Disruption::Crash if is_on => interceptor.arm_crash(),
            Disruption::Crash => interceptor.disarm_crash(),
            _ if is_on => faults_of(disruption).into_iter().for_each(|fault| world.inject(fault)),
            _ => faults_of(disruption).iter().for_each(|fault| world.remove_fault(fault)),
        }
    }

    async fn start_for(
        &mut self,
        env: &Environment,
        index: usize,
        disruption: Disruption,
    ) -> Result<(), Refused> {
        let (world, handle) = (env.world(), &env.customers[index].handle);
        match disruption {
            Disruption::ExternalIds => {
                self.cleared.insert(index, world.clear_external_ids(handle.org));
            }
            Disruption::RoleLost => {
                self.role_lost.insert(index);
                world.take_role(handle.service_account, AdminRole::ComplianceOfficer);
            }
            Disruption::GroupDeleted => {
                let group = first_group(env, index).await?;
                self.deleted.insert(index, group);
                world.delete_group(group);
            }
            _ => {
                let group = first_group(env, index).await?;
                let current = world.group(group);
                let current = current.ok_or_else(|| refused("The group does not exist."))?;
                let people = current.members.difference(&current.owners).copied();
                let people: Vec<ObjectId> = people.collect();
                if people.is_empty() {
                    return Err(refused("All members of the group are owners."));
                }
                people.iter().for_each(|person| world.remove_member(group, *person));
                self.removed.insert(index, Removed { group, people });
            }
        }
        Ok(())
    }

    fn end_for(&mut self, env: &Environment, index: usize, disruption: Disruption) {
        let (world, handle) = (env.world(), &env.customers[index].handle);
        match disruption {
            Disruption::ExternalIds => {
                for (person, external) in self.cleared.remove(&index).unwrap_or_default() {
                    world.set_external_id(person, external.parse().ok());
                }
            }
            Disruption::RoleLost => {
                self.role_lost.remove(&index);
                world.give_role(handle.service_account, AdminRole::ComplianceOfficer);
            }
            Disruption::GroupDeleted => {
                if let Some(group) = self.deleted.remove(&index) {
                    world.restore_group(group);
                }
            }
            _ => {
                if let Some(Removed { group, people }) = self.removed.remove(&index) {
                    people.iter().for_each(|person| world.add_member(group, *person));
                }
            }
        }
    }

    /// Drops a crash that has happened.
    pub(super) fn clear_crash(&mut self) {
        self.for_all.remove(&Disruption::Crash);
    }

    /// Drops the disruptions that consist of faults or delays, after these were removed.
    pub(super) fn clear_faults(&mut self) {
        self.for_all.retain(|disruption| {
            faults_of(*disruption).is_empty() && *disruption != Disruption::SlowAnswers
        });
    }
}

/// The group of the customer's first team whose group exists.
async fn first_group(env: &Environment, index: usize) -> Result<GroupId, Refused> {
    let customer = &env.customers[index];
    let links = env.links(customer).await;
    let mut groups = env.world().teams(customer.handle.org).into_iter().filter_map(|team| {
        let group = links.get(&team)?.link.group()?;
        (!is_deleted(env, group)).then_some(group)
    });
    groups.next().ok_or_else(|| refused("There is no linked group yet."))
}
