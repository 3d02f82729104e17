//! Troubles that can be switched on and off, and how each is survived.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::ids::{GroupId, ObjectId, PersonId};
use serde::{Deserialize, Serialize};

use super::log::{EntryKind, Words};
use super::play::{Play, refused};
use super::watch::Slow;
use crate::world::Refused;
use crate::{AdminRole, Fault, Service};

/// How late Graph's replicas are in the trouble of that name.
const LAG: Duration = Duration::from_secs(600);

/// How late Graph's answers are in the trouble of that name: nearly too late.
const LATE: Duration = Duration::from_secs(8);

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Graph's replicas show writes late.
    ReplicaLag,
    /// Graph answers nothing but 429.
    Storm,
    /// Webex delivers no webhooks.
    WebhooksOff,
    /// Graph delivers no notifications.
    NotificationsLost,
    /// Writes take effect, and their answers are lost.
    AnswersLost,
    /// Graph answers late.
    SlowAnswers,
    /// The functions die in the middle of their work.
    Crash,
    /// The officer's account loses its role.
    OfficerRole,
    /// A directory mishap clears every externalId.
    ExternalIds,
    /// Somebody deletes a group.
    GroupDeleted,
    /// Somebody removes nearly everybody from a group.
    MassRemoval,
}

/// Whom a trouble strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// All customers.
    Everybody,
    /// One customer.
    Customer,
}

/// A trouble in words.
pub(super) struct Described {
    pub(super) title: &'static str,
    /// What goes wrong.
    pub(super) what: &'static str,
    /// How it is survived.
    pub(super) survived: &'static str,
    pub(super) reach: Reach,
}

impl Trouble {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 11] = [
        Self::ReplicaLag,
        Self::Storm,
        Self::Crash,
        Self::AnswersLost,
        Self::WebhooksOff,
        Self::NotificationsLost,
        Self::SlowAnswers,
        Self::MassRemoval,
        Self::GroupDeleted,
        Self::ExternalIds,
        Self::OfficerRole,
    ];

    pub(super) fn described(self) -> Described {
        let (title, what, survived, reach) = match self {
            Self::ReplicaLag => (
                "Late replicas",
                "Microsoft shows each write up to ten minutes late, and every replica at another time.",
                "What was written, or first read, stands for 15 minutes against readings that show something older: nobody flickers.",
                Reach::Everybody,
            ),
            Self::Storm => (
                "Throttling storm",
                "Every call to Microsoft is answered with 429, Retry-After: 120.",
                "The customer’s gate shuts until then, nothing is asked meanwhile, and all that was missed is carried over in one go.",
                Reach::Everybody,
            ),
            Self::Crash => (
                "Cut off in the middle",
                "The functions die at their next write: it takes effect, and they never hear of it. Change something and watch.",
                "What is about to be written is stored first. The next look finds out what became of it and goes on.",
                Reach::Everybody,
            ),
            Self::AnswersLost => (
                "Answers are lost",
                "Writes take effect, but the connection breaks before the answer arrives.",
                "Nobody is asked twice blindly: the next reading shows whether it happened.",
                Reach::Everybody,
            ),
            Self::WebhooksOff => (
                "No webhooks",
                "Webex delivers no webhook any more.",
                "The round reads Webex’s events every minute and finds what the webhooks would have said.",
                Reach::Everybody,
            ),
            Self::NotificationsLost => (
                "No notifications",
                "Microsoft’s change notifications are lost.",
                "Hints only save time: the rounds and at the latest the daily look find what they would have said.",
                Reach::Everybody,
            ),
            Self::SlowAnswers => (
                "Slow answers",
                "Microsoft takes eight seconds for every answer.",
                "No call is begun that could outlast the invocation; what is left over is carried over by the next look.",
                Reach::Everybody,
            ),
            Self::MassRemoval => (
                "Everybody is removed",
                "Somebody, or a script, removes all but the owners from the first linked group.",
                "The brake holds the whole plan: nobody leaves the team until an administrator has decided.",
                Reach::Customer,
            ),
            Self::GroupDeleted => (
                "Group deleted",
                "Somebody deletes the first linked group, while its team lives.",
                "It is restored once, with the same id and the same people.",
                Reach::Customer,
            ),
            Self::ExternalIds => (
                "externalIds cleared",
                "A mishap of the directory’s synchronization empties the externalId of every Webex account.",
                "Whoever cannot be recognized is left where he is, on both sides. With the ids back, all goes on as before.",
                Reach::Customer,
            ),
            Self::OfficerRole => (
                "Officer loses the role",
                "The account that the functions work with is no compliance officer any more.",
                "What it cannot read proves nothing: nobody is removed for it. With the role back, all goes on.",
                Reach::Customer,
            ),
        };
        Described { title, what, survived, reach }
    }
}

