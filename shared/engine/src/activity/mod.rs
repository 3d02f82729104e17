//! The activity of each sync, stored for 90 days, and the record of decisions, for a year. A sync
//! has a trigger, changes and request ids. A decision has an actor.

mod actor;

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use uuid::Uuid;

pub use actor::{Actor, Admin, MicrosoftIdentity};

pub use crate::codes::{
    AdoptionRight, CardAnswer, ChangeReason, DecidedRoles, Decision, Note, Refusal, SignInRefusal,
};
use crate::stored::readable;
use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Role, Side};
use store::keys::{self, team_partition};
use store::message::Trigger;
use store::pages;
use store::table::{
    Condition, Cursor, EXPIRES_AT, Item, Key, Query, Store, StoreError, Write, to_item,
};

const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Time for which a decision is kept.
const RECORD_RETENTION: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Most changes in one item.
const PER_ITEM: usize = 500;

/// Items of one page of a query.
const PAGE: usize = 100;

/// Prefix of the items' sort keys.
const PREFIX: &str = "ACTIVITY#";

/// A moment in 2286, in milliseconds. Until then, the time left to it has 13 digits.
const FAR: u64 = 9_999_999_999_999;

/// The id of an activity entry. Later entries sort first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EntryId {
    before: u64,
    id: Uuid,
}

impl EntryId {
    /// Returns a new id for an act at `at`.
    pub fn new(at: Timestamp) -> Self {
        let at = at.as_millisecond().max(0).unsigned_abs();
        // Entries of the same millisecond need different ids.
        Self { before: FAR.saturating_sub(at), id: Uuid::now_v7() }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}-{}", self.before, self.id)
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

impl FromStr for EntryId {
    type Err = &'static str;

    /// Accepts only the spelling that `Display` writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (before, id) = text.split_once('-').ok_or("not an entry id")?;
        let before = before.parse().map_err(|_| "not an entry id")?;
        let id = Self { before, id: id.parse().map_err(|_| "not an entry id")? };
        (id.to_string() == text).then_some(id).ok_or("another spelling of an entry id")
    }
}

impl TryFrom<String> for EntryId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The acts of one sync on a link, or a decision of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The entry's id.
    pub id: EntryId,
    /// The beginning.
    pub at: Timestamp,
    /// The trigger.
    pub trigger: Trigger,
    /// The one who decided it; `None` for a sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The team of a decision in the tenant's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// Changes of people's roles.
    pub changes: Vec<PersonChange>,
    /// Everything else.
    pub notes: Vec<Note>,
    /// The services' request ids of all writes.
    pub request_ids: Vec<String>,
}

/// A change of one person's role on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonChange {
    /// The person.
    pub person: Person,
    /// The side.
    pub side: Side,
    /// The role before.
    pub from: Role,
    /// The role after.
    pub to: Role,
    /// The refusal, if the change was refused.
    pub refused: Option<Refusal>,
}

impl Activity {
    /// An empty activity that begins at `at`.
    pub fn new(at: Timestamp, trigger: Trigger) -> Self {
        Self {
            id: EntryId::new(at),
            at,
            trigger,
            actor: None,
            team: None,
            changes: vec![],
            notes: vec![],
            request_ids: vec![],
        }
    }

    /// Returns `true` if nothing was done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notes.is_empty()
    }

    /// Returns `true` for the beginning of a link, or a part of it: before, the two sides were not
    /// linked.
    pub fn begins_link(&self) -> bool {
        let begins = |note: &Note| match note {
            Note::Decided { decision } => matches!(**decision, Decision::GroupAdopted { .. }),
            note => matches!(note, Note::FirstSync | Note::GroupCreated { .. }),
        };
        self.notes.iter().any(begins)
    }

    /// Part of a transaction: stores the entry, in several items if it is large.
    pub fn puts(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let parts = self.changes.len().div_ceil(PER_ITEM).max(1);
        (0..parts).map(|n| self.part(tenant, team, n)).collect()
    }

    fn part(&self, tenant: TenantId, team: TeamId, n: usize) -> Result<Write, StoreError> {
        let changes = self.changes.iter().skip(n * PER_ITEM).take(PER_ITEM).cloned().collect();
        // Notes and request ids are stored once.
        let (notes, request_ids) = match n {
            0 => (self.notes.clone(), self.request_ids.clone()),
            _ => (vec![], vec![]),
        };
        let part = Self {
            id: self.id,
            actor: self.actor.clone(),
            team: self.team,
            changes,
            notes,
            request_ids,
            ..Self::new(self.at, self.trigger)
        };
        let mut item = item(&entry_key(tenant, team, self.id, n), &part, RETENTION)?;
        index(&mut item, tenant, self.id, n);
        Ok(Write::Put(item, Condition::Any))
    }
}

fn entry_key(tenant: TenantId, team: TeamId, id: EntryId, n: usize) -> Key {
    Key::new(team_partition(tenant, team), format!("{PREFIX}{id}#{n}"))
}

