//! A comparison of a team and its group.

use std::collections::BTreeMap;

use domain::membership::{Person, Role, Side, Sides};
use domain::merge::PersonState;
use engine::link::{LinkPerson, Who};
use serde::Serialize;
use sim::{Group, MembershipRole, Team};
use uuid::Uuid;

use super::cast::{Account, Customer};

/// A person in a team or a group.
#[derive(Serialize)]
pub(super) struct PersonView {
    id: Uuid,
    name: String,
    role: Role,
    counterpart: Counterpart,
}

/// The same person on the other side.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Counterpart {
    /// Has the same role.
    Same,
    /// Is missing or has another role: a sync is due.
    Different,
    /// Is excluded from the sync.
    Excluded,
    /// Is the account that the functions use.
    ServiceAccount,
    /// The other side does not exist.
    None,
}

/// A team and its group in the services, with the stored people of the link.
pub(super) struct Comparison<'a> {
    pub(super) customer: &'a Customer,
    pub(super) team: Option<&'a Team>,
    pub(super) group: Option<&'a Group>,
    pub(super) people: &'a BTreeMap<Who, LinkPerson>,
}

impl Comparison<'_> {
    fn role(&self, side: Side, account: &Account) -> Role {
        match side {
            Side::Team => {
                let role = account.person.and_then(|person| self.team?.people.get(&person));
                role.map_or(Role::None, |role| role_in_team(*role))
            }
            Side::Group => match (self.group, account.object) {
                (Some(group), Some(object)) if group.owners.contains(&object) => Role::Owner,
                (Some(group), Some(object)) if group.members.contains(&object) => Role::Member,
                _ => Role::None,
            },
        }
    }

    fn is_excluded(&self, account: &Account) -> bool {
        let is_account = |who: &Who| match who {
            Who::Person(person) => {
                Some(person.person) == account.person || Some(person.object) == account.object
            }
            Who::Webex(person) => Some(*person) == account.person,
            Who::Entra(object) => Some(*object) == account.object,
        };
        // An account of one side can never be equal on both, even before the first sync.
        let is_one_sided = account.person.is_none() || account.object.is_none();
        let mut people = self.people.iter();
        is_one_sided || people.any(|(who, person)| person.excluded.is_some() && is_account(who))
    }

    /// The number of differences that a sync should resolve. A deleted group is one.
    pub(super) fn differences(&self) -> usize {
        let (Some(_), Some(group)) = (self.team, self.group) else {
            return 0;
        };
        let people = self.differing_people().count();
        let name = usize::from(self.differing_name().is_some());
        people + name + usize::from(group.deleted.is_some())
    }

    /// The people whose roles differ, with their roles.
    pub(super) fn differing_people(&self) -> impl Iterator<Item = (&Account, Sides<Role>)> {
        let people = self.customer.people.iter().filter(|account| !self.is_excluded(account));
        let roles = |account| Sides::each(|side| self.role(side, account));
        let people = people.map(move |account| (account, roles(account)));
        people.filter(|(_, roles)| !roles.are_equal())
    }

    /// The group's name, if it is not the team's.
    pub(super) fn differing_name(&self) -> Option<&str> {
        let (team, group) = (self.team?, self.group?);
        // The directory's naming policy may add a prefix or suffix.
        (!group.display_name.contains(&team.title)).then_some(group.display_name.as_str())
    }

    /// The stored state of a person with both accounts.
    pub(super) fn state_of(&self, account: &Account) -> Option<&PersonState> {
        let person = Person { object: account.object?, person: account.person? };
        self.people.get(&Who::Person(person)).map(|person| &person.state)
    }

    /// The people of one side; the service account comes last.
    pub(super) fn people_of(&self, side: Side) -> Vec<PersonView> {
        let people = self.customer.people.iter();
        let mut views: Vec<_> = people.filter_map(|account| self.person(side, account)).collect();
        if side == Side::Team {
            views.extend(self.service_account());
        }
        views
    }

    fn person(&self, side: Side, account: &Account) -> Option<PersonView> {
        let role = self.role(side, account);
        let counterpart = match self.role(side.other(), account) {
            _ if self.team.is_none() || self.group.is_none() => Counterpart::None,
            _ if self.is_excluded(account) => Counterpart::Excluded,
            other if other == role => Counterpart::Same,
            _ => Counterpart::Different,
        };
        let view =
            || PersonView { id: account.id(), name: account.name.clone(), role, counterpart };
        role.is_present().then(view)
    }

    fn service_account(&self) -> Option<PersonView> {
        let id = self.customer.handle.service_account;
        let role = self.team?.people.get(&id)?;
        Some(PersonView {
            id: id.0,
            name: "The integration".into(),
            role: role_in_team(*role),
            counterpart: Counterpart::ServiceAccount,
        })
    }
}

fn role_in_team(role: MembershipRole) -> Role {
    match role {
        MembershipRole::Moderator => Role::Owner,
        MembershipRole::Member => Role::Member,
    }
}