/// Whether something is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is, from now on.
    On,
    /// It is not.
    Off,
}

/// What is needed to end the troubles that are on.
#[derive(Default)]
pub(super) struct Troubles {
    everywhere: BTreeSet<Trouble>,
    /// By customer: the externalIds that were cleared.
    cleared: BTreeMap<usize, BTreeMap<PersonId, String>>,
    roleless: BTreeSet<usize>,
    deleted: BTreeMap<usize, GroupId>,
    removed: BTreeMap<usize, (GroupId, Vec<ObjectId>)>,
}

fn faults_of(trouble: Trouble) -> Vec<Fault> {
    let for_ever = |fault: Fault| fault.times(u32::MAX);
    match trouble {
        Trouble::Storm => vec![for_ever(Fault::throttled("120").on(Service::Graph))],
        Trouble::AnswersLost => {
            let lost =
                |service, path: &str, method: &&str| for_ever(Fault::cut_after().on(service).method(method).path(path));
            let of_webex = ["POST", "PUT", "DELETE"].iter().map(|method| lost(Service::Webex, "/memberships", method));
            let of_graph = ["POST", "PATCH", "DELETE"].iter().map(|method| lost(Service::Graph, "/groups", method));
            of_webex.chain(of_graph).collect()
        }
        _ => vec![],
    }
}

impl Play {
    /// Whether a trouble is on, for everybody or for this customer.
    pub(super) fn is_on(&self, at: usize, trouble: Trouble) -> bool {
        let troubles = &self.troubles;
        match trouble {
            Trouble::Crash => self.watch.is_armed(),
            Trouble::ExternalIds => troubles.cleared.contains_key(&at),
            Trouble::OfficerRole => troubles.roleless.contains(&at),
            Trouble::GroupDeleted => troubles.deleted.get(&at).is_some_and(|group| self.is_deleted(*group)),
            Trouble::MassRemoval => troubles.removed.get(&at).is_some_and(|(group, people)| {
                self.world().group(*group).is_some_and(|seen| people.iter().all(|one| !seen.members.contains(one)))
            }),
            _ => troubles.everywhere.contains(&trouble),
        }
    }

    fn is_deleted(&self, group: GroupId) -> bool {
        self.world().group(group).is_some_and(|seen| seen.deleted.is_some())
    }

    /// Switches a trouble on or off. One that is as wished already stays so.
    ///
    /// # Errors
    /// Where the customer has no linked group to be struck.
    pub async fn switch(&mut self, at: usize, trouble: Trouble, switch: Switch) -> Result<(), Refused> {
        if (switch == Switch::On) == self.is_on(at, trouble) {
            return Ok(());
        }
        match trouble.described().reach {
            Reach::Everybody => self.switch_everywhere(trouble, switch),
            Reach::Customer => self.switch_for(at, trouble, switch).await?,
        }
        let Described { title, what, reach, .. } = trouble.described();
        let text = match switch {
            Switch::On => what.to_owned(),
            Switch::Off => "It is over.".to_owned(),
        };
        let whose = (reach == Reach::Customer).then_some(self.customers[at].slug);
        self.note(whose, EntryKind::Trouble, Words::from(text).about(title));
        Ok(())
    }