/// Part of a transaction: adds a decision to the tenant's record.
pub(crate) fn put_in_record(tenant: TenantId, entry: &Activity) -> Result<Write, StoreError> {
    let mut item = item(&keys::record(tenant, entry.id), entry, RECORD_RETENTION)?;
    // In one list with the syncs, so that an admin sees an act beside what followed from it.
    index(&mut item, tenant, entry.id, 0);
    Ok(Write::Put(item, Condition::Absent))
}

/// Part of a transaction: shows a decision about a team on the team's page. The list of everything
/// that was done has it from the record.
pub(crate) fn put_on_team(
    tenant: TenantId,
    team: TeamId,
    entry: &Activity,
) -> Result<Write, StoreError> {
    let item = item(&entry_key(tenant, team, entry.id, 0), entry, RETENTION)?;
    Ok(Write::Put(item, Condition::Any))
}

/// Returns `true` for the entry that says that the tenant was erased.
pub(crate) fn says_erased(item: Item) -> bool {
    let is_erasure = |note: &Note| match note {
        Note::Decided { decision } => **decision == Decision::TenantErased,
        _ => false,
    };
    readable::<Activity>(item).is_some_and(|entry| entry.notes.iter().any(is_erasure))
}

/// The item of an entry, which is kept for this long.
fn item(key: &Key, entry: &Activity, retention: SignedDuration) -> Result<Item, StoreError> {
    let mut item = to_item(key, entry)?;
    let expires_at = (entry.at + retention).as_second();
    item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at.to_string()));
    Ok(item)
}

/// Puts an item into the list of everything that was done.
fn index(item: &mut Item, tenant: TenantId, id: EntryId, n: usize) {
    item.insert("gsi2pk".into(), AttributeValue::S(tenant_index(tenant)));
    item.insert("gsi2sk".into(), AttributeValue::S(format!("{id}#{n}")));
}

/// Loads one entry, joined from all of its items.
pub async fn entry(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    id: EntryId,
) -> Result<Option<Activity>, StoreError> {
    let prefix = format!("{PREFIX}{id}#");
    let query = Query::Partition { pk: team_partition(tenant, team), prefix };
    let mut parts: Vec<(usize, Activity)> = vec![];
    for item in pages::all(store, &query, PAGE).await? {
        let part = Key::of(&item).and_then(|key| key.sk.rsplit('#').next()?.parse().ok());
        parts.extend(readable(item).map(|activity| (part.unwrap_or_default(), activity)));
    }
    parts.sort_by_key(|(n, _)| *n);
    Ok(parts.into_iter().map(|(_, part)| part).reduce(|mut whole, part| {
        whole.changes.extend(part.changes);
        whole
    }))
}

/// Loads a page of a link's entries, newest first. A large entry comes in several parts.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<Activity>, Option<Cursor>), StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let page = store.query(&query, limit, start).await?;
    Ok((page.items.into_iter().filter_map(readable).collect(), page.next))
}

/// An entry of the list of everything that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The team; `None` for a decision about the tenant.
    pub team: Option<TeamId>,
    /// The entry.
    pub activity: Activity,
}

/// Loads a page of the entries of all links and of all decisions, newest first.
///
/// A large entry comes in several parts.
pub async fn page_of_all(
    store: &dyn Store,
    tenant: TenantId,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<Listed>, Option<Cursor>), StoreError> {
    let query = Query::Listed { pk: tenant_index(tenant), prefix: String::new() };
    let page = store.query(&query, limit, start).await?;
    let keys: Vec<Key> = page.items.iter().filter_map(Key::of).collect();
    let record = keys::record_partition(tenant);
    let mut found = Vec::with_capacity(keys.len());
    // The index holds keys only, since it would double what each entry costs.
    for item in store.get_many(&keys).await? {
        let Some(key) = Key::of(&item) else { continue };
        let Some(activity) = readable::<Activity>(item) else { continue };
        let of_key = || key.pk.rsplit('#').next().and_then(|team| team.parse().ok());
        let team = if key.pk == record { activity.team } else { of_key() };
        // Our code writes no such key. One odd item must not hide the others.
        if team.is_none() && key.pk != record {
            continue;
        }
        let sort_key = key.sk.strip_prefix(PREFIX).unwrap_or(&key.sk).to_owned();
        found.push((sort_key, Listed { team, activity }));
    }
    // A batch of gets comes back in any order.
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok((found.into_iter().map(|(_, listed)| listed).collect(), page.next))
}

/// The index partition of all entries of a tenant.
fn tenant_index(tenant: TenantId) -> String {
    format!("ACTIVITY#{tenant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_entries_sort_first() {
        let at: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let (early, late) = (EntryId::new(at), EntryId::new(at + SignedDuration::from_millis(1)));
        assert!(late < early && late.to_string() < early.to_string());
    }

    #[test]
    fn entry_ids_have_one_spelling() {
        let id = EntryId::new("2026-11-23T08:00:00Z".parse().unwrap());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().to_uppercase().parse::<EntryId>().is_err());
        assert!(format!("0{id}").parse::<EntryId>().is_err());
    }
}
