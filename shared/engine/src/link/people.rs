//! The people of a link, an item each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activity::EntryId;
use crate::codes::{ChangeReason, Refusal};
use crate::safety::removal_counter;
use crate::stored::{readable, report_unreadable};
use domain::ids::{ObjectId, PersonId, TeamId, TenantId};
use domain::membership::{ExclusionReason, Person, Side};
use domain::merge::PersonState;
use store::keys::team_partition;
use store::message::Trigger;
use store::pages;
use store::table::{Condition, Key, Query, Store, StoreError, Write, to_item};

/// Prefix of the items' sort keys.
pub(super) const PREFIX: &str = "PERSON#";

/// Items of one page of a query.
const PAGE: usize = 1000;

/// A person on a link, of whom one id may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Both ids are known.
    Person(Person),
    /// Only the team's side is known.
    Webex(PersonId),
    /// Only the group's side is known.
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
        Some(match (object, person) {
            ("-", person) => Self::Webex(person.parse().ok()?),
            (object, "-") => Self::Entra(object.parse().ok()?),
            (object, person) => {
                Self::Person(Person { object: object.parse().ok()?, person: person.parse().ok()? })
            }
        })
    }
}

/// The stored state of a person on a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPerson {
    /// The merge's state.
    #[serde(default)]
    pub state: PersonState,
    /// The reason of the exclusion, if the person is excluded.
    #[serde(default)]
    pub excluded: Option<ExclusionReason>,
    /// The last change of the person's role.
    #[serde(default)]
    pub last_change: Option<LastChange>,
    /// The removal that counts against the limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<CountedRemoval>,
    /// An alert was raised about the failure that keeps them out of sync.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_failing: bool,
}

/// A removal that counts against the limits of the link and the tenant, once in 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRemoval {
    /// The side of the removal.
    pub side: Side,
    /// The moment when it was first about to be made.
    pub at: Timestamp,
}

impl CountedRemoval {
    /// Returns `true` if the removal still counts in time.
    pub fn is_within_a_day(&self, now: Timestamp) -> bool {
        removal_counter::is_within_a_day(self.at, now)
    }

    /// Returns `true` if the removal was made, or may have been. Otherwise it is given back.
    pub(crate) fn may_have_happened(&self, state: &PersonState) -> bool {
        let is_open =
            // A removal that is about to be made can already be on its way.
            state.intents.iter().any(|open| open.side == self.side && !open.to.is_present());
        // The service can have removed the person before its answer was lost.
        let is_unanswered = state.unanswered.is_some_and(|one| one.side == self.side);
        is_open || is_unanswered || !state.baseline[self.side].is_present()
    }
}

/// The last change of a person's role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// The reason.
    pub reason: ChangeReason,
    /// The refusal, if the change was refused.
    pub refused: Option<Refusal>,
    /// The trigger of the sync.
    pub trigger: Trigger,
    /// The beginning of the sync.
    pub at: Timestamp,
    /// The activity entry, which has the request ids.
    pub entry: EntryId,
}

/// Loads the people of a link.
pub async fn people(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<BTreeMap<Who, LinkPerson>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let mut people = BTreeMap::new();
    for item in pages::all(store, &query, PAGE).await? {
        let key = Key::of(&item);
        let Some(who) = key.as_ref().and_then(|key| Who::from_sort_key(&key.sk)) else {
            // One broken item must not stop the sync for everyone else in the team.
            report_unreadable(key.as_ref());
            continue;
        };
        // Readings rebuild a person whose item cannot be read.
        people.extend(readable(item).map(|on_link| (who, on_link)));
    }
    Ok(people)
}

/// Part of a transaction: stores a person.
pub fn put_person(
    tenant: TenantId,
    team: TeamId,
    who: Who,
    on_link: &LinkPerson,
) -> Result<Write, StoreError> {
    let key = Key::new(team_partition(tenant, team), who.sort_key());
    Ok(Write::Put(to_item(&key, on_link)?, Condition::Any))
}

/// Part of a transaction: deletes a person.
pub fn delete_person(tenant: TenantId, team: TeamId, who: Who) -> Write {
    Write::Delete(Key::new(team_partition(tenant, team), who.sort_key()), Condition::Any)
}
