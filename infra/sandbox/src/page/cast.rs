//! The two customers of the page, with their people.

use std::time::Duration;

use domain::ids::{ObjectId, PersonId, TeamId, TenantId};
use sim::{MembershipRole, Refused, TenantHandle, World};
use uuid::Uuid;

use crate::local_stack::Backend;

/// A customer of the page.
pub(super) struct Customer {
    /// Its name in URLs.
    pub(super) slug: &'static str,
    pub(super) handle: TenantHandle,
    /// Our id of the tenant, after sign-up.
    pub(super) tenant: TenantId,
    pub(super) people: Vec<Account>,
}

/// An account on one side or on both.
pub(super) struct Account {
    pub(super) name: String,
    pub(super) object: Option<ObjectId>,
    pub(super) person: Option<PersonId>,
    /// A remark about special accounts.
    pub(super) kind: &'static str,
}

impl Account {
    /// The id that the page uses: the object id, or else Webex's.
    pub(super) fn id(&self) -> Uuid {
        let webex = self.person.map(|person| person.0);
        self.object.map(|object| object.0).or(webex).unwrap_or_default()
    }

    pub(super) fn first_name(&self) -> &str {
        first_name(&self.name)
    }
}

/// The first word of a name.
pub(super) fn first_name(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

const CONTOSO: [&str; 14] = [
    "Ana Arndt",
    "Ben Costa",
    "Chloé Martin",
    "Dario Bellini",
    "Elif Demir",
    "Farid Haddad",
    "Greta Lindqvist",
    "Hugo Laurent",
    "Ines Duarte",
    "Jonas Weber",
    "Kaya Öztürk",
    "Liam O’Neill",
    "Mira Novak",
    "Noah Keller",
];
const FABRIKAM: [&str; 7] = [
    "Tariq Aziz",
    "Uma Rao",
    "Viktor Hansen",
    "Wanda Kowalska",
    "Xenia Popa",
    "Yusuf Kaya",
    "Zoë Jansen",
];

const ACME: [&str; 6] =
    ["Ada Arndt", "Ben Bellini", "Chloé Costa", "Dario Demir", "Elif Eriksen", "Farid Arndt"];

/// People of Acme with an account on either side, and no externalId that connects the accounts.
pub(super) const UNMATCHED: [&str; 2] = ["Gwen Garcia", "Hanna Holm"];

/// The name in Acme's directory of the last of them, who has another one in Webex.
pub(super) const RENAMED: &str = "Hanna Meyer";

/// The number of Contoso's people in its first team.
const IN_LIGHTHOUSE: usize = 7;

impl Customer {
    /// Contoso: accounts of every kind, and two teams.
    pub(super) fn contoso(backend: &Backend) -> Result<Self, Refused> {
        let world = &backend.world;
        let mut customer = Self::create(world, "contoso", "Contoso", &CONTOSO);
        let handle = customer.handle.clone();
        let pending = world.add_pending(&handle, "Olga Petrova");
        let webex_only = world.add_webex_only(&handle, "Pavel Horák");
        let entra_only = world.add_entra_only(&handle, "Quinn Adler");
        let guest = world.add_guest(&handle, "Rosa Vidal");
        let bot = world.add_bot(&handle, "Stand-up bot");
        let account =
            |name: &str, object, person, kind| Account { name: name.into(), object, person, kind };
        let (object, person) = (Some(pending.object), Some(pending.person));
        let not_synced = "not synchronized from Entra ID";
        customer.people.extend([
            account("Olga Petrova", object, person, "never signed in to Webex"),
            account("Pavel Horák", None, Some(webex_only), not_synced),
            account("Quinn Adler", Some(entra_only), None, "no Webex account"),
            account("Rosa Vidal", Some(guest), None, "guest"),
            account("Stand-up bot", None, Some(bot), "bot"),
        ]);
        let lighthouse = customer.create_team(world, "Lighthouse", 0..IN_LIGHTHOUSE)?;
        world.add_to_team(lighthouse, webex_only, MembershipRole::Member)?;
        world.add_to_team(lighthouse, bot, MembershipRole::Member)?;
        // A second later, so that the second team follows the first in every list.
        backend.clock.advance(Duration::from_secs(1));
        customer.create_team(world, "Harbour crew", IN_LIGHTHOUSE..IN_LIGHTHOUSE + 4)?;
        Ok(customer)
    }

    /// Acme, which has neither connected nor consented yet.
    pub(super) fn acme(world: &World) -> Self {
        let mut customer = Self::create(world, "acme", "Acme", &ACME);
        let handle = customer.handle.clone();
        // A simulated tenant has consented already, which is what the pages are to show.
        world.withdraw_consent(handle.directory);
        let account = |name: &str, object, person, kind| {
            let name = name.into();
            Account { name, object, person, kind }
        };
        for name in UNMATCHED {
            let (person, object) =
                (world.add_webex_only(&handle, name), world.add_entra_only(&handle, name));
            customer.people.push(account(name, None, Some(person), "no externalId"));
            customer.people.push(account(name, Some(object), None, "no Webex account"));
        }
        let renamed = world.add_entra_only(&handle, RENAMED);
        customer.people.push(account(RENAMED, Some(renamed), None, "Hanna Holm in Webex"));
        customer
    }

    /// Returns `true` once the organization has a tenant.
    pub(super) fn is_connected(&self) -> bool {
        !self.tenant.0.is_nil()
    }

    /// Fabrikam, in Webex's European region.
    pub(super) fn fabrikam(world: &World) -> Result<Self, Refused> {
        let customer = Self::create(world, "fabrikam", "Fabrikam", &FABRIKAM);
        customer.create_team(world, "Bakery", 0..4)?;
        Ok(customer)
    }

    fn create(world: &World, slug: &'static str, name: &str, names: &[&str]) -> Self {
        let handle = world.add_tenant(name);
        let account = |name: &&str| {
            let ids = world.add_person(&handle, name);
            let (object, person) = (Some(ids.object), Some(ids.person));
            Account { name: (*name).into(), object, person, kind: "" }
        };
        let people = names.iter().map(account).collect();
        Self { slug, tenant: TenantId(Uuid::nil()), people, handle }
    }

    /// Creates a team of a range of people, the first of whom is its moderator.
    fn create_team(
        &self,
        world: &World,
        name: &str,
        people: std::ops::Range<usize>,
    ) -> Result<TeamId, Refused> {
        let mut people = self.people[people].iter().filter_map(|account| account.person);
        let creator = people.next().ok_or_else(|| Refused("a team needs a creator".into()))?;
        let team = world.create_team(creator, name);
        people.try_for_each(|person| world.add_to_team(team, person, MembershipRole::Member))?;
        Ok(team)
    }

    /// The account with this id of the page.
    pub(super) fn account(&self, id: Uuid) -> Option<&Account> {
        self.people.iter().find(|account| account.id() == id)
    }

    pub(super) fn of_person(&self, person: PersonId) -> Option<&Account> {
        self.people.iter().find(|account| account.person == Some(person))
    }

    pub(super) fn of_object(&self, object: ObjectId) -> Option<&Account> {
        self.people.iter().find(|account| account.object == Some(object))
    }
}
