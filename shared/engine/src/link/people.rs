//! The people of a link, an item each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activity::EntryId;
use domain::ids::{ObjectId, PersonId, TeamId, TenantId};
use domain::membership::{LeftOut, Person};
use domain::merge::Memory;
use store::keys::team_partition;
use store::message::Cause;
use store::table::{Condition, Key, Query, Store, StoreError, Write, from_item, to_item};

/// What the sort keys of people begin with.
pub(super) const PREFIX: &str = "PERSON#";

/// Somebody on a link: a person, or half of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Both ids are known.
    Person(Person),
    /// Only on the team's side.
    Webex(PersonId),
    /// Only on the group's side.
    Entra(ObjectId),
}

impl Who {
    fn sort_key(self) -> String {
        match self {
            Self::Person(Person { object, person }) => format!("{PREFIX}{object}#{person}"),
            Self::Webex(person) => format!("{PREFIX}-#{person}"),
            Self::Entra(object) => format!("{PREFIX}{object}#-"),
        }
    }

    fn from_sort_key(text: &str) -> Option<Self> {
        let (object, person) = text.strip_prefix(PREFIX)?.split_once('#')?;
        match (object, person) {
            ("-", person) => Some(Self::Webex(person.parse().ok()?)),
            (object, "-") => Some(Self::Entra(object.parse().ok()?)),
            (object, person) => {
                Some(Self::Person(Person { object: object.parse().ok()?, person: person.parse().ok()? }))
            }
        }
    }
}

/// What is stored of somebody on a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnLink {
    /// What the merge knows.
    #[serde(default)]
    pub memory: Memory,
    /// Why the person is left out, if so.
    #[serde(default)]
    pub left_out: Option<LeftOut>,
    /// Why the person is what it is.
    #[serde(default)]
    pub because: Option<Because>,
}

/// What last changed for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// What, in words.
    pub words: String,
    /// What gave rise to it.
    pub event: Cause,
    /// When.
    pub at: Timestamp,
    /// Where it is told whole, with the request ids.
    pub entry: EntryId,
}

/// Everybody on a link.
pub async fn people(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<BTreeMap<Who, OnLink>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let mut people = BTreeMap::new();
    let mut start = None;
    loop {
        let page = store.query(&query, 1000, start.as_ref()).await?;
        for item in page.items {
            let who = Key::of(&item).and_then(|key| Who::from_sort_key(&key.sk));
            let who = who.ok_or_else(|| StoreError::Malformed(format!("a person of team {team}")))?;
            people.insert(who, from_item(item)?);
        }
        start = page.next;
        if start.is_none() {
            return Ok(people);
        }
    }
}

/// Stores somebody on a link.
pub fn put_person(tenant: TenantId, team: TeamId, who: Who, on_link: &OnLink) -> Result<Write, StoreError> {
    Ok(Write::Put(to_item(&Key::new(team_partition(tenant, team), who.sort_key()), on_link)?, Condition::Any))
}

/// Forgets somebody on a link.
pub fn delete_person(tenant: TenantId, team: TeamId, who: Who) -> Write {
    Write::Delete(Key::new(team_partition(tenant, team), who.sort_key()), Condition::Any)
}
