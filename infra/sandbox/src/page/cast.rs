//! Two customers with their people, as the page shows them at first.

use std::time::Duration;

use domain::ids::{ObjectId, PersonId, TeamId, TenantId};
use uuid::Uuid;

use crate::Role;
use crate::house::Ground;
use crate::world::{Refused, TenantHandle, World};

/// A customer of the page.
pub(super) struct Customer {
    /// Its name in addresses.
    pub(super) slug: &'static str,
    pub(super) handle: TenantHandle,
    /// Our own id of it, once it is signed up.
    pub(super) tenant: TenantId,
    pub(super) people: Vec<Somebody>,
}

/// An account on one side or on both.
pub(super) struct Somebody {
    pub(super) name: String,
    pub(super) object: Option<ObjectId>,
    pub(super) person: Option<PersonId>,
    /// What is special about the account, in words.
    pub(super) kind: &'static str,
}

impl Somebody {
    /// How the page calls this person: by the object id, else by Webex's.
    pub(super) fn id(&self) -> Uuid {
        self.object.map(|object| object.0).or(self.person.map(|person| person.0)).unwrap_or_default()
    }

    /// The name that friends use.
    pub(super) fn first_name(&self) -> &str {
        first(&self.name)
    }
}

/// The first of a person's names.
pub(super) fn first(name: &str) -> &str {
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
const FABRIKAM: [&str; 7] =
    ["Tariq Aziz", "Uma Rao", "Viktor Hansen", "Wanda Kowalska", "Xenia Popa", "Yusuf Kaya", "Zoë Jansen"];

/// How many of the first customer's people are in its first team.
const IN_LIGHTHOUSE: usize = 7;

impl Customer {
    /// Contoso: people of every kind, and two teams.
    pub(super) fn contoso(ground: &Ground) -> Result<Self, Refused> {
        let world = &ground.world;
        let mut customer = Self::found(world, "contoso", "Contoso", &CONTOSO);
        let handle = customer.handle.clone();
        let pending = world.add_pending(&handle, "Olga Petrova");
        let unlinked = world.add_webex_only(&handle, "Pavel Horák");
        let bot = world.add_bot(&handle, "Stand-up bot");
        let one = |name: &str, object, person, kind| Somebody { name: name.into(), object, person, kind };
        customer.people.extend([
            one("Olga Petrova", Some(pending.object), Some(pending.person), "never signed in to Webex"),
            one("Pavel Horák", None, Some(unlinked), "not synchronized from Entra ID"),
            one("Quinn Adler", Some(world.add_entra_only(&handle, "Quinn Adler")), None, "no Webex account"),
            one("Rosa Vidal", Some(world.add_guest(&handle, "Rosa Vidal")), None, "guest"),
            one("Stand-up bot", None, Some(bot), "bot"),
        ]);
        let lighthouse = customer.team(world, "Lighthouse", 0..IN_LIGHTHOUSE)?;
        world.add_to_team(lighthouse, unlinked, Role::Member)?;
        world.add_to_team(lighthouse, bot, Role::Member)?;
        // So that it comes after the first one in every list.
        ground.clock.advance(Duration::from_secs(1));
        customer.team(world, "Harbour crew", IN_LIGHTHOUSE..IN_LIGHTHOUSE + 4)?;
        Ok(customer)
    }

    /// Fabrikam, in Webex's European region.
    pub(super) fn fabrikam(world: &World) -> Result<Self, Refused> {
        let customer = Self::found(world, "fabrikam", "Fabrikam", &FABRIKAM);
        customer.team(world, "Bakery", 0..4)?;
        Ok(customer)
    }

    fn found(world: &World, slug: &'static str, name: &str, names: &[&str]) -> Self {
        let handle = world.add_tenant(name);
        let people = names.iter().map(|name| {
            let ids = world.add_person(&handle, name);
            Somebody { name: (*name).into(), object: Some(ids.object), person: Some(ids.person), kind: "" }
        });
        Self { slug, tenant: TenantId(Uuid::nil()), people: people.collect(), handle }
    }

    /// A team of some of the people, the first of whom created it.
    fn team(&self, world: &World, name: &str, who: std::ops::Range<usize>) -> Result<TeamId, Refused> {
        let mut people = self.people[who].iter().filter_map(|somebody| somebody.person);
        let creator = people.next().ok_or_else(|| Refused("a team needs a creator".into()))?;
        let team = world.create_team(creator, name);
        people.try_for_each(|person| world.add_to_team(team, person, Role::Member))?;
        Ok(team)
    }

    /// Whom the page calls so.
    pub(super) fn somebody(&self, id: Uuid) -> Option<&Somebody> {
        self.people.iter().find(|somebody| somebody.id() == id)
    }

    pub(super) fn of_person(&self, person: PersonId) -> Option<&Somebody> {
        self.people.iter().find(|somebody| somebody.person == Some(person))
    }

    pub(super) fn of_object(&self, object: ObjectId) -> Option<&Somebody> {
        self.people.iter().find(|somebody| somebody.object == Some(object))
    }
}