    fn switch_everywhere(&mut self, trouble: Trouble, switch: Switch) {
        let world = self.world().clone();
        let is_on = switch == Switch::On;
        if is_on {
            self.troubles.everywhere.insert(trouble);
        } else {
            self.troubles.everywhere.remove(&trouble);
        }
        let lost = if is_on { 100 } else { 0 };
        match trouble {
            Trouble::ReplicaLag => {
                world.graph_settings(|settings| settings.replica_lag = if is_on { LAG } else { Duration::ZERO });
            }
            Trouble::WebhooksOff => world.webex_settings(|settings| settings.deliveries_lost = lost),
            Trouble::NotificationsLost => world.graph_settings(|settings| settings.notifications_lost = lost),
            Trouble::SlowAnswers => {
                let slow = Slow { service: Some(Service::Graph), by: LATE, times: u32::MAX };
                if is_on { self.watch.slow_down(slow) } else { self.watch.speed_up(|order| *order == slow) }
            }
            Trouble::Crash if is_on => self.watch.arm(),
            Trouble::Crash => self.watch.disarm(),
            _ if is_on => faults_of(trouble).into_iter().for_each(|fault| world.fault(fault)),
            _ => faults_of(trouble).iter().for_each(|fault| world.withdraw(fault)),
        }
    }

    async fn switch_for(&mut self, at: usize, trouble: Trouble, switch: Switch) -> Result<(), Refused> {
        let world = self.world().clone();
        let handle = self.customers[at].handle.clone();
        match (trouble, switch) {
            (Trouble::ExternalIds, Switch::On) => {
                self.troubles.cleared.insert(at, world.clear_external_ids(handle.org));
            }
            (Trouble::ExternalIds, Switch::Off) => {
                for (person, external) in self.troubles.cleared.remove(&at).unwrap_or_default() {
                    world.set_external_id(person, external.parse().ok());
                }
            }
            (Trouble::OfficerRole, Switch::On) => {
                self.troubles.roleless.insert(at);
                world.take_role(handle.officer, AdminRole::ComplianceOfficer);
            }
            (Trouble::OfficerRole, Switch::Off) => {
                self.troubles.roleless.remove(&at);
                world.give_role(handle.officer, AdminRole::ComplianceOfficer);
            }
            (Trouble::GroupDeleted, Switch::On) => {
                let group = self.first_group(at).await?;
                self.troubles.deleted.insert(at, group);
                world.delete_group(group);
            }
            (Trouble::GroupDeleted, Switch::Off) => {
                if let Some(group) = self.troubles.deleted.remove(&at) {
                    world.restore_group(group);
                }
            }
            (_, Switch::On) => {
                let group = self.first_group(at).await?;
                let seen = world.group(group).ok_or_else(|| refused("The group is gone."))?;
                let people: Vec<ObjectId> = seen.members.difference(&seen.owners).copied().collect();
                if people.is_empty() {
                    return Err(refused("The group has owners only."));
                }
                people.iter().for_each(|person| world.remove_member(group, *person));
                self.troubles.removed.insert(at, (group, people));
            }
            (_, Switch::Off) => {
                if let Some((group, people)) = self.troubles.removed.remove(&at) {
                    people.iter().for_each(|person| world.add_member(group, *person));
                }
            }
        }
        Ok(())
    }

    /// The group of the customer's first team that has a living one.
    async fn first_group(&self, at: usize) -> Result<GroupId, Refused> {
        let links = self.links(at).await;
        let groups = self.world().teams(self.customers[at].handle.org).into_iter().filter_map(|team| {
            let group = links.get(&team)?.link.group()?;
            (!self.is_deleted(group)).then_some(group)
        });
        groups.into_iter().next().ok_or_else(|| refused("There is no linked group yet."))
    }
}

impl Troubles {
    /// A trouble that strikes once has struck.
    pub(super) fn is_over(&mut self, trouble: Trouble) {
        self.everywhere.remove(&trouble);
    }

    /// All ordered failures were taken back, and with them the troubles that are made of them.
    pub(super) fn have_no_faults(&mut self) {
        self.everywhere.retain(|trouble| faults_of(*trouble).is_empty() && *trouble != Trouble::SlowAnswers);
    }
}
