//! The local stack with the page's customers, and lookups in both.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use engine::link::{self, LinkRow, Who};
use jiff::Timestamp;
use sim::{Refused, World};
use store::table::{Key, Query, Store, from_item};
use uuid::Uuid;

use super::action::Target;
use super::cast::Customer;
use super::interceptor::Interceptor;
use super::log::{EntryKind, Log, Note};
use crate::local_stack::{Backend, LocalStack};

/// The maximum number of links that are read; more are never created by hand.
const MAX_LINKS: usize = 1000;

/// The local stack, the customers, and the log.
pub(super) struct Environment {
    pub(super) stack: LocalStack,
    pub(super) interceptor: Arc<Interceptor>,
    pub(super) customers: Vec<Customer>,
    pub(super) log: Log,
}

/// A refusal with this reason.
pub(super) fn refused(why: impl Into<String>) -> Refused {
    Refused(why.into())
}

impl Environment {
    pub(super) fn backend(&self) -> &Backend {
        self.stack.backend()
    }

    pub(super) fn world(&self) -> &World {
        &self.backend().world
    }

    pub(super) fn now(&self) -> Timestamp {
        self.backend().clock.now()
    }

    /// Logs an entry at the current time.
    pub(super) fn note(
        &mut self,
        tenant: Option<&'static str>,
        kind: EntryKind,
        note: impl Into<Note>,
    ) {
        self.log.add(self.now(), tenant, kind, note);
    }

    /// The index of the customer of a team or group.
    pub(super) fn customer_of(&self, target: Target) -> Result<usize, Refused> {
        let world = self.world();
        let found = self.customers.iter().position(|customer| match target {
            Target::Team(team) => world.teams(customer.handle.org).contains(&team),
            Target::Group(group) => world.groups(customer.handle.directory).contains_key(&group),
        });
        found.ok_or_else(|| refused("There is no such team or group."))
    }

    /// The index of the customer with this account.
    pub(super) fn customer_with(&self, person: Uuid) -> Result<usize, Refused> {
        let has_account = |customer: &Customer| customer.account(person).is_some();
        let found = self.customers.iter().position(has_account);
        found.ok_or_else(|| refused("There is no account with this ID."))
    }

    /// The index of the customer with this slug.
    pub(super) fn customer_named(&self, slug: &str) -> Result<usize, Refused> {
        let found = self.customers.iter().position(|customer| customer.slug == slug);
        found.ok_or_else(|| refused(format!("There is no customer “{slug}”.")))
    }

    /// The customer of a tenant.
    pub(super) fn customer_of_tenant(&self, tenant: TenantId) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.tenant == tenant)
    }

    pub(super) fn title(&self, target: Target) -> String {
        let world = self.world();
        let title = match target {
            Target::Team(team) => world.team(team).map(|team| team.title),
            Target::Group(group) => world.group(group).map(|group| group.display_name),
        };
        title.unwrap_or_else(|| "deleted".into())
    }

    /// The customer's links, by team.
    pub(super) async fn links(&self, customer: &Customer) -> BTreeMap<TeamId, LinkRow> {
        let Key { pk, .. } = link::key(customer.tenant, TeamId(Uuid::nil()));
        let query = Query::Partition { pk, prefix: String::new() };
        let page = self.backend().store.query(&query, MAX_LINKS, None).await;
        let items = page.map(|page| page.items).unwrap_or_default();
        let rows = items.into_iter().filter_map(|item| from_item::<LinkRow>(item).ok());
        rows.map(|row| (row.link.team, row)).collect()
    }

    /// Names for the ids in calls.
    pub(super) fn names_of_ids(&self) -> HashMap<Uuid, String> {
        let world = self.world();
        let mut names = HashMap::new();
        for customer in &self.customers {
            for account in &customer.people {
                let name = account.first_name();
                names.extend(account.object.map(|object| (object.0, name.to_owned())));
                names.extend(account.person.map(|person| (person.0, name.to_owned())));
            }
            let handle = &customer.handle;
            names.insert(handle.service_account.0, "service account".into());
            names.insert(handle.org.0, handle.name.clone());
            names.insert(handle.directory.0, handle.name.clone());
            let teams = world.teams(handle.org).into_iter();
            names.extend(teams.map(|team| (team.0, self.title(Target::Team(team)))));
            let groups = world.groups(handle.directory).into_iter();
            names.extend(groups.map(|(id, group)| (id.0, group.display_name)));
        }
        names
    }
}

/// The name of a person on a link.
pub(super) fn name_of(customer: &Customer, who: Who) -> String {
    let account = match who {
        Who::Person(person) => customer.of_person(person.person),
        Who::Webex(person) => customer.of_person(person),
        Who::Entra(object) => customer.of_object(object),
    };
    account.map_or_else(|| "An unknown person".to_owned(), |account| account.name.clone())
}
